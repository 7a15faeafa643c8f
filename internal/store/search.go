package store

import (
	"context"
	"strconv"
	"time"

	"slipway"
)

// A ReleaseRef is as much of a release as a search shows.
type ReleaseRef struct {
	Project  string
	ID       string
	Category string
	Created  time.Time
}

// FindReleases returns the newest releases that are not deleted and in whose id
// or category text occurs, in any case, most at most. Only are the ids of the
// projects to look in; nil is all, empty is none.
func (r Reader) FindReleases(ctx context.Context, only []string, text string, most int) ([]ReleaseRef, error) {
	var w where
	w.in("project", only)
	w.live("deleted", false)
	w.contains("lower(id || ' ' || category)", text)
	return all(ctx, r, "search releases", func(r row) (f ReleaseRef, err error) {
		err = r.Scan(&f.Project, &f.ID, &f.Category, at(&f.Created))
		return f, err
	}, stmt{`SELECT project, id, category, created FROM release` + w.String() + ` ORDER BY created DESC, id DESC LIMIT ` + w.arg(most), w.args})
}

// Name returns "projects/shop/releases/release_20261122-RC00".
func (f ReleaseRef) Name() string { return slipway.Release{Project: f.Project, ID: f.ID}.Name() }

// rolloutMatches asks for text to occur in a rollout's title, or to be the
// number of its plan.
func (w *where) rolloutMatches(text string) {
	if text == "" {
		return
	}
	w.contains("lower(title)", text)
	if plan, err := strconv.ParseInt(text, 10, 64); err == nil {
		last := len(w.conds) - 1
		w.conds[last] = "(" + w.conds[last] + " OR plan = " + w.arg(plan) + ")"
	}
}
