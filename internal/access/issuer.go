package access

import (
	"context"
	"slices"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/idtoken"
	"slipway/internal/store"
)

// An Issuer is an issuer that workload identities trust, and what this server
// knows of it.
type Issuer struct {
	store.IssuerUse
	State idtoken.State
}

const issuerRPC = "/slipway.v1.IssuerService/"

// Issuers lists the issuers that workload identities trust.
func (s *Service) Issuers(ctx context.Context, who slipway.Principal) ([]Issuer, error) {
	act := gate.Act{Who: who, Permission: iam.SettingsGet, Resource: slipway.WorkspaceName, Method: issuerRPC + "ListIssuers"}
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, err
	}
	uses, err := s.st.IssuersInUse(ctx)
	list := make([]Issuer, len(uses))
	for i, u := range uses {
		list[i] = Issuer{u, s.tokens.State(u.Issuer)}
	}
	return list, err
}

// AskIssuer fetches the keys of an issuer that a workload identity trusts, so
// that whoever looks for a fault need not wait for a job.
func (s *Service) AskIssuer(ctx context.Context, who slipway.Principal, issuer string) (Issuer, error) {
	act := gate.Act{
		Who: who, Permission: iam.SettingsSet, Resource: slipway.WorkspaceName, Method: issuerRPC + "AskIssuer",
		Request: map[string]string{"issuer": issuer},
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return Issuer{}, err
	}
	uses, err := s.st.IssuersInUse(ctx)
	if err != nil {
		return Issuer{}, err
	}
	i := slices.IndexFunc(uses, func(u store.IssuerUse) bool { return u.Issuer == issuer })
	if i < 0 { // or anybody could have any URL fetched
		err := slipway.Errorf(slipway.NotFound, "no workload identity trusts the issuer %.200q", issuer)
		s.gate.Note(ctx, act, err)
		return Issuer{}, err
	}
	state, err := s.tokens.Ask(ctx, issuer)
	s.gate.Note(ctx, act, err)
	return Issuer{uses[i], state}, err
}
