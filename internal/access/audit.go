package access

import (
	"context"
	"strings"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// An AuditQuery picks audit entries.
type AuditQuery = store.AuditQuery

// An ExchangeQuery picks token exchanges.
type ExchangeQuery = store.ExchangeQuery

// Audit lists audit entries, newest first: of q.Project, or of everything.
func (s *Service) Audit(ctx context.Context, who slipway.Principal, q AuditQuery, page slipway.Page) ([]slipway.AuditEntry, string, error) {
	act := gate.Act{
		Who: who, Permission: iam.AuditLogsSearch, Resource: parentName(q.Project), Project: q.Project,
		Method: "/bytebase.v1.AuditLogService/SearchAuditLogs",
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, "", err
	}
	return s.st.AuditEntries(ctx, q, page)
}

// ExchangeByReference returns one attempt to exchange a token, with every
// check and what it found, for those who configure the identity that was asked
// for and for those who read the whole audit log.
func (s *Service) ExchangeByReference(ctx context.Context, who slipway.Principal, reference string) (slipway.Exchange, error) {
	reference = strings.ToUpper(strings.TrimSpace(reference))
	x, err := s.st.Exchange(ctx, reference)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return slipway.Exchange{}, err
	}
	if gateErr := s.seesExchanges(ctx, who, x.Identity, "exchanges/"+reference, "/slipway.v1.ExchangeService/GetExchange"); gateErr != nil {
		return slipway.Exchange{}, gateErr
	}
	return x, err
}

// Exchanges lists attempts to exchange tokens, newest first. Who does not read
// the whole audit log names an identity in q.
func (s *Service) Exchanges(ctx context.Context, who slipway.Principal, q ExchangeQuery, page slipway.Page) ([]slipway.Exchange, string, error) {
	q.Identity = strings.ToLower(q.Identity)
	if err := s.seesExchanges(ctx, who, q.Identity, "exchanges", "/slipway.v1.ExchangeService/ListExchanges"); err != nil {
		return nil, "", err
	}
	return s.st.Exchanges(ctx, q, page)
}

// seesExchanges refuses who unless it reads the whole audit log or, given an
// identity, manages what owns that one. An address that nobody has belongs to
// the workspace.
func (s *Service) seesExchanges(ctx context.Context, who slipway.Principal, identity, resource, method string) error {
	all, err := s.gate.May(ctx, who, iam.AuditLogsSearch, "")
	if err != nil || all {
		return err
	}
	act := gate.Act{Who: who, Permission: iam.AuditLogsSearch, Resource: resource, Method: method}
	if identity != "" {
		w, err := s.st.WorkloadIdentity(ctx, identity)
		if err != nil && slipway.KindOf(err) != slipway.NotFound {
			return err
		}
		act.Permission, act.Project = iam.WorkloadIdentitiesGet, w.Project
	}
	return s.gate.Can(ctx, act)
}
