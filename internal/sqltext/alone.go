package sqltext

// alonePostgres reports whether PostgreSQL refuses the statement inside a
// transaction block (SQLSTATE 25001). ALTER TYPE … ADD VALUE is no such
// statement since version 12. The reader stands behind the words of kind.
func (r *words) alonePostgres(kind Kind) bool {
	switch kind {
	case "CREATE INDEX", "DROP INDEX":
		return r.next() == "CONCURRENTLY"
	case "VACUUM", "CREATE DATABASE", "DROP DATABASE", "CREATE TABLESPACE", "DROP TABLESPACE", "ALTER SYSTEM",
		"CREATE SUBSCRIPTION", "ALTER SUBSCRIPTION", "DROP SUBSCRIPTION":
		return true
	case "REINDEX":
		return r.reindex()
	case "CLUSTER":
		w := r.next()
		if w == "(" {
			r.parenthesis()
			w = r.next()
		} else if w == "VERBOSE" {
			w = r.next()
		}
		return w == ""
	case "ALTER TABLE":
		return r.detaches()
	case "ALTER DATABASE":
		return r.contains("SET", "TABLESPACE")
	case "DISCARD":
		return r.next() == "ALL"
	case "COMMIT", "ROLLBACK":
		return r.next() == "PREPARED"
	}
	return false
}

// reindex reads REINDEX [ (options) ] { INDEX | TABLE | … } [ CONCURRENTLY ].
func (r *words) reindex() bool {
	concurrently := false
	w := r.next()
	if w == "(" {
		for w != ")" && w != "" {
			w = r.next()
			concurrently = concurrently || w == "CONCURRENTLY"
		}
		w = r.next()
	}
	return concurrently || w == "SCHEMA" || w == "DATABASE" || w == "SYSTEM" || r.next() == "CONCURRENTLY"
}

// detaches reads ALTER TABLE … DETACH PARTITION … CONCURRENTLY. DETACH is the
// only command of its statement and names no more than two tables, so the head
// decides.
func (r *words) detaches() bool {
	detach := false
	for range 24 {
		switch r.next() {
		case "":
			return false
		case "DETACH":
			detach = true
		case "CONCURRENTLY":
			return detach
		}
	}
	return false
}

// contains reports whether a and b stand side by side further on.
func (r *words) contains(a, b string) bool {
	before := ""
	for w := r.next(); w != ""; w = r.next() {
		if before == a && w == b {
			return true
		}
		before = w
	}
	return false
}

// parenthesis moves behind the ) of the ( just read.
func (r *words) parenthesis() {
	for depth := 1; depth > 0; {
		switch r.next() {
		case "(":
			depth++
		case ")":
			depth--
		case "":
			return
		}
	}
}

// fromStdin reads on behind COPY: … FROM STDIN outside parentheses.
func (r *words) fromStdin() bool {
	before := ""
	for w := r.next(); w != ""; w = r.next() {
		if w == "(" {
			r.parenthesis()
		}
		if before == "FROM" && w == "STDIN" {
			return true
		}
		before = w
	}
	return false
}

// aloneMySQL reports whether MySQL commits the transaction on its own account
// before the statement.
func (r *words) aloneMySQL(kind Kind) bool {
	switch kind {
	case "CREATE TABLE", "DROP TABLE": // temporary tables leave the transaction alone
		before := words{lexer: lexer{dialect: r.dialect, text: r.text[:r.pos]}}
		for w := before.next(); w != ""; w = before.next() {
			if w == "TEMPORARY" {
				return false
			}
		}
		return true
	case "RENAME", "TRUNCATE", "ANALYZE", "OPTIMIZE", "REPAIR", "CHECK", "GRANT", "REVOKE", "LOCK", "UNLOCK",
		"FLUSH", "RESET", "INSTALL", "UNINSTALL", "CACHE":
		return true
	}
	verb := words{lexer: lexer{dialect: r.dialect, text: r.text[:r.pos]}}
	switch verb.first() {
	case "CREATE", "ALTER", "DROP":
		return true
	}
	return false
}

// aloneSQLite reports whether SQLite refuses the statement in a transaction or
// takes no notice of it there, as of PRAGMA foreign_keys = ….
func (r *words) aloneSQLite(kind Kind) bool {
	switch kind {
	case "VACUUM", "ATTACH", "DETACH":
		return true
	case "PRAGMA":
		name := r.next()
		sets := r.next()
		if sets == "." {
			name, sets = r.next(), r.next()
		}
		switch name {
		case "FOREIGN_KEYS", "JOURNAL_MODE", "SYNCHRONOUS", "TEMP_STORE", "LOCKING_MODE", "AUTO_VACUUM", "PAGE_SIZE":
			return sets == "=" || sets == "("
		case "WAL_CHECKPOINT", "INCREMENTAL_VACUUM":
			return true
		}
	}
	return false
}

// escapesAfter returns whether plain strings have backslash escapes behind a
// statement of PostgreSQL, given whether they had before it.
func escapesAfter(kind Kind, text []byte, before bool) bool {
	if kind != "SET" && kind != "RESET" && kind != "DISCARD" {
		return before
	}
	r := words{lexer: lexer{dialect: Postgres, text: text}}
	r.next()
	w := r.next()
	if kind == "SET" && (w == "SESSION" || w == "LOCAL") {
		w = r.next()
	}
	switch {
	case kind != "SET" && w == "ALL":
		return false
	case w != "STANDARD_CONFORMING_STRINGS":
		return before
	case kind == "RESET":
		return false
	}
	r.next() // TO or =
	t, err := r.lexer.next()
	if err != nil {
		return before
	}
	switch value := string(text[t.Start:t.End]); {
	case fold([]byte(value), "OFF"), fold([]byte(value), "FALSE"), fold([]byte(value), "NO"), value == "0":
		return true
	case t.Kind == String && len(value) > 2:
		return escapesAfter(kind, []byte("SET standard_conforming_strings = "+value[1:len(value)-1]), before)
	}
	return false
}
