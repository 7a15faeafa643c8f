package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// Bounds of an estimate: what lies beyond is not counted, so that a check of a
// big file stays quick.
const (
	maxExplained   = 500
	explainBudget  = 5 * time.Second
	explainTimeout = "SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '500ms'"
)

// Examine implements engine.Engine. The planner estimates how many rows each
// statement would change; nothing runs. Statements about tables that an earlier
// file is to make have no plan yet and count for nothing. Syntax is the
// review's business, which reads PostgreSQL's grammar without a server.
func (e *Engine) Examine(ctx context.Context, src slipway.Source, db string, files []engine.ExamineFile) ([]engine.Finding, error) {
	findings := make([]engine.Finding, len(files))
	for i, f := range files {
		findings[i].Path = f.Path
	}
	err := e.visit(ctx, src, db, func(conn *pgconn.PgConn) error {
		until := time.Now().Add(explainBudget)
		left := maxExplained
		for i, f := range files {
			text, err := sqltext.Prepare(f.Statement)
			if err != nil {
				continue // review says it
			}
			for st, err := range sqltext.Split(sqltext.Postgres, text) {
				if err != nil || left == 0 || time.Now().After(until) {
					break
				}
				if !changesRows(st.Kind) {
					continue
				}
				left--
				rows, err := estimate(ctx, conn, st.Text)
				if err != nil {
					return err
				}
				findings[i].Affected += rows
			}
		}
		return e.inTheWay(ctx, conn, files, findings)
	})
	return findings, err
}

func changesRows(k sqltext.Kind) bool {
	switch k {
	case "INSERT", "UPDATE", "DELETE", "MERGE":
		return true
	}
	return false
}

// estimate is the planner's word on one statement, 0 when it has none.
func estimate(ctx context.Context, conn *pgconn.PgConn, statement string) (int64, error) {
	if err := exec(ctx, conn, "BEGIN READ ONLY; "+explainTimeout); err != nil {
		return 0, fmt.Errorf("begin an estimate: %w", err)
	}
	// The extended protocol takes one statement and no more.
	rows, err := query(ctx, conn, "EXPLAIN (FORMAT JSON) "+statement)
	if end := exec(ctx, conn, "ROLLBACK"); end != nil {
		return 0, fmt.Errorf("end an estimate: %w", end)
	}
	if err != nil {
		return 0, ctx.Err()
	}
	var text strings.Builder
	for _, r := range rows {
		text.WriteString(r[0])
	}
	var explained []struct{ Plan plan }
	if err := json.Unmarshal([]byte(text.String()), &explained); err != nil || len(explained) == 0 {
		return 0, nil
	}
	return explained[0].Plan.changed(), nil
}

// A plan is a node of EXPLAIN's tree.
type plan struct {
	Node  string  `json:"Node Type"`
	Role  string  `json:"Parent Relationship"`
	Rows  float64 `json:"Plan Rows"`
	Plans []plan
}

// changed is how many rows reach the nodes that write.
func (p plan) changed() int64 {
	var n int64
	for _, c := range p.Plans {
		if p.Node == "ModifyTable" && (c.Role == "Outer" || c.Role == "Member") {
			n += int64(c.Rows)
		}
		n += c.changed()
	}
	return n
}
