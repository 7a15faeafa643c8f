package inventory

import (
	"context"
	"fmt"
	"slices"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// Bounds of a project's numbers.
const (
	maxParallelTasks = 1000
	maxMaxFailures   = 5000 // databases of a plan
)

const projectRPC = "/bytebase.v1.ProjectService/"

// Project returns one project, deleted or not.
func (s *Service) Project(ctx context.Context, who slipway.Principal, id string) (slipway.Project, error) {
	if err := s.gate.Can(ctx, onProject(who, iam.ProjectsGet, id, "GetProject")); err != nil {
		return slipway.Project{}, err
	}
	return s.st.Project(ctx, id)
}

func onProject(who slipway.Principal, p iam.Permission, id, method string) gate.Act {
	return gate.Act{Who: who, Permission: p, Project: id, Resource: "projects/" + id, Method: projectRPC + method}
}

// A ProjectFilter picks projects.
type ProjectFilter struct {
	Search      string // part of the id or the title, any case
	ShowDeleted bool
}

// Projects lists all projects; it takes the right to see all of them.
func (s *Service) Projects(ctx context.Context, who slipway.Principal, f ProjectFilter, page slipway.Page) ([]slipway.Project, string, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.ProjectsList, Resource: slipway.WorkspaceName, Method: projectRPC + "ListProjects",
	})
	if err != nil {
		return nil, "", err
	}
	return s.st.Projects(ctx, store.ProjectQuery{Search: f.Search, ShowDeleted: f.ShowDeleted}, page)
}

// SearchProjects lists the projects that the caller may see.
func (s *Service) SearchProjects(ctx context.Context, who slipway.Principal, f ProjectFilter, page slipway.Page) ([]slipway.Project, string, error) {
	all, ids, err := s.gate.Projects(ctx, who, iam.ProjectsGet)
	if err != nil {
		return nil, "", fmt.Errorf("find the caller's projects: %w", err)
	}
	q := store.ProjectQuery{Search: f.Search, ShowDeleted: f.ShowDeleted}
	if !all {
		q.Only = append([]string{}, ids...) // never nil, which would be all
	}
	return s.st.Projects(ctx, q, page)
}

// CreateProject makes a project; whoever makes it owns it.
func (s *Service) CreateProject(ctx context.Context, who slipway.Principal, p slipway.Project) (slipway.Project, error) {
	act := gate.Act{
		Who: who, Permission: iam.ProjectsCreate, Resource: p.Name(), Method: projectRPC + "CreateProject",
		Request: map[string]any{"projectId": p.ID, "title": p.Title},
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return p, err
	}
	if err := slipway.CheckID("project", p.ID); err != nil {
		return p, err
	}
	if err := checkProject(p); err != nil {
		return p, err
	}
	p.Created, p.Deleted = s.now(), false
	err := s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if err := tx.CreateProject(ctx, p); err != nil {
			return err
		}
		if who.Kind == slipway.SystemKind {
			return nil
		}
		_, err := tx.SetPolicy(ctx, p.Name(), slipway.Policy{
			Bindings: []slipway.Binding{{Role: iam.ProjectOwner, Members: []string{who.Member()}}},
		})
		return err
	})
	return p, err
}

func checkProject(p slipway.Project) error {
	if err := slipway.CheckTitle("project", p.Title); err != nil {
		return err
	}
	if p.ParallelTasks < 0 || p.ParallelTasks > maxParallelTasks {
		return slipway.Errorf(slipway.Invalid, "parallel tasks per rollout: 0 to %d, 0 leaving it to the server", maxParallelTasks)
	}
	if p.MaxFailures < 0 || p.MaxFailures > maxMaxFailures {
		return slipway.Errorf(slipway.Invalid, "failures per stage: 0 to %d, 0 being any number", maxMaxFailures)
	}
	if !slices.Contains([]slipway.OutOfOrder{"", slipway.LateRefused, slipway.LateWarned, slipway.LateAllowed}, p.OutOfOrder) {
		return slipway.Errorf(slipway.Invalid, "versions out of order: ERROR, WARN or ALLOW, not %.40q", p.OutOfOrder)
	}
	return checkLabels(p.Labels)
}

// A ProjectPatch says what to change about a project; nil leaves it alone.
type ProjectPatch struct {
	Title         *string
	Labels        *map[string]string
	ParallelTasks *int
	MaxFailures   *int
	OutOfOrder    *slipway.OutOfOrder
}

// UpdateProject changes a project that is not deleted.
func (s *Service) UpdateProject(ctx context.Context, who slipway.Principal, id string, patch ProjectPatch) (slipway.Project, error) {
	act := onProject(who, iam.ProjectsUpdate, id, "UpdateProject")
	act.Request = patch
	return s.changeProject(ctx, act, func(p *slipway.Project) error {
		if p.Deleted {
			return slipway.Errorf(slipway.Precondition, "project %q is deleted: undelete it first", id)
		}
		set(&p.Title, patch.Title)
		set(&p.Labels, patch.Labels)
		set(&p.ParallelTasks, patch.ParallelTasks)
		set(&p.MaxFailures, patch.MaxFailures)
		set(&p.OutOfOrder, patch.OutOfOrder)
		return checkProject(*p)
	})
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// DeleteProject hides a project and stops work in it; UndeleteProject brings it
// back. The default project stays: databases without another are in it.
func (s *Service) DeleteProject(ctx context.Context, who slipway.Principal, id string) error {
	_, err := s.changeProject(ctx, onProject(who, iam.ProjectsDelete, id, "DeleteProject"), func(p *slipway.Project) error {
		if id == slipway.DefaultProject {
			return slipway.Errorf(slipway.Precondition, "the default project cannot be deleted: databases that no other project has are in it")
		}
		p.Deleted = true
		return nil
	})
	return err
}

// UndeleteProject takes a DeleteProject back.
func (s *Service) UndeleteProject(ctx context.Context, who slipway.Principal, id string) (slipway.Project, error) {
	return s.changeProject(ctx, onProject(who, iam.ProjectsUndelete, id, "UndeleteProject"), func(p *slipway.Project) error {
		p.Deleted = false
		return nil
	})
}

// changeProject reads, changes and writes a project in one transaction.
func (s *Service) changeProject(ctx context.Context, act gate.Act, change func(*slipway.Project) error) (p slipway.Project, err error) {
	err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if p, err = tx.Project(ctx, act.Project); err != nil {
			return err
		}
		if err := change(&p); err != nil {
			return err
		}
		return tx.UpdateProject(ctx, p)
	})
	return p, err
}

// Bounds of labels.
const (
	maxLabels     = 64
	maxLabelBytes = 63
)

// checkLabels reports why labels cannot be kept.
func checkLabels(labels map[string]string) error {
	if len(labels) > maxLabels {
		return slipway.Errorf(slipway.Invalid, "at most %d labels, not %d", maxLabels, len(labels))
	}
	for k, v := range labels {
		if k == "" || len(k) > maxLabelBytes || len(v) > maxLabelBytes || !printable(k) || !printable(v) {
			return slipway.Errorf(slipway.Invalid, "label %.70q: key and value have at most %d printable bytes, the key at least one", k, maxLabelBytes)
		}
	}
	return nil
}
