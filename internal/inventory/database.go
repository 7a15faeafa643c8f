package inventory

import (
	"context"
	"fmt"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// MaxBatch bounds how many databases one call changes.
const MaxBatch = 1000

const databaseRPC = "/bytebase.v1.DatabaseService/"

// A Located database comes with the instance that it is on.
type Located struct {
	slipway.Database
	On slipway.Instance
}

// Effective returns the id of the environment that counts: the database's own
// or else its instance's.
func (l Located) Effective() string {
	if l.Environment != "" {
		return l.Environment
	}
	return l.On.Environment
}

// A Place says which database is meant: by its instance alone, or as part of a
// project, in which case it is found only there.
type Place struct {
	slipway.DatabaseRef
	Project string // id; "" for whichever it is in
}

// Database returns one database, those gone from their server included.
func (s *Service) Database(ctx context.Context, who slipway.Principal, at Place) (Located, error) {
	return s.locate(ctx, gate.Act{Who: who, Permission: iam.DatabasesGet, Method: databaseRPC + "GetDatabase"}, at)
}

// locate returns the database that act is allowed on. A caller without the
// right is refused in the same words whether the database exists or not.
func (s *Service) locate(ctx context.Context, act gate.Act, at Place) (Located, error) {
	act.Resource = at.Name()
	d, err := s.st.Database(ctx, at.DatabaseRef)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return Located{}, err
	}
	if err == nil {
		act.Project = d.Project
	}
	if denied := s.gate.Can(ctx, act); denied != nil {
		return Located{}, denied
	}
	if err != nil {
		return Located{}, err
	}
	if at.Project != "" && at.Project != d.Project {
		return Located{}, slipway.Errorf(slipway.NotFound, "database %q not found in project %q", at.Name(), at.Project)
	}
	i, err := s.st.Instance(ctx, at.Instance)
	if err != nil {
		return Located{}, fmt.Errorf("read the instance of %s: %w", at.Name(), err)
	}
	return Located{Database: d, On: i}, nil
}

// A DatabaseFilter picks databases. Empty fields pick all.
type DatabaseFilter struct {
	Project     string // id
	Instance    string // id
	Environment string // id, the effective one
	Search      string // part of the name, any case
	Labels      map[string]string
	ShowDeleted bool
	// UnassignedOnly picks those in the default project, AssignedOnly the others.
	UnassignedOnly, AssignedOnly bool
}

// Databases lists databases. With a project in the filter the right to list
// them in that project is enough; without one it takes the workspace's.
func (s *Service) Databases(ctx context.Context, who slipway.Principal, f DatabaseFilter, page slipway.Page) ([]Located, string, error) {
	act := gate.Act{Who: who, Permission: iam.DatabasesList, Resource: slipway.WorkspaceName, Method: databaseRPC + "ListDatabases"}
	if f.Project != "" {
		act.Project, act.Resource = f.Project, "projects/"+f.Project
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, "", err
	}
	list, next, err := s.st.Databases(ctx, store.DatabaseQuery{
		Project: f.Project, Instance: f.Instance, Environment: f.Environment, Search: f.Search, Labels: f.Labels,
		ShowDeleted: f.ShowDeleted, UnassignedOnly: f.UnassignedOnly, AssignedOnly: f.AssignedOnly,
	}, page)
	if err != nil {
		return nil, "", err
	}
	located, err := s.on(ctx, list)
	return located, next, err
}

// on finds the instances of databases, each once.
func (s *Service) on(ctx context.Context, list []slipway.Database) ([]Located, error) {
	found := map[string]slipway.Instance{}
	located := make([]Located, 0, len(list))
	for _, d := range list {
		i, ok := found[d.Instance]
		if !ok {
			var err error
			if i, err = s.st.Instance(ctx, d.Instance); err != nil {
				return nil, fmt.Errorf("read the instance of %s: %w", d.Name(), err)
			}
			found[d.Instance] = i
		}
		located = append(located, Located{Database: d, On: i})
	}
	return located, nil
}

// allDatabases reads every page of a list.
func allDatabases(ctx context.Context, r store.Reader, q store.DatabaseQuery) ([]slipway.Database, error) {
	var all []slipway.Database
	page := slipway.Page{Size: slipway.MaxPageSize}
	for {
		list, next, err := r.Databases(ctx, q, page)
		if err != nil {
			return nil, fmt.Errorf("list databases: %w", err)
		}
		all = append(all, list...)
		if next == "" {
			return all, nil
		}
		page.After = next
	}
}

// A DatabasePatch says what to change about a database; nil leaves it alone.
type DatabasePatch struct {
	At          Place
	Project     *string            // id of the project that takes it over
	Environment *string            // id; "" for its instance's
	Labels      *map[string]string //
}

