package store

import (
	"context"
	"slices"
	"time"

	"slipway"
)

// An ExchangeQuery picks token exchanges.
type ExchangeQuery struct {
	Identity string    // e-mail; "" is any
	Outcome  string    // "allowed", "refused"; "" is both
	Since    time.Time // zero: from the beginning
}

const exchangeColumns = `reference, time, identity, allowed, reason, checks, claims, token_id, job, ip, user_agent, latency`

func scanExchange(r row) (e slipway.Exchange, err error) {
	err = r.Scan(&e.Reference, at(&e.Time), &e.Identity, &e.Allowed, &e.Reason, fromJSON(&e.Checks), fromJSON(&e.Claims),
		&e.TokenID, fromJSON(&e.Job), &e.Origin.IP, &e.Origin.UserAgent, took(&e.Latency))
	return e, err
}

// Exchange returns the token exchange with a reference.
func (r Reader) Exchange(ctx context.Context, reference string) (slipway.Exchange, error) {
	return one(ctx, r, "exchange "+quote(reference), scanExchange, ask(`
		SELECT `+exchangeColumns+` FROM exchange WHERE reference = $1`, reference))
}

// Exchanges lists token exchanges, newest first.
func (r Reader) Exchanges(ctx context.Context, q ExchangeQuery, page slipway.Page) ([]slipway.Exchange, string, error) {
	var w where
	w.eq("identity", q.Identity)
	switch q.Outcome {
	case "":
	case "allowed", "refused":
		w.and("allowed = " + w.arg(q.Outcome == "allowed"))
	default:
		return nil, "", slipway.Errorf(slipway.Invalid, "outcome %.20q: it is allowed, refused or empty", q.Outcome)
	}
	if !q.Since.IsZero() {
		w.and("time >= " + w.arg(q.Since))
	}
	if err := w.beforeTime("time, reference", page, text); err != nil {
		return nil, "", err
	}
	return listing[slipway.Exchange]{
		what: "exchanges", text: `SELECT ` + exchangeColumns + ` FROM exchange`, where: w, order: "time DESC, reference DESC",
		scan: scanExchange, key: func(e slipway.Exchange) string { return timeKey(e.Time, e.Reference) },
	}.page(ctx, r, page)
}

// LastSeen returns when accounts were last seen, by e-mail address: when a
// token was last exchanged for a workload identity, and when any other last
// used a session that is on record. Who never was is left out.
func (r Reader) LastSeen(ctx context.Context, emails []string) (map[string]time.Time, error) {
	type sight struct {
		email string
		at    time.Time
	}
	seen := map[string]time.Time{}
	for chunk := range slices.Chunk(emails, 250) {
		var w where
		w.in("email", chunk)
		found, err := all(ctx, r, "read when accounts were last seen", func(r row) (s sight, err error) {
			return s, r.Scan(&s.email, at(&s.at))
		}, stmt{`
			SELECT email, COALESCE((
				SELECT time FROM exchange WHERE identity = workload_identity.email AND allowed = 1 ORDER BY time DESC LIMIT 1
			), 0) FROM workload_identity` + w.String() + `
			UNION ALL SELECT email, max(used) FROM session` + w.String() + ` GROUP BY email`, w.args})
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			if s.at.After(seen[s.email]) {
				seen[s.email] = s.at
			}
		}
	}
	return seen, nil
}

// AddExchange records a token exchange.
func (tx *Tx) AddExchange(ctx context.Context, e slipway.Exchange) error {
	return taken("exchange "+quote(e.Reference), tx.addExchanges(ctx, []slipway.Exchange{e}))
}

func (tx *Tx) addExchanges(ctx context.Context, list []slipway.Exchange) error {
	rows := make([][]any, len(list))
	for i, e := range list {
		rows[i] = []any{
			e.Reference, e.Time, e.Identity, e.Allowed, e.Reason, asJSON(e.Checks), asJSON(e.Claims),
			e.TokenID, asJSON(e.Job), e.Origin.IP, e.Origin.UserAgent, e.Latency,
		}
	}
	return tx.insertAll(ctx, "record exchanges", "exchange ("+exchangeColumns+")", rows)
}
