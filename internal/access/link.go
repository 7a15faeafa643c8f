package access

import (
	"context"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// A Link says which subject of the identity provider a person is.
type Link = store.Link

// Link returns the sign-in link of a person; its Issuer is "" while there is
// none.
func (s *Service) Link(ctx context.Context, who slipway.Principal, email string) (Link, error) {
	act := gate.Act{Who: who, Permission: iam.UsersGet, Resource: "users/" + email, Method: signInRPC + "GetLink"}
	if !isSelf(who, email) {
		if err := s.gate.Can(ctx, act); err != nil {
			return Link{}, err
		}
	}
	l, err := s.st.Link(ctx, email)
	if err != nil && slipway.KindOf(err) == slipway.NotFound {
		return Link{}, nil
	}
	return l, err
}

// ResetLink takes the sign-in link of a person away and ends their sessions:
// whoever signs in next with the address is that person. Like setting somebody's
// password it takes a full administrator.
func (s *Service) ResetLink(ctx context.Context, who slipway.Principal, email string) error {
	email, err := slipway.CheckEmail(email)
	if err != nil {
		return err
	}
	act := gate.Act{Who: who, Permission: iam.UsersUpdate, Resource: "users/" + email, Method: signInRPC + "ResetLink"}
	if err := s.gate.Can(ctx, act); err != nil {
		return err
	}
	everything := iam.RolesOf(nil)[iam.WorkspaceAdmin]
	if err := s.noMore(ctx, s.st.Reader, who, handout{what: "reset the sign-in link of a person", want: everything}); err != nil {
		s.gate.Note(ctx, act, err)
		return err
	}
	return s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if err := tx.DeleteLink(ctx, email); err != nil {
			return err
		}
		return tx.DeleteSessionsOf(ctx, email)
	})
}
