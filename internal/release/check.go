package release

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"slipway"
	"slipway/internal/dbgroup"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/sqltext"
	"slipway/internal/store"
)

// MaxTargets bounds the databases of one check.
const MaxTargets = 5000

// A Question is a set of files to be checked against some databases.
type Question struct {
	Project string
	Files   []slipway.File // each with a Statement, or with the SHA256 of a sheet of the project
	Targets []string       // names of databases and database groups; none is every database of the project
}

// An Answer is what a check found.
type Answer struct {
	Results  []slipway.CheckResult // by target in the order asked, then by file in version order; silent ones left out
	Affected int64                 // rows, estimated, over all results
	Risk     slipway.RiskLevel     // the gravest
	Pending  int                   // files that would run, over all targets
}

// Check says what is wrong with files and what they would do to databases,
// without touching any. What is wrong with the request, two files of one
// version for instance, is an error; what is wrong with a file or a database is
// a finding.
func (s *Service) Check(ctx context.Context, who slipway.Principal, q Question) (Answer, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.ReleasesCheck, Project: q.Project,
		Resource: "projects/" + q.Project, Method: rpc + "CheckRelease",
	})
	if err != nil {
		return Answer{}, err
	}
	project, err := s.project(ctx, q.Project)
	if err != nil {
		return Answer{}, err
	}
	raw, err := s.fill(ctx, q.Project, q.Files)
	if err != nil {
		return Answer{}, err
	}
	files, err := arrange(raw)
	if err != nil {
		return Answer{}, err
	}
	targets, err := s.targets(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	c := &check{s: s, project: project, files: files, texts: make([][]byte, len(files))}
	for i, f := range files {
		if text, err := sqltext.Prepare(f.Statement); err == nil {
			c.texts[i] = text
		}
	}
	verdicts := make([]verdict, len(targets))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.cfg.Parallel)
	for i, t := range targets {
		g.Go(func() error {
			verdicts[i] = c.against(gctx, t)
			return gctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return Answer{}, fmt.Errorf("check a release: %w", err)
	}
	return sum(verdicts), nil
}

// sum puts the verdicts on the targets together.
func sum(verdicts []verdict) (a Answer) {
	advices := 0
	for _, v := range verdicts {
		a.Pending += v.pending
		for _, r := range v.results {
			a.Affected += r.Affected
			if r.Risk.Above(a.Risk) {
				a.Risk = r.Risk
			}
			if r.Advices = bounded(r.Advices, advices); len(r.Advices) == 0 && r.Affected == 0 && !r.Risk.Above(slipway.RiskLow) {
				continue
			}
			advices += len(r.Advices)
			a.Results = append(a.Results, r)
		}
	}
	return a
}

// Bounds of an answer. Beyond them findings are counted, not shown; that there
// is an error is always shown.
const (
	maxPerLevel = 100    // of one file on one target; the review alone tells half as many
	maxAdvices  = 20_000 // of an answer
)

// bounded cuts the findings of a result; before is how many the answer has.
func bounded(list []slipway.Advice, before int) []slipway.Advice {
	most := maxPerLevel
	if before >= maxAdvices {
		most = 1
	}
	kept := make([]slipway.Advice, 0, min(len(list), 2*most))
	counts, left := map[slipway.AdviceLevel]int{}, map[slipway.AdviceLevel]int{}
	for _, a := range list {
		if counts[a.Level]++; counts[a.Level] > most {
			left[a.Level]++
			continue
		}
		kept = append(kept, a)
	}
	for _, level := range []slipway.AdviceLevel{slipway.AdviceError, slipway.AdviceWarning} {
		if left[level] > 0 {
			kept = append(kept, slipway.Advice{
				Level: level, Code: noteCode, Title: "More findings",
				Content: fmt.Sprintf("%d more findings of this level are not shown", left[level]),
			})
		}
	}
	return kept
}

// A target is a database to check against.
type target struct {
	slipway.DatabaseRef
	on      slipway.Instance
	problem error // why it cannot be asked; nil if it can
}

// targets expands what q names. A name that is not one of the project's
// databases is an error, whether there is such a database or not.
func (s *Service) targets(ctx context.Context, q Question) ([]target, error) {
	refs, err := s.refs(ctx, q)
	if err != nil {
		return nil, err
	}
	instances := map[string]slipway.Instance{}
	list := make([]target, 0, len(refs))
	for _, ref := range refs {
		d, err := s.st.Database(ctx, ref)
		if err != nil && slipway.KindOf(err) != slipway.NotFound {
			return nil, err
		}
		if err != nil || d.Project != q.Project {
			return nil, slipway.Errorf(slipway.NotFound, "%s is not a database of project %q", ref.Name(), q.Project)
		}
		i, ok := instances[ref.Instance]
		if !ok {
			if i, err = s.st.Instance(ctx, ref.Instance); err != nil {
				return nil, fmt.Errorf("read the instance of %s: %w", ref.Name(), err)
			}
			instances[ref.Instance] = i
		}
		t := target{DatabaseRef: ref, on: i}
		switch {
		case i.Deleted:
			t.problem = slipway.Errorf(slipway.Precondition, "instance %q is deleted", i.ID)
		case d.Deleted:
			t.problem = slipway.Errorf(slipway.Precondition, "the database was gone from its server when it was last synced")
		case s.engines[i.Engine] == nil:
			t.problem = slipway.Errorf(slipway.Precondition, "engine %s is not supported", i.Engine)
		}
		list = append(list, t)
	}
	return list, nil
}

func (s *Service) refs(ctx context.Context, q Question) ([]slipway.DatabaseRef, error) {
	if len(q.Targets) > MaxTargets {
		return nil, slipway.Errorf(slipway.Exhausted, "a check has at most %d targets, not %d", MaxTargets, len(q.Targets))
	}
	if len(q.Targets) == 0 {
		return s.allRefs(ctx, q.Project)
	}
	refs := make([]slipway.DatabaseRef, 0, len(q.Targets))
	seen := map[slipway.DatabaseRef]bool{}
	add := func(ref slipway.DatabaseRef) {
		if !seen[ref] {
			refs = append(refs, ref)
		}
		seen[ref] = true
	}
	for _, name := range q.Targets {
		if dbgroup.IsName(name) {
			members, err := dbgroup.Expand(ctx, s.st.Reader, q.Project, name)
			if err != nil {
				return nil, err
			}
			for _, ref := range members {
				add(ref)
			}
			continue
		}
		ref, err := slipway.ParseDatabase(name)
		if ids, inProject := slipway.ParseName("projects/*/instances/*/databases/*", name); inProject == nil && ids[0] == q.Project {
			ref, err = slipway.DatabaseRef{Instance: ids[1], Database: ids[2]}, nil
		}
		if err != nil {
			return nil, err
		}
		add(ref)
	}
	if len(refs) > MaxTargets {
		return nil, slipway.Errorf(slipway.Exhausted, "a check has at most %d targets, and the groups named stand for %d", MaxTargets, len(refs))
	}
	return refs, nil
}

func (s *Service) allRefs(ctx context.Context, project string) ([]slipway.DatabaseRef, error) {
	var refs []slipway.DatabaseRef
	page := slipway.Page{Size: slipway.MaxPageSize}
	for {
		list, next, err := s.st.Databases(ctx, store.DatabaseQuery{Project: project}, page)
		if err != nil {
			return nil, fmt.Errorf("list the databases of project %s: %w", project, err)
		}
		for _, d := range list {
			refs = append(refs, d.DatabaseRef)
		}
		if len(refs) > MaxTargets {
			return nil, slipway.Errorf(slipway.Exhausted, "project %q has more than %d databases: name the targets", project, MaxTargets)
		}
		if next == "" {
			break
		}
		page.After = next
	}
	if len(refs) == 0 {
		return nil, slipway.Errorf(slipway.Precondition, "project %q has no database to check against: move one into it, or name targets", project)
	}
	return refs, nil
}
