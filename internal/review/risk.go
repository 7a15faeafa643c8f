package review

import (
	pgquery "github.com/pganalyze/pg_query_go/v6"

	"slipway"
	"slipway/internal/sqltext"
)

// riskOf says how much a kind of statement can break. HIGH loses what no
// other statement brings back.
func riskOf(k sqltext.Kind) slipway.RiskLevel {
	switch k {
	case "DROP DATABASE", "DROP TABLE", "DROP SCHEMA", "DROP OWNED", "TRUNCATE":
		return slipway.RiskHigh
	case "DELETE", "UPDATE", "MERGE", "ALTER TABLE", "DROP INDEX":
		return slipway.RiskModerate
	}
	return slipway.RiskLow
}

// riskWithin finds rows written by a part of another statement, as in WITH x
// AS (DELETE …) SELECT ….
func riskWithin(t tree) slipway.RiskLevel {
	risk := slipway.RiskLow
	t.walk(func(m message) bool {
		switch m.(type) {
		case *pgquery.UpdateStmt, *pgquery.DeleteStmt:
			risk = slipway.RiskModerate
		}
		return true
	})
	return risk
}

func (c *check) raise(r slipway.RiskLevel) {
	if r.Above(c.risk) {
		c.risk = r
	}
}
