package inventory

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

const instanceRPC = "/bytebase.v1.InstanceService/"

// Instance returns one instance, deleted or not.
func (s *Service) Instance(ctx context.Context, who slipway.Principal, id string) (slipway.Instance, error) {
	if err := s.gate.Can(ctx, onInstance(who, iam.InstancesGet, id, "GetInstance")); err != nil {
		return slipway.Instance{}, err
	}
	return s.st.Instance(ctx, id)
}

func onInstance(who slipway.Principal, p iam.Permission, id, method string) gate.Act {
	return gate.Act{Who: who, Permission: p, Resource: "instances/" + id, Method: instanceRPC + method}
}

// An InstanceFilter picks instances. Empty fields pick all.
type InstanceFilter struct {
	Search      string // part of the id or the title, any case
	Environment string // id
	Engine      slipway.Engine
	ShowDeleted bool
}

// Instances lists instances.
func (s *Service) Instances(ctx context.Context, who slipway.Principal, f InstanceFilter, page slipway.Page) ([]slipway.Instance, string, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.InstancesList, Resource: slipway.WorkspaceName, Method: instanceRPC + "ListInstances",
	})
	if err != nil {
		return nil, "", err
	}
	return s.st.Instances(ctx, store.InstanceQuery{
		Search: f.Search, Environment: f.Environment, Engine: f.Engine, ShowDeleted: f.ShowDeleted,
	}, page)
}

// CreateInstance adds an instance that the server can reach, and lists its
// databases. With dry nothing is kept: the answer is what it would be, or what
// is wrong.
func (s *Service) CreateInstance(ctx context.Context, who slipway.Principal, i slipway.Instance, dry bool) (slipway.Instance, error) {
	act := onInstance(who, iam.InstancesCreate, i.ID, "CreateInstance")
	act.Request = public(i)
	if err := s.gate.Can(ctx, act); err != nil {
		return i, err
	}
	if err := slipway.CheckID("instance", i.ID); err != nil {
		return i, err
	}
	if _, err := s.st.Instance(ctx, i.ID); err == nil {
		return i, slipway.Errorf(slipway.Exists, "instance %q exists already", i.ID)
	}
	i.Created, i.Deleted = s.now(), false
	names, err := s.reach(ctx, &i)
	if err != nil {
		s.gate.Note(ctx, act, err)
		return i, err
	}
	if dry {
		return i, nil
	}
	err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if err := knownEnvironment(ctx, tx.Reader, i.Environment); err != nil {
			return err
		}
		i.Synced = s.now()
		if err := tx.CreateInstance(ctx, i); err != nil {
			return err
		}
		return s.merge(ctx, tx, i.ID, names)
	})
	return i, err
}

// reach checks i, connects to it, fills in its version and returns the names of
// its databases.
func (s *Service) reach(ctx context.Context, i *slipway.Instance) ([]string, error) {
	e, err := s.engine(i.Engine)
	if err != nil {
		return nil, err
	}
	if err := s.checkInstance(ctx, i); err != nil {
		return nil, err
	}
	admin, _ := i.Admin() // checkInstance made sure of it
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	if i.Version, err = e.Version(ctx, admin); err != nil {
		return nil, unreachable(*i, err)
	}
	names, err := e.Databases(ctx, admin)
	if err != nil {
		return nil, unreachable(*i, err)
	}
	return names, nil
}

func (s *Service) checkInstance(ctx context.Context, i *slipway.Instance) (err error) {
	if err := slipway.CheckTitle("instance", i.Title); err != nil {
		return err
	}
	if err := checkLabels(i.Labels); err != nil {
		return err
	}
	if i.Link != "" {
		if u, err := url.Parse(i.Link); err != nil || u.Scheme != "https" && u.Scheme != "http" || len(i.Link) > maxSourceBytes {
			return slipway.Errorf(slipway.Invalid, "external link: an http or https URL of at most %d bytes", maxSourceBytes)
		}
	}
	if err := knownEnvironment(ctx, s.st.Reader, i.Environment); err != nil {
		return err
	}
	i.Sources, err = s.checkSources(i.Engine, i.Sources)
	return err
}

func (s *Service) engine(e slipway.Engine) (engine.Engine, error) {
	if found, ok := s.engines[e]; ok {
		return found, nil
	}
	var names []string
	for _, known := range []slipway.Engine{slipway.Postgres, slipway.SQLite} {
		if _, ok := s.engines[known]; ok {
			names = append(names, string(known))
		}
	}
	return nil, slipway.Errorf(slipway.Invalid, "engine %q is not supported; supported are %s", e, strings.Join(names, ", "))
}

