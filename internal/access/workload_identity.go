package access

import (
	"context"
	"reflect"
	"strings"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
	"slipway/internal/trust"
)

const workloadIdentities = "/bytebase.v1.WorkloadIdentityService/"

// WorkloadIdentity returns a workload identity.
func (s *Service) WorkloadIdentity(ctx context.Context, who slipway.Principal, email string) (slipway.WorkloadIdentity, error) {
	w, act, err := s.identityAct(ctx, who, email, iam.WorkloadIdentitiesGet, "GetWorkloadIdentity")
	if gateErr := s.gate.Can(ctx, act); gateErr != nil {
		return slipway.WorkloadIdentity{}, gateErr
	}
	return w, err
}

// identityAct returns the identity and the act on it. One that does not exist
// is asked for on the workspace, so that nobody learns by a refusal whether it
// does.
func (s *Service) identityAct(ctx context.Context, who slipway.Principal, email string, p iam.Permission, method string) (slipway.WorkloadIdentity, gate.Act, error) {
	email = strings.ToLower(email)
	w, err := s.st.WorkloadIdentity(ctx, email)
	act := gate.Act{Who: who, Permission: p, Resource: "workloadIdentities/" + email, Project: w.Project, Method: workloadIdentities + method}
	return w, act, err
}

// WorkloadIdentities lists workload identities: of q.Project, or of the
// workspace.
func (s *Service) WorkloadIdentities(ctx context.Context, who slipway.Principal, q AccountQuery, page slipway.Page) ([]slipway.WorkloadIdentity, string, error) {
	act := gate.Act{
		Who: who, Permission: iam.WorkloadIdentitiesList, Resource: parentName(q.Project), Project: q.Project,
		Method: workloadIdentities + "ListWorkloadIdentities",
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, "", err
	}
	return s.st.WorkloadIdentities(ctx, q, page)
}

// NewWorkloadIdentity is what a workload identity is made from.
type NewWorkloadIdentity struct {
	ID      string // what stands before the @ of its address
	Project string // id; "" is the workspace
	Title   string // "" is ID
	Trust   slipway.Trust
}

// CreateWorkloadIdentity makes an identity that jobs can become at once and
// that holds no role. A trust that would let everyone in is refused.
func (s *Service) CreateWorkloadIdentity(ctx context.Context, who slipway.Principal, n NewWorkloadIdentity) (slipway.WorkloadIdentity, error) {
	w := slipway.WorkloadIdentity{
		Email: n.ID + "@" + slipway.WorkloadIdentityDomain, Title: n.Title, Project: n.Project,
		Created: s.instant(), Revision: 1,
	}
	if w.Title == "" {
		w.Title = n.ID
	}
	act := gate.Act{
		Who: who, Permission: iam.WorkloadIdentitiesCreate, Resource: w.Name(), Project: n.Project,
		Method: workloadIdentities + "CreateWorkloadIdentity", Request: n,
	}
	err := s.gate.Do(ctx, act, func(tx *store.Tx) (err error) {
		if err := slipway.CheckID("workload identity", n.ID); err != nil {
			return err
		}
		// A taken name is told before what else is wrong, as clients expect.
		if _, err := tx.WorkloadIdentity(ctx, w.Email); slipway.KindOf(err) != slipway.NotFound || err == nil {
			if err != nil {
				return err
			}
			return slipway.Errorf(slipway.Exists, "workload identity with email %q already exists", w.Email)
		}
		if err := slipway.CheckTitle("workload identity", w.Title); err != nil {
			return err
		}
		if err := ownerExists(ctx, tx, w.Project); err != nil {
			return err
		}
		if w.Trust, err = checkTrust(n.Trust); err != nil {
			return err
		}
		return tx.CreateWorkloadIdentity(ctx, w)
	})
	if err != nil {
		return slipway.WorkloadIdentity{}, err
	}
	return w, nil
}

// checkTrust returns t as it is stored, or says what is unsafe about it.
func checkTrust(t slipway.Trust) (slipway.Trust, error) {
	m, err := trust.Compile(t)
	if err != nil {
		return t, err
	}
	return m.Trust(), nil
}

// A WorkloadIdentityChange says what shall change about an identity; nil stays
// as it is, byte for byte.
type WorkloadIdentityChange struct {
	Title *string
	// Trust turns the stored trust into the new one, so that a change of one
	// field keeps all others. It may run more than once.
	Trust func(stored slipway.Trust) (slipway.Trust, error)
	// Revision, unless 0, is the one that the change was made from: if somebody
	// else has changed the trust since, that is a Conflict.
	Revision int64
}

