package store

import (
	"context"
	"strings"
	"time"

	"slipway"
)

// A Keep says what of a growing list stays.
type Keep struct {
	Since  time.Time // what is older goes
	Newest int       // of what is left, so many stay
	Most   int       // rows that one call removes, the oldest first: others wait for its transaction
}

// PurgeSessions drops sessions that ended before a moment or were not used since
// another one, at most so many, and returns how many.
func (tx *Tx) PurgeSessions(ctx context.Context, ended, unused time.Time, most int) (int64, error) {
	return tx.exec(ctx, "drop old sessions", ask(`
		DELETE FROM session WHERE hash IN (SELECT hash FROM session WHERE expires < $1 OR used < $2 LIMIT $3)`, ended, unused, most))
}

// PurgeRefusedExchanges drops exchanges that were refused and returns how many.
// Those that let somebody in stay for good.
func (tx *Tx) PurgeRefusedExchanges(ctx context.Context, k Keep) (int64, error) {
	return tx.purge(ctx, "exchange", "reference", "allowed = 0", k)
}

// PurgeStrangersAudit drops audit entries of callers who were nobody, which are
// failed sign-ins and refused exchanges, and returns how many. Those of anyone
// whom the server knew stay for good.
func (tx *Tx) PurgeStrangersAudit(ctx context.Context, k Keep) (int64, error) {
	return tx.purge(ctx, "audit", "id", "caller = '"+slipway.Principal{}.Member()+"'", k)
}

// purge drops rows of table that cond picks. An index on the columns of cond,
// then time and id, serves both statements.
func (tx *Tx) purge(ctx context.Context, table, id, cond string, k Keep) (int64, error) {
	spell := strings.NewReplacer("TABLE", table, "ID", id, "COND", cond).Replace
	before := k.Since
	beyond, err := all(ctx, tx.Reader, "look for old rows of "+table, func(r row) (t time.Time, err error) {
		return t, r.Scan(at(&t))
	}, ask(spell(`SELECT time FROM TABLE WHERE COND ORDER BY time DESC, ID DESC LIMIT 1 OFFSET $1`), k.Newest))
	if err != nil {
		return 0, err
	}
	if len(beyond) > 0 && !beyond[0].Before(before) {
		before = beyond[0].Add(time.Microsecond)
	}
	return tx.exec(ctx, "drop old rows of "+table, ask(
		spell(`DELETE FROM TABLE WHERE ID IN (SELECT ID FROM TABLE WHERE COND AND time < $1 ORDER BY time, ID LIMIT $2)`), before, k.Most))
}
