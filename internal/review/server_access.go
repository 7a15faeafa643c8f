package review

import (
	pgquery "github.com/pganalyze/pg_query_go/v6"
)

// serverAccess finds what reaches beyond the database into the server or its
// machine: programs, files, settings, code to be loaded.
var serverAccess = rule{
	id: "STATEMENT_DISALLOW_SERVER_ACCESS", level: "ERROR",
	what:     "no COPY with server files or programs, no ALTER SYSTEM, no loading of code",
	postgres: serverAccessPostgres,
	sqlite:   serverAccessSQLite,
}

const serverAccessContent = "%s reaches beyond the database into its server: leave that to whoever runs the server"

func serverAccessPostgres(s *postgresStatement, r *report) {
	switch c := s.node.GetCopyStmt(); {
	case s.node.GetAlterSystemStmt() != nil:
		r.add(codeOutside, 0, serverAccessContent, "ALTER SYSTEM")
	case s.node.GetDropdbStmt() != nil:
		r.add(codeOutside, 0, serverAccessContent, "DROP DATABASE")
	case s.node.GetLoadStmt() != nil:
		r.add(codeOutside, 0, serverAccessContent, "LOAD")
	case c.GetIsProgram():
		r.add(codeOutside, 0, serverAccessContent, "COPY with PROGRAM")
	case c.GetFilename() != "":
		r.add(codeOutside, 0, serverAccessContent, "COPY with a file of the server")
	}
	s.tree.walk(func(m message) bool {
		if f, ok := m.(*pgquery.FuncCall); ok {
			switch parts := names(f.Funcname); parts[len(parts)-1] {
			case "pg_read_file", "pg_read_binary_file", "pg_ls_dir", "lo_import", "lo_export":
				r.add(codeOutside, int(f.Location), serverAccessContent, parts[len(parts)-1]+"()")
			}
		}
		return true
	})
}

func serverAccessSQLite(s *sqliteStatement, r *report) {
	for i, t := range s.tokens {
		if i+1 < len(s.tokens) && s.tokens[i+1].text == "(" && (t.upper == "LOAD_EXTENSION" || t.upper == "WRITEFILE" || t.upper == "READFILE") {
			r.add(codeOutside, t.offset, serverAccessContent, t.text+"()")
		}
	}
	if s.Kind == "VACUUM" && (item{tokens: s.tokens}).has("INTO") {
		r.add(codeOutside, 0, serverAccessContent, "VACUUM INTO")
	}
}