// UpdateDatabases changes databases, all or none, and returns them in the order
// given.
func (s *Service) UpdateDatabases(ctx context.Context, who slipway.Principal, patches []DatabasePatch) ([]Located, error) {
	if len(patches) == 0 || len(patches) > MaxBatch {
		return nil, slipway.Errorf(slipway.Invalid, "change 1 to %d databases in one call, not %d", MaxBatch, len(patches))
	}
	acts := make([]gate.Act, len(patches))
	for i, p := range patches {
		act, err := s.mayChange(ctx, who, p)
		if err != nil {
			return nil, err
		}
		acts[i] = act
	}
	changed := make([]slipway.Database, len(patches))
	// The gate writes one audit row for an act; the batch stands under its first.
	err := s.gate.Do(ctx, batch(acts), func(tx *store.Tx) error {
		for i, p := range patches {
			d, err := change(ctx, tx, p, acts[i].Project)
			if err != nil {
				return err
			}
			changed[i] = d
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.on(ctx, changed)
}

// batch is the act of a call that changes several databases.
func batch(acts []gate.Act) gate.Act {
	act := acts[0]
	if len(acts) > 1 {
		requests := make([]any, len(acts))
		for i, a := range acts {
			requests[i] = a.Request
		}
		act.Method, act.Request = databaseRPC+"BatchUpdateDatabases", requests
	}
	return act
}

// mayChange decides whether the caller may make one change: on the project that
// has the database and, when it moves, on the one that takes it.
func (s *Service) mayChange(ctx context.Context, who slipway.Principal, p DatabasePatch) (gate.Act, error) {
	act := gate.Act{Who: who, Permission: iam.DatabasesUpdate, Method: databaseRPC + "UpdateDatabase"}
	l, err := s.locate(ctx, act, p.At)
	if err != nil {
		return act, err
	}
	act.Resource, act.Project = p.At.Name(), l.Project
	act.Request = map[string]any{"database": p.At.Name(), "project": p.Project, "environment": p.Environment, "labels": p.Labels}
	if p.Project != nil && *p.Project != l.Project {
		into := act
		into.Project, into.Resource = *p.Project, "projects/"+*p.Project
		if err := s.gate.Can(ctx, into); err != nil {
			return act, err
		}
	}
	return act, nil
}

// change makes one change to a database that is still in project from, where
// the caller's right was looked up.
func change(ctx context.Context, tx *store.Tx, p DatabasePatch, from string) (slipway.Database, error) {
	d, err := tx.Database(ctx, p.At.DatabaseRef)
	if err != nil {
		return d, err
	}
	if d.Project != from {
		return d, slipway.Errorf(slipway.Conflict, "%s has just been moved to another project", d.Name())
	}
	if p.Project != nil {
		to, err := tx.Project(ctx, *p.Project)
		if err != nil {
			return d, err
		}
		if to.Deleted {
			return d, slipway.Errorf(slipway.Precondition, "project %q is deleted", to.ID)
		}
		d.Project = to.ID
	}
	if p.Environment != nil {
		if err := knownEnvironment(ctx, tx.Reader, *p.Environment); err != nil {
			return d, err
		}
		d.Environment = *p.Environment
	}
	if p.Labels != nil {
		if err := checkLabels(*p.Labels); err != nil {
			return d, err
		}
		d.Labels = *p.Labels
	}
	return d, tx.PutDatabase(ctx, d)
}

// Schema returns the structure of a database as DDL, read from it now.
func (s *Service) Schema(ctx context.Context, who slipway.Principal, at Place) (string, error) {
	l, err := s.locate(ctx, gate.Act{Who: who, Permission: iam.DatabasesGetSchema, Method: databaseRPC + "GetDatabaseSchema"}, at)
	if err != nil {
		return "", err
	}
	return s.schema(ctx, l)
}

func (s *Service) schema(ctx context.Context, l Located) (string, error) {
	e, err := s.engine(l.On.Engine)
	if err != nil {
		return "", err
	}
	admin, ok := l.On.Admin()
	if !ok || l.On.Deleted {
		return "", slipway.Errorf(slipway.Precondition, "instance %q is deleted", l.On.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	ddl, err := e.Schema(ctx, admin, l.Database.Database)
	if err != nil {
		return "", unreachable(l.On, err)
	}
	return ddl, nil
}

// SyncDatabase asks whether a database is there and can be read, and keeps the
// answer.
func (s *Service) SyncDatabase(ctx context.Context, who slipway.Principal, at Place) error {
	act := gate.Act{Who: who, Permission: iam.DatabasesSync, Method: databaseRPC + "SyncDatabase"}
	l, err := s.locate(ctx, act, at)
	if err != nil {
		return err
	}
	act.Project, act.Resource = l.Project, at.Name()
	_, failed := s.schema(ctx, l)
	if failed != nil && slipway.KindOf(failed) == slipway.Internal {
		return failed
	}
	err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
		d, err := tx.Database(ctx, at.DatabaseRef)
		if err != nil {
			return err
		}
		d.SyncError = ""
		if failed != nil {
			d.SyncError = slipway.MessageOf(failed)
			d.Deleted = d.Deleted || slipway.KindOf(failed) == slipway.NotFound
		} else {
			d.Synced, d.Deleted = s.now(), false
		}
		return tx.PutDatabase(ctx, d)
	})
	if err != nil {
		return err
	}
	return failed
}
