package store

import (
	"context"
	"strconv"

	"slipway"
)

const roleColumns = `id, title, description, permissions`

func scanRole(r row) (o slipway.Role, err error) {
	err = r.Scan(&o.ID, &o.Title, &o.Description, fromJSON(&o.Permissions))
	return o, err
}

func roleWhat(id string) string { return "role " + quote(id) }

// Role returns a custom role; the predefined ones are package iam's.
func (r Reader) Role(ctx context.Context, id string) (slipway.Role, error) {
	return one(ctx, r, roleWhat(id), scanRole, ask(`
		SELECT `+roleColumns+` FROM role WHERE id = $1`, id))
}

// Roles returns the custom roles by id, the first thousand.
func (r Reader) Roles(ctx context.Context) ([]slipway.Role, error) {
	return all(ctx, r, "list roles", scanRole, ask(`
		SELECT `+roleColumns+` FROM role ORDER BY id LIMIT $1`, slipway.MaxPageSize))
}

// CreateRole adds a custom role.
func (tx *Tx) CreateRole(ctx context.Context, o slipway.Role) error {
	return tx.create(ctx, roleWhat(o.ID), ask(`
		INSERT INTO role (`+roleColumns+`) VALUES ($1, $2, $3, $4)`,
		o.ID, o.Title, o.Description, asJSON(o.Permissions)))
}

// UpdateRole saves a custom role.
func (tx *Tx) UpdateRole(ctx context.Context, o slipway.Role) error {
	return tx.change(ctx, roleWhat(o.ID), ask(`
		UPDATE role SET title = $2, description = $3, permissions = $4 WHERE id = $1`,
		o.ID, o.Title, o.Description, asJSON(o.Permissions)))
}

// DeleteRole removes a custom role for good. Bindings that name it are the
// caller's to look for.
func (tx *Tx) DeleteRole(ctx context.Context, id string) error {
	return tx.change(ctx, roleWhat(id), ask(`DELETE FROM role WHERE id = $1`, id))
}

// noEtag is the etag of a policy that was never written.
const noEtag = "0"

const policyColumns = `resource, bindings, etag`

// A ResourcePolicy is the policy of a resource.
type ResourcePolicy struct {
	Resource string // "projects/shop"
	slipway.Policy
}

func scanPolicy(r row) (p ResourcePolicy, err error) {
	var etag int64
	err = r.Scan(&p.Resource, fromJSON(&p.Bindings), &etag)
	p.Etag = strconv.FormatInt(etag, 10)
	return p, err
}

// Policy returns who holds which roles on a resource: "workspaces/default" or
// "projects/shop". Without any it has no bindings and the etag "0".
func (r Reader) Policy(ctx context.Context, resource string) (slipway.Policy, error) {
	p, err := one(ctx, r, "policy of "+resource, scanPolicy, ask(`
		SELECT `+policyColumns+` FROM policy WHERE resource = $1`, resource))
	if slipway.KindOf(err) == slipway.NotFound {
		return slipway.Policy{Etag: noEtag}, nil
	}
	return p.Policy, err
}

// Policies lists every policy that was ever written, by resource.
func (r Reader) Policies(ctx context.Context, page slipway.Page) ([]ResourcePolicy, string, error) {
	var w where
	w.afterName("resource", page)
	return listing[ResourcePolicy]{
		what: "policies", text: `SELECT ` + policyColumns + ` FROM policy`, where: w, order: "resource",
		scan: scanPolicy, key: func(p ResourcePolicy) string { return p.Resource },
	}.page(ctx, r, page)
}

// SetPolicy replaces the policy of a resource and returns it with its new etag.
// It is a Conflict if p.Etag is given and is not the stored one, and also if
// another transaction writes the same policy at the same time.
func (tx *Tx) SetPolicy(ctx context.Context, resource string, p slipway.Policy) (slipway.Policy, error) {
	lost := slipway.Errorf(slipway.Conflict, "the policy of %s was changed by somebody else; read it again", resource)
	old, err := tx.Policy(ctx, resource)
	if err != nil {
		return slipway.Policy{}, err
	}
	if p.Etag != "" && p.Etag != old.Etag {
		return slipway.Policy{}, lost
	}
	etag, err := strconv.ParseInt(old.Etag, 10, 64)
	if err != nil {
		return slipway.Policy{}, lost // unreachable unless scanPolicy changes
	}
	n, err := tx.exec(ctx, "write the policy of "+resource, ask(`
		INSERT INTO policy (`+policyColumns+`) VALUES ($1, $2, $3)
		ON CONFLICT (resource) DO UPDATE SET bindings = excluded.bindings, etag = excluded.etag
		WHERE policy.etag = $4`,
		resource, asJSON(p.Bindings), etag+1, etag))
	if err != nil {
		return slipway.Policy{}, err
	}
	if n == 0 {
		return slipway.Policy{}, lost
	}
	p.Etag = strconv.FormatInt(etag+1, 10)
	return p, nil
}
