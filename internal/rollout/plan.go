package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"slipway"
	"slipway/internal/dbgroup"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// Bounds of a plan.
const (
	MaxSpecs       = 10
	MaxTargets     = 5000
	maxDescription = 10_000
)

const planRPC = "/bytebase.v1.PlanService/"

// A Planned plan comes with the stages of its rollout, if it has one.
type Planned struct {
	slipway.Plan
	Stages []slipway.Stage
}

// Plan returns one plan.
func (s *Service) Plan(ctx context.Context, who slipway.Principal, project string, id int64) (Planned, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.PlansGet, Project: project,
		Resource: slipway.Plan{Project: project, ID: id}.Name(), Method: planRPC + "GetPlan",
	})
	if err != nil {
		return Planned{}, err
	}
	p, err := s.st.Plan(ctx, project, id)
	if err != nil {
		return Planned{}, err
	}
	return s.withStages(ctx, p)
}

func (s *Service) withStages(ctx context.Context, p slipway.Plan) (Planned, error) {
	if !p.HasRollout {
		return Planned{Plan: p}, nil
	}
	ro, err := s.st.Rollout(ctx, p.Project, p.ID)
	if err != nil {
		return Planned{}, fmt.Errorf("read the rollout of %s: %w", p.Name(), err)
	}
	return Planned{Plan: p, Stages: ro.Stages}, nil
}

// Plans lists a project's plans, the newest first.
func (s *Service) Plans(ctx context.Context, who slipway.Principal, project string, page slipway.Page) ([]Planned, string, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.PlansList, Project: project, Resource: "projects/" + project, Method: planRPC + "ListPlans",
	})
	if err != nil {
		return nil, "", err
	}
	if _, err := s.st.Project(ctx, project); err != nil {
		return nil, "", err
	}
	list, next, err := s.st.Plans(ctx, project, page)
	if err != nil {
		return nil, "", err
	}
	planned := make([]Planned, 0, len(list))
	for _, p := range list {
		with, err := s.withStages(ctx, p)
		if err != nil {
			return nil, "", err
		}
		planned = append(planned, with)
	}
	return planned, next, nil
}

// CreatePlan makes a plan of p's title, description and specs, in which groups
// of databases stand for the databases that they have now. The same wish
// again, which is the same releases for the same databases, finds the plan that
// was made for it and made is false, unless that plan has had its effect and
// the databases no longer show it.
func (s *Service) CreatePlan(ctx context.Context, who slipway.Principal, p slipway.Plan) (plan Planned, made bool, err error) {
	act := gate.Act{
		Who: who, Permission: iam.PlansCreate, Project: p.Project,
		Resource: "projects/" + p.Project, Method: planRPC + "CreatePlan",
		Request: map[string]any{"title": p.Title, "specs": p.Specs},
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return plan, false, err
	}
	project, err := s.st.Project(ctx, p.Project)
	if err != nil {
		return plan, false, err
	}
	if project.Deleted {
		return plan, false, slipway.Errorf(slipway.Precondition, "project %q is deleted", p.Project)
	}
	if err := s.checkPlan(ctx, &p); err != nil {
		return plan, false, err
	}
	old, found, err := s.planFor(ctx, p)
	if err != nil || found {
		return old, false, err
	}
	p.Creator, p.Created, p.Updated = who.Name(), s.now(), s.now()
	err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
		p, err = tx.CreatePlan(ctx, p)
		return err
	})
	return Planned{Plan: p}, err == nil, err
}

