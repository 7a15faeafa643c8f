package access

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// setupSetting is where the hashes of setup tokens are kept. Several are good
// at once: a restart, or a second server on the same database, prints a link of
// its own and cannot repeat the first, of which only the hash is known.
const (
	setupSetting   = "setup_tokens"
	maxSetupTokens = 10
)

// Setup prepares the first start. When nobody exists yet it makes the
// administrator of the Config; without one it returns a token for
// CompleteSetup, to be shown to whoever started the server, and needed is true.
func (s *Service) Setup(ctx context.Context) (token string, needed bool, err error) {
	n, err := s.st.CountUsers(ctx)
	if err != nil || n > 0 {
		return "", false, err
	}
	if s.cfg.AdminEmail != "" {
		admin, err := s.newUser(ctx, NewUser{Email: s.cfg.AdminEmail, Title: "Admin", Password: s.cfg.AdminPassword})
		if err != nil {
			return "", false, fmt.Errorf("make the first administrator: %w", err)
		}
		err = s.st.Update(ctx, func(tx *store.Tx) error { return s.firstUser(ctx, tx, admin) })
		if k := slipway.KindOf(err); err != nil && (k == slipway.Exists || k == slipway.Conflict) {
			// Another server on the same store has just made its own.
			if n, counted := s.st.CountUsers(ctx); counted == nil && n > 0 {
				return "", false, nil
			}
		}
		return "", false, err
	}
	token, hash := opaque(setupPrefix)
	err = s.st.Update(ctx, func(tx *store.Tx) error {
		hashes, err := setupHashes(ctx, tx.Reader)
		if err != nil {
			return err
		}
		hashes = append(hashes, hash)
		return putSetupHashes(ctx, tx, hashes[max(0, len(hashes)-maxSetupTokens):])
	})
	return token, true, err
}

// NeedsSetup reports whether nobody exists yet, so that CompleteSetup may serve.
func (s *Service) NeedsSetup(ctx context.Context) (bool, error) {
	n, err := s.st.CountUsers(ctx)
	return n == 0, err
}

// CompleteSetup makes the first Workspace Admin for whoever holds a token that
// Setup returned, and ends all such tokens.
func (s *Service) CompleteSetup(ctx context.Context, token, email, password, title string) (slipway.User, error) {
	closed := slipway.Errorf(slipway.Denied, "sign-up is closed: an administrator adds people")
	n, err := s.st.CountUsers(ctx)
	if err != nil {
		return slipway.User{}, err
	}
	if n > 0 {
		return slipway.User{}, closed
	}
	hashes, err := setupHashes(ctx, s.st.Reader)
	if err != nil {
		return slipway.User{}, err
	}
	hash, known := hashOf(token), 0
	for _, h := range hashes {
		known |= subtle.ConstantTimeCompare([]byte(h), []byte(hash))
	}
	if known == 0 {
		return slipway.User{}, slipway.Errorf(slipway.Unauthenticated, "the first administrator signs up with the setup token that the server printed when it started, as the bearer token or in the link")
	}
	admin, err := s.newUser(ctx, NewUser{Email: email, Title: title, Password: slipway.Secret(password)})
	if err != nil {
		return slipway.User{}, err
	}
	err = s.st.Update(ctx, func(tx *store.Tx) error {
		if n, err := tx.CountUsers(ctx); err != nil || n > 0 {
			if err != nil {
				return err
			}
			return closed
		}
		if err := putSetupHashes(ctx, tx, nil); err != nil {
			return err
		}
		return s.firstUser(ctx, tx, admin)
	})
	return admin, err
}

// firstUser stores the first user with the policy that makes it the
// administrator, and lets everyone signed in be a member.
func (s *Service) firstUser(ctx context.Context, tx *store.Tx, admin slipway.User) error {
	if err := tx.CreateUser(ctx, admin); err != nil {
		return err
	}
	policy, err := tx.Policy(ctx, slipway.WorkspaceName)
	if err != nil {
		return err
	}
	policy.Bindings = append(policy.Bindings,
		slipway.Binding{Role: iam.WorkspaceAdmin, Members: []string{"user:" + admin.Email}},
		slipway.Binding{Role: iam.WorkspaceMember, Members: []string{iam.AllUsers}})
	if _, err := tx.SetPolicy(ctx, slipway.WorkspaceName, policy); err != nil {
		return err
	}
	return tx.AddAudit(ctx, slipway.AuditEntry{
		Time: s.instant(), Caller: slipway.System(), Method: methodCreateUser,
		Permission: string(iam.UsersCreate), Resource: "users/" + admin.Email,
	})
}

func setupHashes(ctx context.Context, r store.Reader) ([]string, error) {
	raw, err := r.Setting(ctx, setupSetting)
	if slipway.KindOf(err) == slipway.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var hashes []string
	if err := json.Unmarshal(raw, &hashes); err != nil {
		return nil, fmt.Errorf("read the hashes of setup tokens: %w", err)
	}
	return hashes, nil
}

func putSetupHashes(ctx context.Context, tx *store.Tx, hashes []string) error {
	raw, err := json.Marshal(hashes)
	if err != nil {
		return fmt.Errorf("write the hashes of setup tokens: %w", err)
	}
	return tx.PutSetting(ctx, setupSetting, raw)
}

// Self returns what who is told about itself. Only a person has more than an
// address, a title and a date.
func (s *Service) Self(ctx context.Context, who slipway.Principal) (slipway.User, error) {
	switch who.Kind {
	case slipway.UserKind:
		return s.st.User(ctx, who.Email)
	case slipway.ServiceAccountKind:
		a, err := s.st.ServiceAccount(ctx, who.Email)
		return slipway.User{Email: a.Email, Title: a.Title, Created: a.Created}, err
	case slipway.WorkloadIdentityKind:
		w, err := s.st.WorkloadIdentity(ctx, who.Email)
		return slipway.User{Email: w.Email, Title: w.Title, Created: w.Created}, err
	}
	return slipway.User{}, slipway.Errorf(slipway.Unauthenticated, "access token not found")
}

// note records an act of who on itself, which needs no permission.
func (s *Service) note(ctx context.Context, who slipway.Principal, method, resource string, err error) {
	s.gate.Note(ctx, gate.Act{Who: who, Method: method, Resource: resource}, err)
}