// UpdateWorkloadIdentity changes an identity. A trust that differs from the
// stored one ends all tokens that were exchanged for it.
func (s *Service) UpdateWorkloadIdentity(ctx context.Context, who slipway.Principal, email string, c WorkloadIdentityChange) (slipway.WorkloadIdentity, error) {
	_, act, missing := s.identityAct(ctx, who, email, iam.WorkloadIdentitiesUpdate, "UpdateWorkloadIdentity")
	request := map[string]any{}
	act.Request = request
	if c.Title != nil {
		request["title"] = *c.Title
	}
	var w slipway.WorkloadIdentity
	err := s.gate.Do(ctx, act, func(tx *store.Tx) (err error) {
		if missing != nil {
			return missing
		}
		if w, err = tx.WorkloadIdentity(ctx, strings.ToLower(email)); err != nil {
			return err
		}
		from := w.Revision
		if c.Revision != 0 && c.Revision != from {
			return slipway.Errorf(slipway.Conflict, "there is concurrent update to the workload identity, please refresh and try again")
		}
		if c.Title != nil {
			if err := slipway.CheckTitle("workload identity", *c.Title); err != nil {
				return err
			}
			w.Title = *c.Title
		}
		if c.Trust != nil {
			next, err := newTrust(w.Trust, c.Trust)
			if err != nil {
				return err
			}
			if !reflect.DeepEqual(next, w.Trust) {
				if err := s.mayBecome(ctx, tx.Reader, who, slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: w.Email}, "change who may become"); err != nil {
					return err
				}
				request["trust"] = next
				w.Trust = next
				w.Revision++
			}
		}
		return tx.UpdateWorkloadIdentity(ctx, w, from)
	})
	if err != nil {
		return slipway.WorkloadIdentity{}, err
	}
	return w, nil
}

// newTrust returns what edit makes of stored, checked.
//
// Clients that know subject patterns only are shown the pattern that the
// fields amount to (trust.Pattern). Sent back as it was, it means the fields
// that it was computed from, and not a condition of its own.
func newTrust(stored slipway.Trust, edit func(slipway.Trust) (slipway.Trust, error)) (slipway.Trust, error) {
	next, err := edit(stored)
	if err != nil {
		return next, err
	}
	if stored.SubjectPattern == "" && next.SubjectPattern != "" && next.SubjectPattern == trust.Pattern(stored) {
		next.SubjectPattern = ""
		if next.GitLab == nil {
			next.GitLab = stored.GitLab
		}
	}
	return checkTrust(next)
}

// DeleteWorkloadIdentity deactivates an identity: nothing is exchanged for it,
// and no token of it works, from this moment on.
func (s *Service) DeleteWorkloadIdentity(ctx context.Context, who slipway.Principal, email string) error {
	_, err := s.setIdentityDeleted(ctx, who, email, true)
	return err
}

// UndeleteWorkloadIdentity lets jobs become an identity again. Tokens from
// before stay dead.
func (s *Service) UndeleteWorkloadIdentity(ctx context.Context, who slipway.Principal, email string) (slipway.WorkloadIdentity, error) {
	return s.setIdentityDeleted(ctx, who, email, false)
}

func (s *Service) setIdentityDeleted(ctx context.Context, who slipway.Principal, email string, deleted bool) (slipway.WorkloadIdentity, error) {
	permission, method := iam.WorkloadIdentitiesUndelete, "UndeleteWorkloadIdentity"
	if deleted {
		permission, method = iam.WorkloadIdentitiesDelete, "DeleteWorkloadIdentity"
	}
	_, act, missing := s.identityAct(ctx, who, email, permission, method)
	var w slipway.WorkloadIdentity
	err := s.gate.Do(ctx, act, func(tx *store.Tx) (err error) {
		if missing != nil {
			return missing
		}
		if w, err = tx.WorkloadIdentity(ctx, strings.ToLower(email)); err != nil || w.Deleted == deleted {
			return err
		}
		if !deleted {
			if err := s.mayBecome(ctx, tx.Reader, who, slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: w.Email}, "restore"); err != nil {
				return err
			}
		}
		from := w.Revision
		w.Deleted, w.Revision = deleted, from+1
		return tx.UpdateWorkloadIdentity(ctx, w, from)
	})
	return w, err
}
