package store

import (
	"context"
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

// LastExchange returns when a token was last exchanged for an identity, which
// is zero if that never happened.
func (r Reader) LastExchange(ctx context.Context, identity string) (time.Time, error) {
	times, err := all(ctx, r, "read the last exchange of "+quote(identity), func(r row) (t time.Time, err error) {
		return t, r.Scan(at(&t))
	}, ask(`SELECT time FROM exchange WHERE identity = $1 AND allowed = 1 ORDER BY time DESC LIMIT 1`, identity))
	if err != nil || len(times) == 0 {
		return time.Time{}, err
	}
	return times[0], nil
}

// AddExchange records a token exchange.
func (tx *Tx) AddExchange(ctx context.Context, e slipway.Exchange) error {
	return tx.create(ctx, "exchange "+quote(e.Reference), ask(`
		INSERT INTO exchange (`+exchangeColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		e.Reference, e.Time, e.Identity, e.Allowed, e.Reason, asJSON(e.Checks), asJSON(e.Claims),
		e.TokenID, asJSON(e.Job), e.Origin.IP, e.Origin.UserAgent, e.Latency))
}
