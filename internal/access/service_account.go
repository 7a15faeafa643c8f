package access

import (
	"context"
	"crypto/subtle"
	"strings"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

const serviceAccounts = "/bytebase.v1.ServiceAccountService/"

// An AccountQuery picks service accounts or workload identities.
type AccountQuery = store.AccountQuery

// ServiceAccount returns a service account.
func (s *Service) ServiceAccount(ctx context.Context, who slipway.Principal, email string) (slipway.ServiceAccount, error) {
	a, act, err := s.serviceAccountAct(ctx, who, email, iam.ServiceAccountsGet, "GetServiceAccount")
	if gateErr := s.gate.Can(ctx, act); gateErr != nil {
		return slipway.ServiceAccount{}, gateErr
	}
	return a, err
}

// serviceAccountAct returns the account and the act on it. One that does not
// exist is asked for on the workspace, so that nobody learns by a refusal
// whether it does.
func (s *Service) serviceAccountAct(ctx context.Context, who slipway.Principal, email string, p iam.Permission, method string) (slipway.ServiceAccount, gate.Act, error) {
	email = strings.ToLower(email)
	a, err := s.st.ServiceAccount(ctx, email)
	act := gate.Act{Who: who, Permission: p, Resource: "serviceAccounts/" + email, Project: a.Project, Method: serviceAccounts + method}
	return a, act, err
}

// ServiceAccounts lists service accounts: of q.Project, or of the workspace.
func (s *Service) ServiceAccounts(ctx context.Context, who slipway.Principal, q AccountQuery, page slipway.Page) ([]slipway.ServiceAccount, string, error) {
	act := gate.Act{Who: who, Permission: iam.ServiceAccountsList, Resource: parentName(q.Project), Project: q.Project, Method: serviceAccounts + "ListServiceAccounts"}
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, "", err
	}
	return s.st.ServiceAccounts(ctx, q, page)
}

// CreateServiceAccount makes the service account id@service.bytebase.com, of
// project or, if that is "", of the workspace. It returns the account's key,
// which is shown this once.
func (s *Service) CreateServiceAccount(ctx context.Context, who slipway.Principal, project, id, title string) (slipway.ServiceAccount, slipway.Secret, error) {
	key, hash := opaque(keyPrefix)
	a := slipway.ServiceAccount{
		Email: id + "@" + slipway.ServiceAccountDomain, Title: title, Project: project,
		Created: s.instant(), KeyHash: hash,
	}
	if a.Title == "" {
		a.Title = id
	}
	act := gate.Act{
		Who: who, Permission: iam.ServiceAccountsCreate, Resource: "serviceAccounts/" + a.Email, Project: project,
		Method: serviceAccounts + "CreateServiceAccount", Request: map[string]string{"title": title},
	}
	err := s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if err := slipway.CheckID("service account", id); err != nil {
			return err
		}
		if err := slipway.CheckTitle("service account", a.Title); err != nil {
			return err
		}
		if err := ownerExists(ctx, tx, project); err != nil {
			return err
		}
		return tx.CreateServiceAccount(ctx, a)
	})
	if err != nil {
		return slipway.ServiceAccount{}, "", err
	}
	return a, slipway.Secret(key), nil
}

// A ServiceAccountChange says what shall change about a service account.
type ServiceAccountChange struct {
	Title  *string // nil stays as it is
	NewKey bool    // the old key and all sessions end
}

// UpdateServiceAccount changes a service account. It returns the new key, if
// one was asked for.
func (s *Service) UpdateServiceAccount(ctx context.Context, who slipway.Principal, email string, c ServiceAccountChange) (slipway.ServiceAccount, slipway.Secret, error) {
	_, act, missing := s.serviceAccountAct(ctx, who, email, iam.ServiceAccountsUpdate, "UpdateServiceAccount")
	act.Request = c
	var a slipway.ServiceAccount
	var key slipway.Secret
	err := s.gate.Do(ctx, act, func(tx *store.Tx) (err error) {
		if missing != nil {
			return missing
		}
		if a, err = tx.ServiceAccount(ctx, strings.ToLower(email)); err != nil {
			return err
		}
		if c.Title != nil {
			if err := slipway.CheckTitle("service account", *c.Title); err != nil {
				return err
			}
			a.Title = *c.Title
		}
		if c.NewKey {
			if err := s.mayBecome(ctx, tx.Reader, who, slipway.Principal{Kind: slipway.ServiceAccountKind, Email: a.Email}, "make a key of"); err != nil {
				return err
			}
			token, hash := opaque(keyPrefix)
			key, a.KeyHash = slipway.Secret(token), hash
			if err := tx.DeleteSessionsOf(ctx, a.Email); err != nil {
				return err
			}
		}
		return tx.UpdateServiceAccount(ctx, a)
	})
	if err != nil {
		return slipway.ServiceAccount{}, "", err
	}
	return a, key, nil
}

// DeleteServiceAccount deactivates a service account and ends its sessions.
func (s *Service) DeleteServiceAccount(ctx context.Context, who slipway.Principal, email string) error {
	_, err := s.setServiceAccountDeleted(ctx, who, email, true)
	return err
}

// UndeleteServiceAccount lets a service account in again, with its old key.
func (s *Service) UndeleteServiceAccount(ctx context.Context, who slipway.Principal, email string) (slipway.ServiceAccount, error) {
	return s.setServiceAccountDeleted(ctx, who, email, false)
}

func (s *Service) setServiceAccountDeleted(ctx context.Context, who slipway.Principal, email string, deleted bool) (slipway.ServiceAccount, error) {
	permission, method := iam.ServiceAccountsUndelete, "UndeleteServiceAccount"
	if deleted {
		permission, method = iam.ServiceAccountsDelete, "DeleteServiceAccount"
	}
	_, act, missing := s.serviceAccountAct(ctx, who, email, permission, method)
	var a slipway.ServiceAccount
	err := s.gate.Do(ctx, act, func(tx *store.Tx) (err error) {
		if missing != nil {
			return missing
		}
		if a, err = tx.ServiceAccount(ctx, strings.ToLower(email)); err != nil {
			return err
		}
		if !deleted {
			if err := s.mayBecome(ctx, tx.Reader, who, slipway.Principal{Kind: slipway.ServiceAccountKind, Email: a.Email}, "restore"); err != nil {
				return err
			}
		}
		a.Deleted = deleted
		if err := tx.UpdateServiceAccount(ctx, a); err != nil {
			return err
		}
		return tx.DeleteSessionsOf(ctx, a.Email)
	})
	return a, err
}

// ownerExists reports why project cannot own an account; "" is the workspace.
func ownerExists(ctx context.Context, tx *store.Tx, project string) error {
	if project == "" {
		return nil
	}
	p, err := tx.Project(ctx, project)
	if err != nil {
		return err
	}
	if p.Deleted {
		return slipway.Errorf(slipway.Precondition, "project %q is deleted", project)
	}
	return nil
}

// parentName returns the resource name of a project, or of the workspace.
func parentName(project string) string {
	if project == "" {
		return slipway.WorkspaceName
	}
	return "projects/" + project
}

func localPart(email string) string {
	local, _, _ := strings.Cut(email, "@")
	return local
}

func sameHash(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
