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

// AuditEntry returns one audit entry, for those who read the log that it stands
// in: its project's, or the whole.
func (s *Service) AuditEntry(ctx context.Context, who slipway.Principal, id int64) (slipway.AuditEntry, error) {
	e, err := s.st.AuditEntry(ctx, id)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return slipway.AuditEntry{}, err
	}
	act := gate.Act{
		Who: who, Permission: iam.AuditLogsSearch, Resource: parentName(e.Project), Project: e.Project,
		Method: "/slipway.v1.AuditService/GetAuditEntry",
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return slipway.AuditEntry{}, err
	}
	return e, err
}

// AuditMethods lists the methods that the audit log has entries of, for those
// who read all of it.
func (s *Service) AuditMethods(ctx context.Context, who slipway.Principal) ([]string, error) {
	act := gate.Act{Who: who, Permission: iam.AuditLogsSearch, Resource: slipway.WorkspaceName, Method: "/slipway.v1.AuditService/ListMethods"}
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, err
	}
	return s.st.AuditMethods(ctx)
}

// MaxAuditExport is how many audit entries are exported at once.
const MaxAuditExport = 100_000

// ExportAudit calls yield with every audit entry that q picks, newest first. It
// refuses to begin where there are more than MaxAuditExport rather than leave
// some out, and what was asked for is on record. An error after the first entry
// means that not all were given.
func (s *Service) ExportAudit(ctx context.Context, who slipway.Principal, q AuditQuery, yield func(slipway.AuditEntry) error) error {
	if q.Until.IsZero() { // or the export would find its own entry, and what others do while it lasts
		q.Until = s.instant()
	}
	act := gate.Act{
		Who: who, Permission: iam.AuditLogsExport, Resource: parentName(q.Project), Project: q.Project,
		Method: "/slipway.v1.AuditService/ExportAuditEntries", Request: q,
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return err
	}
	n, err := s.st.CountAudit(ctx, q, MaxAuditExport+1)
	if err != nil {
		return err
	}
	if n > MaxAuditExport {
		err := slipway.Errorf(slipway.Exhausted, "more than %d entries fit: ask for a shorter time, or for less", MaxAuditExport)
		s.gate.Note(ctx, act, err)
		return err
	}
	s.gate.Note(ctx, act, nil)
	page := slipway.Page{Size: slipway.MaxPageSize}
	for {
		list, next, err := s.st.AuditEntries(ctx, q, page)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := yield(e); err != nil {
				return err
			}
		}
		if page.After = next; next == "" {
			return nil
		}
	}
}