// unreachable says which instance did not answer, and in the engine's words why.
func unreachable(i slipway.Instance, err error) error {
	k := slipway.KindOf(err)
	if k == slipway.Internal {
		return fmt.Errorf("connect to %s: %w", i.Name(), err)
	}
	if k != slipway.Invalid && k != slipway.NotFound {
		k = slipway.Precondition // it is the instance that is away or refuses, neither this server nor the caller
	}
	return slipway.Errorf(k, "cannot connect to %s: %s", i.Name(), slipway.MessageOf(err)).Because(err)
}

// public returns i without its secrets, for the audit log.
func public(i slipway.Instance) any {
	hosts := make([]string, 0, len(i.Sources))
	for _, src := range i.Sources {
		hosts = append(hosts, fmt.Sprintf("%s %s@%s:%s", src.ID, src.Username, src.Host, src.Port))
	}
	return map[string]any{"instance": i.ID, "title": i.Title, "engine": i.Engine, "environment": i.Environment, "sources": hosts}
}

// An InstancePatch says what to change about an instance; nil leaves it alone.
type InstancePatch struct {
	Title       *string
	Link        *string
	Environment *string
	Labels      *map[string]string
	Sources     *[]slipway.Source // all of them; a secret left out stays as long as it is sent to the same place
}

// UpdateInstance changes an instance that is not deleted. New data sources are
// tried before they are kept.
func (s *Service) UpdateInstance(ctx context.Context, who slipway.Principal, id string, patch InstancePatch) (slipway.Instance, error) {
	act := onInstance(who, iam.InstancesUpdate, id, "UpdateInstance")
	if err := s.gate.Can(ctx, act); err != nil {
		return slipway.Instance{}, err
	}
	i, err := s.st.Instance(ctx, id)
	if err != nil {
		return i, err
	}
	if i.Deleted {
		return i, slipway.Errorf(slipway.Precondition, "instance %q is deleted: undelete it first", id)
	}
	set(&i.Title, patch.Title)
	set(&i.Link, patch.Link)
	set(&i.Environment, patch.Environment)
	set(&i.Labels, patch.Labels)
	act.Request = public(i)
	if patch.Sources == nil {
		err = s.checkInstance(ctx, &i)
	} else {
		if i.Sources, err = keepSecrets(i.Sources, *patch.Sources); err != nil {
			return i, err
		}
		act.Request = public(i)
		_, err = s.reach(ctx, &i)
		i.SyncError = "" // kept only when it answered
	}
	if err != nil {
		s.gate.Note(ctx, act, err)
		return i, err
	}
	err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if err := knownEnvironment(ctx, tx.Reader, i.Environment); err != nil {
			return err
		}
		return tx.UpdateInstance(ctx, i)
	})
	return i, err
}

// DeleteInstance hides an instance: nothing is rolled out to it until it is
// undeleted. One with databases in projects of their own takes force.
func (s *Service) DeleteInstance(ctx context.Context, who slipway.Principal, id string, force bool) error {
	act := onInstance(who, iam.InstancesDelete, id, "DeleteInstance")
	act.Request = map[string]bool{"force": force}
	return s.gate.Do(ctx, act, func(tx *store.Tx) error {
		i, err := tx.Instance(ctx, id)
		if err != nil {
			return err
		}
		if !force {
			used, _, err := tx.Databases(ctx, store.DatabaseQuery{Instance: id, AssignedOnly: true}, slipway.Page{Size: 1})
			if err != nil {
				return fmt.Errorf("look for databases of %s in projects: %w", id, err)
			}
			if len(used) > 0 {
				return slipway.Errorf(slipway.Precondition, "%s is in project %q: move it to the default project first, or use force", used[0].Name(), used[0].Project)
			}
		}
		i.Deleted = true
		return tx.UpdateInstance(ctx, i)
	})
}

// UndeleteInstance takes a DeleteInstance back.
func (s *Service) UndeleteInstance(ctx context.Context, who slipway.Principal, id string) (i slipway.Instance, err error) {
	err = s.gate.Do(ctx, onInstance(who, iam.InstancesUndelete, id, "UndeleteInstance"), func(tx *store.Tx) error {
		if i, err = tx.Instance(ctx, id); err != nil {
			return err
		}
		i.Deleted = false
		return tx.UpdateInstance(ctx, i)
	})
	return i, err
}
