package inventory

import (
	"context"

	"slipway"
	"slipway/internal/dbgroup"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// MaxDatabaseGroups bounds the database groups of a project.
const MaxDatabaseGroups = 100

const databaseGroupRPC = "/bytebase.v1.DatabaseGroupService/"

// A Match is a database that a database group stands for.
type Match = dbgroup.Candidate

// A Grouping is a database group and the databases that it stands for now.
type Grouping struct {
	slipway.DatabaseGroup
	Matched []Match // by instance and name
}

func onDatabaseGroup(who slipway.Principal, p iam.Permission, project, id, method string) gate.Act {
	g := slipway.DatabaseGroup{Project: project, ID: id}
	return gate.Act{Who: who, Permission: p, Project: project, Resource: g.Name(), Method: databaseGroupRPC + method}
}

// DatabaseGroup returns a database group.
func (s *Service) DatabaseGroup(ctx context.Context, who slipway.Principal, project, id string) (slipway.DatabaseGroup, error) {
	if err := s.gate.Can(ctx, onDatabaseGroup(who, iam.DatabaseGroupsGet, project, id, "GetDatabaseGroup")); err != nil {
		return slipway.DatabaseGroup{}, err
	}
	return s.st.DatabaseGroup(ctx, project, id)
}

// Grouping returns a database group and the databases that it stands for.
func (s *Service) Grouping(ctx context.Context, who slipway.Principal, project, id string) (Grouping, error) {
	g, err := s.DatabaseGroup(ctx, who, project, id)
	if err != nil {
		return Grouping{}, err
	}
	list, err := s.grouped(ctx, project, []slipway.DatabaseGroup{g})
	if err != nil {
		return Grouping{}, err
	}
	return list[0], nil
}

// DatabaseGroups lists the database groups of a project by id, with the
// databases that they stand for.
func (s *Service) DatabaseGroups(ctx context.Context, who slipway.Principal, project string) ([]Grouping, error) {
	act := onDatabaseGroup(who, iam.DatabaseGroupsList, project, "", "ListDatabaseGroups")
	act.Resource = "projects/" + project
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, err
	}
	if _, err := s.st.Project(ctx, project); err != nil {
		return nil, err
	}
	groups, err := s.st.DatabaseGroups(ctx, project)
	if err != nil || len(groups) == 0 {
		return nil, err
	}
	return s.grouped(ctx, project, groups)
}

// PickDatabases returns the databases of a project that a database group with
// the condition expr would stand for.
func (s *Service) PickDatabases(ctx context.Context, who slipway.Principal, project, expr string) ([]Match, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.DatabasesList, Project: project, Resource: "projects/" + project, Method: databaseRPC + "ListDatabases",
	})
	if err != nil {
		return nil, err
	}
	list, err := s.grouped(ctx, project, []slipway.DatabaseGroup{{Project: project, Expr: expr}})
	if err != nil {
		return nil, err
	}
	return list[0].Matched, nil
}

// grouped finds the databases of groups of one project.
func (s *Service) grouped(ctx context.Context, project string, groups []slipway.DatabaseGroup) ([]Grouping, error) {
	all, err := dbgroup.Candidates(ctx, s.st.Reader, project)
	if err != nil {
		return nil, err
	}
	list := make([]Grouping, len(groups))
	for i, g := range groups {
		c, err := dbgroup.Compile(g.Expr)
		if err != nil {
			return nil, err
		}
		list[i].DatabaseGroup = g
		if list[i].Matched, err = c.Pick(all); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// CreateDatabaseGroup makes a database group. With try it only says whether it
// would, and what the group would stand for.
func (s *Service) CreateDatabaseGroup(ctx context.Context, who slipway.Principal, g slipway.DatabaseGroup, try bool) (Grouping, error) {
	act := onDatabaseGroup(who, iam.DatabaseGroupsCreate, g.Project, g.ID, "CreateDatabaseGroup")
	act.Request = map[string]any{"title": g.Title, "databaseExpr": g.Expr}
	if err := s.gate.Can(ctx, act); err != nil {
		return Grouping{}, err
	}
	if err := slipway.CheckID("database group", g.ID); err != nil {
		return Grouping{}, err
	}
	if g.Title == "" {
		g.Title = g.ID
	}
	if err := checkDatabaseGroup(g); err != nil {
		return Grouping{}, err
	}
	g.Created = s.now()
	if try {
		if err := roomForGroup(ctx, s.st.Reader, g); err != nil {
			return Grouping{}, err
		}
	} else if err := s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if err := roomForGroup(ctx, tx.Reader, g); err != nil {
			return err
		}
		return tx.CreateDatabaseGroup(ctx, g)
	}); err != nil {
		return Grouping{}, err
	}
	list, err := s.grouped(ctx, g.Project, []slipway.DatabaseGroup{g})
	if err != nil {
		return Grouping{}, err
	}
	return list[0], nil
}

func checkDatabaseGroup(g slipway.DatabaseGroup) error {
	if err := slipway.CheckTitle("database group", g.Title); err != nil {
		return err
	}
	_, err := dbgroup.Compile(g.Expr)
	return err
}

// roomForGroup reports why g cannot be added.
func roomForGroup(ctx context.Context, r store.Reader, g slipway.DatabaseGroup) error {
	p, err := r.Project(ctx, g.Project)
	if err != nil {
		return err
	}
	if p.Deleted {
		return slipway.Errorf(slipway.Precondition, "project %q is deleted", p.ID)
	}
	there, err := r.DatabaseGroups(ctx, g.Project)
	if err != nil {
		return err
	}
	for _, old := range there {
		if old.ID == g.ID {
			return slipway.Errorf(slipway.Exists, "database group %q already exists", g.Name())
		}
	}
	if len(there) >= MaxDatabaseGroups {
		return slipway.Errorf(slipway.Exhausted, "a project has at most %d database groups", MaxDatabaseGroups)
	}
	return nil
}

// A DatabaseGroupPatch says what to change about a database group; nil leaves it
// alone.
type DatabaseGroupPatch struct {
	Title *string
	Expr  *string
}

// UpdateDatabaseGroup changes a database group. Plans that were made from it
// keep the databases that they have.
func (s *Service) UpdateDatabaseGroup(ctx context.Context, who slipway.Principal, project, id string, patch DatabaseGroupPatch) (Grouping, error) {
	act := onDatabaseGroup(who, iam.DatabaseGroupsUpdate, project, id, "UpdateDatabaseGroup")
	act.Request = patch
	var g slipway.DatabaseGroup
	err := s.gate.Do(ctx, act, func(tx *store.Tx) (err error) {
		if g, err = tx.DatabaseGroup(ctx, project, id); err != nil {
			return err
		}
		set(&g.Title, patch.Title)
		set(&g.Expr, patch.Expr)
		if err := checkDatabaseGroup(g); err != nil {
			return err
		}
		return tx.UpdateDatabaseGroup(ctx, g)
	})
	if err != nil {
		return Grouping{}, err
	}
	list, err := s.grouped(ctx, project, []slipway.DatabaseGroup{g})
	if err != nil {
		return Grouping{}, err
	}
	return list[0], nil
}

// DeleteDatabaseGroup removes a database group for good; its databases stay, and
// so do plans that were made from it.
func (s *Service) DeleteDatabaseGroup(ctx context.Context, who slipway.Principal, project, id string) error {
	return s.gate.Do(ctx, onDatabaseGroup(who, iam.DatabaseGroupsDelete, project, id, "DeleteDatabaseGroup"), func(tx *store.Tx) error {
		return tx.DeleteDatabaseGroup(ctx, project, id)
	})
}
