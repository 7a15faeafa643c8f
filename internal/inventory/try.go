package inventory

import (
	"context"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// An Answer is what an instance said when it was tried.
type Answer struct {
	Version   string
	Databases []string // names
}

// TryInstance connects to an instance that is not there yet, and keeps nothing.
func (s *Service) TryInstance(ctx context.Context, who slipway.Principal, i slipway.Instance) (Answer, error) {
	act := onInstance(who, iam.InstancesCreate, i.ID, "CreateInstance")
	act.Request = public(i)
	if err := s.gate.Can(ctx, act); err != nil {
		return Answer{}, err
	}
	return s.try(ctx, act, i)
}

// TrySources connects to an instance by other data sources, and keeps nothing.
// Secrets that they leave out are those that UpdateInstance would keep.
func (s *Service) TrySources(ctx context.Context, who slipway.Principal, id string, sources []slipway.Source) (Answer, error) {
	act := onInstance(who, iam.InstancesUpdate, id, "UpdateInstance")
	if err := s.gate.Can(ctx, act); err != nil {
		return Answer{}, err
	}
	i, err := s.st.Instance(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	if i.Sources, err = keepSecrets(i.Sources, sources); err != nil {
		return Answer{}, err
	}
	act.Request = public(i)
	return s.try(ctx, act, i)
}

func (s *Service) try(ctx context.Context, act gate.Act, i slipway.Instance) (Answer, error) {
	names, err := s.reach(ctx, &i)
	if err != nil {
		s.gate.Note(ctx, act, err)
		return Answer{}, err
	}
	return Answer{Version: i.Version, Databases: names}, nil
}

// A Count is how many databases of a project are in an environment.
type Count = store.DatabaseCount

// CountDatabases counts a project's databases by environment.
func (s *Service) CountDatabases(ctx context.Context, who slipway.Principal, project string) ([]Count, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.DatabasesList, Project: project, Resource: "projects/" + project, Method: databaseRPC + "ListDatabases",
	})
	if err != nil {
		return nil, err
	}
	return s.st.DatabaseCounts(ctx, project)
}
