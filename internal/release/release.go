package release

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// A Config tunes a Service. Its zero value works.
type Config struct {
	Now func() time.Time // nil is time.Now
	// Parallel is how many databases a check asks at a time; 0 is 8.
	Parallel int
	// Patience is how long a check waits for one database; 0 is 20 seconds.
	Patience time.Duration
}

// A Service checks and keeps releases.
type Service struct {
	lg      *slog.Logger
	st      *store.Store
	gate    *gate.Gate
	engines map[slipway.Engine]engine.Engine
	cfg     Config
}

// New returns a Service on what st remembers. The engines are those whose
// databases a release can be checked against.
func New(lg *slog.Logger, st *store.Store, g *gate.Gate, engines map[slipway.Engine]engine.Engine, cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Parallel <= 0 {
		cfg.Parallel = 8
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 20 * time.Second
	}
	return &Service{lg: lg, st: st, gate: g, engines: engines, cfg: cfg}
}

const rpc = "/bytebase.v1.ReleaseService/"

// Release returns one release, deleted or not. Its files carry no statements.
func (s *Service) Release(ctx context.Context, who slipway.Principal, project, id string) (slipway.Release, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.ReleasesGet, Project: project,
		Resource: slipway.Release{Project: project, ID: id}.Name(), Method: rpc + "GetRelease",
	})
	if err != nil {
		return slipway.Release{}, err
	}
	return s.st.Release(ctx, project, id)
}

// A Filter picks releases of a project.
type Filter struct {
	Category    string // "" is any
	ShowDeleted bool
}

// Releases lists a project's releases, the newest first.
func (s *Service) Releases(ctx context.Context, who slipway.Principal, project string, f Filter, page slipway.Page) ([]slipway.Release, string, error) {
	if err := s.mayList(ctx, who, project, "ListReleases"); err != nil {
		return nil, "", err
	}
	return s.st.Releases(ctx, store.ReleaseQuery{Project: project, Category: f.Category, ShowDeleted: f.ShowDeleted}, page)
}

// Categories lists the categories that a project's releases have, sorted.
func (s *Service) Categories(ctx context.Context, who slipway.Principal, project string) ([]string, error) {
	if err := s.mayList(ctx, who, project, "ListReleaseCategories"); err != nil {
		return nil, err
	}
	return s.st.ReleaseCategories(ctx, project)
}

func (s *Service) mayList(ctx context.Context, who slipway.Principal, project, method string) error {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.ReleasesList, Project: project,
		Resource: "projects/" + project, Method: rpc + method,
	})
	if err != nil {
		return err
	}
	_, err = s.st.Project(ctx, project)
	return err
}

// Delete hides a release from lists and keeps it from being rolled out anew.
// Plans made from it go on.
func (s *Service) Delete(ctx context.Context, who slipway.Principal, project, id string) error {
	return s.setDeleted(ctx, gate.Act{Who: who, Permission: iam.ReleasesDelete, Project: project, Method: rpc + "DeleteRelease"}, id, true)
}

// Undelete takes a Delete back.
func (s *Service) Undelete(ctx context.Context, who slipway.Principal, project, id string) (slipway.Release, error) {
	act := gate.Act{Who: who, Permission: iam.ReleasesUndelete, Project: project, Method: rpc + "UndeleteRelease"}
	if err := s.setDeleted(ctx, act, id, false); err != nil {
		return slipway.Release{}, err
	}
	return s.st.Release(ctx, project, id)
}

func (s *Service) setDeleted(ctx context.Context, act gate.Act, id string, deleted bool) error {
	act.Resource = slipway.Release{Project: act.Project, ID: id}.Name()
	return s.gate.Do(ctx, act, func(tx *store.Tx) error {
		return tx.SetReleaseDeleted(ctx, act.Project, id, deleted)
	})
}

// Update refuses: what was reviewed under a name is what that name stays.
func (s *Service) Update(ctx context.Context, who slipway.Principal, project, id string) error {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.ReleasesUpdate, Project: project,
		Resource: slipway.Release{Project: project, ID: id}.Name(), Method: rpc + "UpdateRelease",
	})
	if err != nil {
		return err
	}
	return slipway.Errorf(slipway.Unimplemented, "a release cannot be changed: create a new release iteration instead")
}

// project returns a project that work can be done in.
func (s *Service) project(ctx context.Context, id string) (slipway.Project, error) {
	p, err := s.st.Project(ctx, id)
	if err != nil {
		return p, fmt.Errorf("read the project of a release: %w", err)
	}
	if p.Deleted {
		return p, slipway.Errorf(slipway.Precondition, "project %q is deleted", id)
	}
	return p, nil
}
