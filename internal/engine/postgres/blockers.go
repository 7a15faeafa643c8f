package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// watchBlockers looks, while a statement runs, at whom it waits for: once it
// has timed out the server no longer knows. The returned function ends the
// watch and tells the latest that was seen, "" for none.
//
// It looks over a second connection, which never has a transaction open between
// two looks, so that no statement of ours waits for it.
func (a *application) watchBlockers(ctx context.Context) func() string {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var seen string
	wg.Go(func() { seen = a.look(ctx) })
	return func() string {
		cancel()
		wg.Wait()
		return seen
	}
}

func (a *application) look(ctx context.Context) (seen string) {
	var conn *pgconn.PgConn
	defer func() {
		if conn != nil {
			hangUp(ctx, conn)
		}
	}()
	for {
		// Three looks before the lock timeout; a short statement costs none.
		if pause(ctx, a.e.cfg.LockTimeout/4) != nil {
			return seen
		}
		var err error
		if conn == nil {
			if conn, err = a.e.dial(ctx, a.src, a.db, "lock watch"); err != nil {
				conn = nil
				return seen
			}
		}
		now, err := blockers(ctx, conn, a.conn.PID())
		if err != nil {
			return seen
		}
		if now != "" {
			seen = now
		}
	}
}

// blockers names the sessions that pid waits for, if it does: the answer stops
// the server's lock manager for a moment. Their statements are left
// out, for they quote values. Of other roles' sessions the server tells no more
// than the process, the user and the application, unless ours may read its
// statistics.
func blockers(ctx context.Context, conn *pgconn.PgConn, pid uint32) (string, error) {
	rows, err := query(ctx, conn, `SELECT a.pid, coalesce(a.usename, '?'), coalesce(a.application_name, ''), coalesce(a.state, a.backend_type, ''),
		coalesce(date_trunc('second', clock_timestamp() - a.xact_start)::text, '')
		FROM pg_stat_activity a
		WHERE a.pid = ANY (CASE WHEN EXISTS (SELECT 1 FROM pg_stat_activity w WHERE w.pid = $1::int AND w.wait_event_type = 'Lock')
			THEN pg_blocking_pids($1::int) ELSE '{}' END)
		ORDER BY a.xact_start LIMIT 5`, fmt.Sprint(pid))
	if err != nil {
		return "", err
	}
	var who []string
	for _, r := range rows {
		w := fmt.Sprintf("process %s (user %s", r[0], r[1])
		if r[2] != "" {
			w += ", application " + r[2]
		}
		if r[3] != "" {
			w += ", " + r[3]
		}
		if r[4] != "" {
			w += ", its transaction is open for " + r[4]
		}
		who = append(who, w+")")
	}
	return strings.Join(who, "; "), nil
}
