package review

import "strings"

// truncate finds TRUNCATE.
var truncate = rule{
	id: "STATEMENT_DISALLOW_TRUNCATE", level: "ERROR",
	what: "no TRUNCATE, which empties a table under a lock that stops all reading",
	postgres: func(s *postgresStatement, r *report) {
		t := s.node.GetTruncateStmt()
		if t == nil {
			return
		}
		var tables []string
		for _, n := range t.Relations {
			tables = append(tables, tableName(n.GetRangeVar()))
		}
		r.add(257, 0, "TRUNCATE empties %s at once, with a lock that stops all reading of it: use DELETE with WHERE, in batches where there are many rows", strings.Join(tables, ", "))
	},
}
