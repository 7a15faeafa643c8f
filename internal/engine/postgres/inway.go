package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// maxHolders bounds the locks that a check looks at.
const maxHolders = 200

// inTheWay warns of statements on tables that transactions which have been open
// for long hold locks on: a change of such a table waits for them, and everybody
// else who wants the table waits behind the change.
func (e *Engine) inTheWay(ctx context.Context, conn *pgconn.PgConn, files []engine.ExamineFile, findings []engine.Finding) error {
	rows, err := query(ctx, conn, `SELECT DISTINCT c.relname, 'process ' || a.pid || ' (user ' || coalesce(a.usename, '?')
			|| CASE WHEN a.application_name <> '' THEN ', application ' || a.application_name ELSE '' END || coalesce(', ' || a.state, '') || ')',
			date_trunc('second', clock_timestamp() - a.xact_start)::text
		FROM pg_stat_activity a JOIN pg_locks l USING (pid) JOIN pg_class c ON c.oid = l.relation
		WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND l.locktype = 'relation' AND l.granted
			AND c.relkind IN ('r', 'p', 'm') AND c.relnamespace <> 'pg_catalog'::regnamespace
			AND a.xact_start < clock_timestamp() - $1::interval
		LIMIT $2::int`, fmt.Sprintf("%d milliseconds", e.cfg.LongOpen.Milliseconds()), fmt.Sprint(maxHolders))
	if err != nil {
		return fmt.Errorf("ask for long transactions: %w", err)
	}
	holders := map[string]string{} // by table
	for _, r := range rows {
		holders[r[0]] = fmt.Sprintf("%s has a transaction open for %s", r[1], r[2])
	}
	until := time.Now().Add(explainBudget)
	for i, f := range files {
		text, err := sqltext.Prepare(f.Statement)
		if err != nil || len(holders) == 0 {
			continue
		}
		for st, err := range sqltext.Split(sqltext.Postgres, text) {
			if err != nil || len(holders) == 0 || time.Now().After(until) {
				break
			}
			if changesRows(st.Kind) || st.Kind == "SELECT" {
				continue // waits for no reader
			}
			for t := range sqltext.Tokens(sqltext.Postgres, []byte(st.Text)) {
				table := tableName(t, st.Text)
				who, held := holders[table]
				if !held {
					continue
				}
				delete(holders, table) // once is enough
				findings[i].Advices = append(findings[i].Advices, slipway.Advice{
					Level: slipway.AdviceWarning, Code: engine.LongTransactionCode, Title: engine.LongTransactionTitle,
					Content: fmt.Sprintf("%s and holds a lock on %q: this statement would wait for it, and everybody else behind this statement. Have it end first", who, table),
					Start:   slipway.Position{Line: st.Line, Column: st.Column},
				})
			}
		}
	}
	return nil
}

// tableName is the name that a token spells, "" if it spells none.
func tableName(t sqltext.Token, text string) string {
	word := text[t.Start:t.End]
	switch {
	case t.Kind == sqltext.Word:
		return strings.ToLower(word)
	case t.Kind == sqltext.Quoted && strings.HasPrefix(word, `"`):
		return strings.ReplaceAll(word[1:len(word)-1], `""`, `"`)
	}
	return ""
}
