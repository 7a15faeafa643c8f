package dbgroup

import (
	"context"
	"fmt"

	"slipway"
	"slipway/internal/store"
)

// Candidates returns the databases of a project that changes can be made to, by
// instance and name.
func Candidates(ctx context.Context, r store.Reader, project string) ([]Candidate, error) {
	var all []Candidate
	page := slipway.Page{Size: slipway.MaxPageSize}
	for {
		list, next, err := r.Candidates(ctx, project, page)
		if err != nil {
			return nil, fmt.Errorf("list the databases of project %s: %w", project, err)
		}
		all = append(all, list...)
		if next == "" {
			return all, nil
		}
		page.After = next
	}
}

// IsName reports whether a target is named as database groups are.
func IsName(name string) bool {
	_, err := slipway.ParseName("projects/*/databaseGroups/*", name)
	return err == nil
}

// Expand returns the databases that a group of the project stands for now. None
// is a Precondition: a change that nothing is made by would look done.
func Expand(ctx context.Context, r store.Reader, project, name string) ([]slipway.DatabaseRef, error) {
	ids, err := slipway.ParseName("projects/*/databaseGroups/*", name)
	if err != nil {
		return nil, err
	}
	if ids[0] != project {
		return nil, slipway.Errorf(slipway.Invalid, "%s is not a database group of project %q", name, project)
	}
	g, err := r.DatabaseGroup(ctx, project, ids[1])
	if err != nil {
		return nil, err
	}
	c, err := Compile(g.Expr)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", g.Name(), err)
	}
	all, err := Candidates(ctx, r, project)
	if err != nil {
		return nil, err
	}
	picked, err := c.Pick(all)
	if err != nil {
		return nil, err
	}
	if len(picked) == 0 {
		return nil, slipway.Errorf(slipway.Precondition, "%s stands for no database now: no database of project %q fits its condition", g.Name(), project)
	}
	refs := make([]slipway.DatabaseRef, len(picked))
	for i, d := range picked {
		refs[i] = d.DatabaseRef
	}
	return refs, nil
}