// checkPlan makes p fit to be kept or says why it cannot be.
func (s *Service) checkPlan(ctx context.Context, p *slipway.Plan) error {
	if err := slipway.CheckTitle("plan", p.Title); err != nil {
		return err
	}
	if len(p.Description) > maxDescription {
		return slipway.Errorf(slipway.Invalid, "a plan's description has at most %d bytes", maxDescription)
	}
	if len(p.Specs) == 0 || len(p.Specs) > MaxSpecs {
		return slipway.Errorf(slipway.Invalid, "a plan has 1 to %d specs, not %d", MaxSpecs, len(p.Specs))
	}
	p.Specs = slices.Clone(p.Specs)
	sum, ids := sha256.New(), map[string]bool{}
	for i := range p.Specs {
		spec := &p.Specs[i]
		content, err := s.checkSpec(ctx, p.Project, spec)
		if err != nil {
			return err
		}
		if ids[spec.ID] {
			return slipway.Errorf(slipway.Invalid, "two specs have the id %q", spec.ID)
		}
		ids[spec.ID] = true
		fmt.Fprintf(sum, "%q %q %q\n", spec.Release, content, slices.Sorted(slices.Values(spec.Targets)))
	}
	p.Digest = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// checkSpec returns the digest of the spec's release. It gives a spec without
// an id one.
func (s *Service) checkSpec(ctx context.Context, project string, spec *slipway.Spec) (digest string, err error) {
	if spec.ID == "" {
		spec.ID = uuid.NewString()
	}
	if err := uuid.Validate(spec.ID); err != nil || len(spec.ID) != 36 {
		return "", slipway.Errorf(slipway.Invalid, "spec id %.50q is not a UUID", spec.ID)
	}
	if spec.Sheet != "" {
		return "", slipway.Errorf(slipway.Unimplemented, "plans are made from releases here, not from single sheets: create a release with the sheet as its file")
	}
	rel, err := s.release(ctx, project, spec.Release)
	if err != nil {
		return "", err
	}
	if rel.Deleted {
		return "", slipway.Errorf(slipway.Precondition, "%s is deleted", rel.Name())
	}
	if len(spec.Targets) == 0 || len(spec.Targets) > MaxTargets {
		return "", slipway.Errorf(slipway.Invalid, "a spec has 1 to %d targets, not %d", MaxTargets, len(spec.Targets))
	}
	order, err := environments(ctx, s.st.Reader)
	if err != nil {
		return "", err
	}
	refs, err := s.named(ctx, project, spec.Targets)
	if err != nil {
		return "", err
	}
	spec.Targets = make([]string, len(refs))
	for i, ref := range refs {
		t, err := s.target(ctx, project, ref)
		if err != nil {
			return "", err
		}
		if err := staged(t, order); err != nil {
			return "", err
		}
		spec.Targets[i] = ref.Name()
	}
	return rel.Digest, nil
}

// release returns a project's release by its resource name.
func (s *Service) release(ctx context.Context, project, name string) (slipway.Release, error) {
	ids, err := slipway.ParseName("projects/*/releases/*", name)
	if err != nil {
		return slipway.Release{}, err
	}
	if ids[0] != project {
		return slipway.Release{}, slipway.Errorf(slipway.Invalid, "%s is not a release of project %q", name, project)
	}
	return s.st.Release(ctx, project, ids[1])
}

// named returns the databases that a client named: by their instances, as part
// of the project, or by groups, which stand for their databases of now. From
// here on a plan knows databases alone, so one that fits a group later is never
// changed by a plan that nobody reviewed for it.
func (s *Service) named(ctx context.Context, project string, names []string) ([]slipway.DatabaseRef, error) {
	var refs, members []slipway.DatabaseRef
	seen := map[slipway.DatabaseRef]bool{}
	for _, name := range names {
		if dbgroup.IsName(name) {
			some, err := dbgroup.Expand(ctx, s.st.Reader, project, name)
			if err != nil {
				return nil, err
			}
			members = append(members, some...)
			continue
		}
		ref, err := slipway.ParseDatabase(name)
		if ids, inProject := slipway.ParseName("projects/*/instances/*/databases/*", name); inProject == nil && ids[0] == project {
			ref, err = slipway.DatabaseRef{Instance: ids[1], Database: ids[2]}, nil
		}
		if err != nil {
			return nil, err
		}
		if seen[ref] {
			return nil, slipway.Errorf(slipway.Invalid, "target %s is listed twice", ref.Name())
		}
		seen[ref] = true
		refs = append(refs, ref)
	}
	for _, ref := range members {
		if !seen[ref] {
			refs = append(refs, ref)
		}
		seen[ref] = true
	}
	if len(refs) > MaxTargets {
		return nil, slipway.Errorf(slipway.Exhausted, "a spec has at most %d targets, and the groups named stand for more", MaxTargets)
	}
	return refs, nil
}

// staged reports why t can be in no stage. A rollout that left it out would
// look done without it.
func staged(t target, order []string) error {
	env := t.environment()
	if env == "" {
		return slipway.Errorf(slipway.Precondition, "%s is in no environment, nor is its instance: set one, it decides the stage", t.Name())
	}
	if !slices.Contains(order, env) {
		return slipway.Errorf(slipway.Precondition, "%s is in environment %q, which the workspace does not list", t.Name(), env)
	}
	return nil
}

// planFor finds the plan that was made for the same wish as p, unless it is of
// no use any more: a database has changed its environment since, or a database
// that the plan was done for has lost what it brought (it was restored, or a
// revision was deleted so that its file runs again).
func (s *Service) planFor(ctx context.Context, p slipway.Plan) (Planned, bool, error) {
	old, err := s.st.PlanByDigest(ctx, p.Project, p.Digest)
	if slipway.KindOf(err) == slipway.NotFound && err != nil {
		return Planned{}, false, nil
	}
	if err != nil {
		return Planned{}, false, fmt.Errorf("look for the plan of the same wish: %w", err)
	}
	planned, err := s.withStages(ctx, old)
	if err != nil {
		return Planned{}, false, err
	}
	good, err := s.stillGood(ctx, planned)
	return planned, good && err == nil, err
}

// asked bounds how many databases are asked at a time whether a done change is
// still in them.
const asked = 16

func (s *Service) stillGood(ctx context.Context, p Planned) (bool, error) {
	files := map[string][]slipway.File{}
	for _, spec := range p.Specs {
		rel, err := s.release(ctx, p.Project, spec.Release)
		if err != nil {
			return false, fmt.Errorf("read the release of %s: %w", p.Name(), err)
		}
		files[spec.Release] = rel.Files
	}
	var bad atomic.Bool
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(asked)
	for _, stage := range p.Stages {
		for _, task := range stage.Tasks {
			g.Go(func() error {
				t, err := s.target(gctx, p.Project, task.Target)
				if err != nil {
					return err
				}
				if t.environment() != task.Environment || task.Status == slipway.Done && s.lost(gctx, t, files[task.Release]) {
					bad.Store(true)
				}
				return nil
			})
		}
	}
	err := g.Wait()
	return !bad.Load(), err
}

// lost reports whether a database no longer holds files that were applied to
// it. One that cannot be asked counts as it was left.
func (s *Service) lost(ctx context.Context, t target, files []slipway.File) bool {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	ledger, err := t.engine.Revisions(ctx, t.admin, t.Database.Database)
	if err != nil {
		return false
	}
	standings, err := slipway.Stand(files, ledger)
	if err != nil {
		return false
	}
	for _, st := range standings {
		if st.State == slipway.FilePending {
			return true
		}
	}
	return false
}
