package review

import "slipway/internal/sqltext"

// control finds BEGIN, COMMIT and ROLLBACK. It is fixed: Slipway runs a file
// and records it in one transaction, which none but itself may end. Savepoints
// live within that and are let be.
var control = rule{
	id: "STATEMENT_DISALLOW_COMMIT", level: "ERROR", fixed: true,
	what:     "no BEGIN, COMMIT or ROLLBACK: a file and the record of it are one transaction",
	postgres: func(s *postgresStatement, r *report) { controls(s.Control, s.Kind, r) },
	sqlite:   func(s *sqliteStatement, r *report) { controls(s.Control, s.Kind, r) },
}

func controls(c sqltext.Control, k sqltext.Kind, r *report) {
	if c == sqltext.Begin || c == sqltext.Commit || c == sqltext.Rollback {
		r.add(206, 0, "%s has no place in a migration, whose statements and record are one transaction already: take it out", k)
	}
}
