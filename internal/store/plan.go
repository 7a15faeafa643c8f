package store

import (
	"context"
	"strconv"

	"slipway"
)

const planColumns = `project, title, description, specs, creator, created, updated, digest`

// selectPlan reads plans with whether each has a rollout.
const selectPlan = `SELECT id, ` + planColumns + `, EXISTS (SELECT 1 FROM rollout WHERE rollout.plan = plan.id) FROM plan`

func scanPlan(r row) (p slipway.Plan, err error) {
	err = r.Scan(&p.ID, &p.Project, &p.Title, &p.Description, fromJSON(&p.Specs), &p.Creator, at(&p.Created), at(&p.Updated), &p.Digest, &p.HasRollout)
	return p, err
}

func planWhat(project string, id int64) string {
	return "plan " + quote(slipway.Plan{Project: project, ID: id}.Name())
}

// Plan returns a plan.
func (r Reader) Plan(ctx context.Context, project string, id int64) (slipway.Plan, error) {
	return one(ctx, r, planWhat(project, id), scanPlan, ask(selectPlan+` WHERE project = $1 AND id = $2`, project, id))
}

// PlanByDigest returns a project's newest plan of some content for some targets.
func (r Reader) PlanByDigest(ctx context.Context, project, digest string) (slipway.Plan, error) {
	return one(ctx, r, "plan with this content", scanPlan, ask(selectPlan+`
		WHERE project = $1 AND digest = $2 ORDER BY id DESC LIMIT 1`, project, digest))
}

// Plans lists plans, newest first.
func (r Reader) Plans(ctx context.Context, project string, page slipway.Page) ([]slipway.Plan, string, error) {
	var w where
	w.and("project = " + w.arg(project))
	if err := w.beforeNumber("id", page); err != nil {
		return nil, "", err
	}
	return listing[slipway.Plan]{
		what: "plans", text: selectPlan, where: w, order: "id DESC",
		scan: scanPlan, key: func(p slipway.Plan) string { return strconv.FormatInt(p.ID, 10) },
	}.page(ctx, r, page)
}

// CreatePlan adds a plan and returns it with its ID.
func (tx *Tx) CreatePlan(ctx context.Context, p slipway.Plan) (slipway.Plan, error) {
	id, err := one(ctx, tx.Reader, "the new plan", scanned[int64], ask(`
		INSERT INTO plan (`+planColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		RETURNING id`,
		p.Project, p.Title, p.Description, asJSON(p.Specs), p.Creator, p.Created, p.Updated, p.Digest))
	p.ID = id
	return p, err
}
