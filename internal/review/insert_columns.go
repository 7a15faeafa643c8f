package review

import (
	pgquery "github.com/pganalyze/pg_query_go/v6"
)

// insertColumns finds INSERT without a list of columns. DEFAULT VALUES needs
// none.
var insertColumns = rule{
	id: "STATEMENT_INSERT_MUST_SPECIFY_COLUMN", level: "ERROR",
	what:     "INSERT names its columns",
	postgres: insertColumnsPostgres,
	sqlite:   insertColumnsSQLite,
}

const insertColumnsContent = "INSERT INTO %s without a list of columns fails or fills the wrong ones once the table changes: name the columns"

func insertColumnsPostgres(s *postgresStatement, r *report) {
	s.tree.walk(func(m message) bool {
		switch m := m.(type) {
		case *pgquery.CreateFunctionStmt, *pgquery.RuleStmt:
			return false // a body is not run by the file
		case *pgquery.InsertStmt:
			if len(m.Cols) == 0 && m.SelectStmt != nil {
				r.add(1107, int(m.Relation.GetLocation()), insertColumnsContent, tableName(m.Relation))
			}
		}
		return true
	})
}

func insertColumnsSQLite(s *sqliteStatement, r *report) {
	tokens := s.main()
	rd := &reader{tokens}
	switch {
	case rd.word("REPLACE"):
	case rd.word("INSERT"):
		if rd.word("OR") {
			rd.name()
		}
	default:
		return
	}
	if !rd.word("INTO") {
		return
	}
	table := rd.table()
	if rd.word("AS") {
		rd.name()
	}
	if table != "" && len(rd.tokens) > 0 && !rd.symbol("(") && !rd.word("DEFAULT", "VALUES") {
		r.add(1107, tokens[0].offset, insertColumnsContent, table)
	}
}
