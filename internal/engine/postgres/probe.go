package postgres

import (
	"slices"
	"strings"

	"slipway/internal/sqltext"
)

// plain is a statement's text without comments, one space between tokens.
func plain(st sqltext.Statement) string {
	return strings.TrimSuffix(string(sqltext.Normalize(sqltext.Postgres, []byte(st.Text))), ";\n")
}

// probeOf chooses how to find out what became of a statement. Where the name of
// its object cannot be read, the probe is opaque.
func probeOf(st sqltext.Statement) probe {
	h := head{text: []byte(st.Text)}
	for t := range sqltext.Tokens(sqltext.Postgres, h.text) {
		h.tokens = append(h.tokens, t)
		if len(h.tokens) == 64 { // names stand well before
			break
		}
	}
	switch st.Kind {
	case "CREATE INDEX":
		if h.skipTo("ON") {
			h.skip("ONLY")
			if name := h.name(); name != "" {
				return probe{kind: indexed, table: name}
			}
		}
	case "DROP INDEX":
		if h.skipTo("CONCURRENTLY") {
			h.skip("IF", "EXISTS")
			return existenceOf(h.name(), true, `SELECT to_regclass($1) IS NOT NULL`)
		}
	case "CREATE DATABASE", "DROP DATABASE":
		h.skipTo("DATABASE")
		h.skip("IF", "EXISTS")
		return existenceOf(h.name(), st.Kind == "DROP DATABASE",
			`SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = (parse_ident($1))[1])`)
	case "CREATE TABLESPACE", "DROP TABLESPACE":
		h.skipTo("TABLESPACE")
		h.skip("IF", "EXISTS")
		return existenceOf(h.name(), st.Kind == "DROP TABLESPACE",
			`SELECT EXISTS (SELECT 1 FROM pg_tablespace WHERE spcname = (parse_ident($1))[1])`)
	case "VACUUM", "REINDEX", "CLUSTER", "ALTER SYSTEM", "ALTER DATABASE":
		return probe{kind: harmless}
	}
	return probe{kind: opaque}
}

func existenceOf(name string, gone bool, sql string) probe {
	if name == "" {
		return probe{kind: opaque}
	}
	return probe{kind: existence, name: name, gone: gone, sql: sql}
}

// A head is the first tokens of a statement, read from the left.
type head struct {
	text   []byte
	tokens []sqltext.Token
}

func (h *head) peek() string {
	if len(h.tokens) == 0 {
		return ""
	}
	t := h.tokens[0]
	if t.Kind != sqltext.Word {
		return string(h.text[t.Start:t.End])
	}
	return strings.ToUpper(string(h.text[t.Start:t.End]))
}

// skipTo moves behind the keyword, which no name in quotes is taken for.
func (h *head) skipTo(word string) bool {
	for len(h.tokens) > 0 {
		w, kind := h.peek(), h.tokens[0].Kind
		h.tokens = h.tokens[1:]
		if kind == sqltext.Word && w == word {
			return true
		}
	}
	return false
}

// skip moves behind these words where they come next.
func (h *head) skip(words ...string) {
	for i, w := range words {
		if i >= len(h.tokens) || !strings.EqualFold(string(h.text[h.tokens[i].Start:h.tokens[i].End]), w) {
			return
		}
	}
	h.tokens = h.tokens[len(words):]
}

// name reads a name with its schema, as it is spelled.
func (h *head) name() string {
	var parts []string
	for len(h.tokens) > 0 {
		t := h.tokens[0]
		if !slices.Contains([]sqltext.TokenKind{sqltext.Word, sqltext.Quoted}, t.Kind) {
			return ""
		}
		parts = append(parts, string(h.text[t.Start:t.End]))
		h.tokens = h.tokens[1:]
		if h.peek() != "." {
			return strings.Join(parts, ".")
		}
		h.tokens = h.tokens[1:]
	}
	return ""
}
