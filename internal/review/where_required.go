package review

import pgquery "github.com/pganalyze/pg_query_go/v6"

// whereRequired finds UPDATE and DELETE without WHERE, be they part of another
// statement. The bodies of functions, rules and triggers are not run by the
// file and left out.
var whereRequired = rule{
	id: "STATEMENT_WHERE_REQUIRE_UPDATE_DELETE", level: "ERROR",
	what:     "UPDATE and DELETE say which rows by WHERE",
	postgres: whereRequiredPostgres,
	sqlite:   whereRequiredSQLite,
}

const whereContent = "%s without WHERE changes every row of %s: say which rows, or write WHERE true where all are meant"

func whereRequiredPostgres(s *postgresStatement, r *report) {
	s.tree.walk(func(m message) bool {
		switch m := m.(type) {
		case *pgquery.CreateFunctionStmt, *pgquery.RuleStmt:
			return false
		case *pgquery.UpdateStmt:
			if m.WhereClause == nil {
				r.add(202, int(m.Relation.GetLocation()), whereContent, "UPDATE", tableName(m.Relation))
			}
		case *pgquery.DeleteStmt:
			if m.WhereClause == nil {
				r.add(202, int(m.Relation.GetLocation()), whereContent, "DELETE", tableName(m.Relation))
			}
		}
		return true
	})
}

func whereRequiredSQLite(s *sqliteStatement, r *report) {
	tokens := s.main()
	if len(tokens) == 0 {
		return
	}
	rd := &reader{tokens}
	switch {
	case rd.word("DELETE", "FROM"):
	case rd.word("UPDATE"):
		if rd.word("OR") {
			rd.name()
		}
	default:
		return
	}
	table := rd.table()
	for _, t := range rd.tokens {
		if t.depth == 0 && t.upper == "WHERE" {
			return
		}
	}
	r.add(202, tokens[0].offset, whereContent, tokens[0].upper, table)
}
