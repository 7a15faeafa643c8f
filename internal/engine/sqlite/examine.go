package sqlite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// Bounds of a simulation: what lies beyond is not looked at, so that a check
// of a big or a hostile file ends soon.
const (
	examineBudget = 20 * time.Second
	countBudget   = 3 * time.Second
	maxAdvices    = 50
	memoryPages   = "PRAGMA max_page_count = 16384" // 64 MiB
	// maxValue bounds a value that is computed on the way, in bytes. The
	// library's own bound is 1 GB, of which hex(zeroblob(…)) takes three times
	// as much.
	maxValue = 4 << 20
)

// A simulation is a copy of a schema without its rows.
type simulation struct {
	raw    *raw
	counts *database // the target, which cannot be written through it; for counting
	until  time.Time // when counting ends
}

// Examine implements engine.Engine. On an empty copy of the schema in memory,
// statements that change the schema are run, file after file; the others are
// compiled. Rows that UPDATE and DELETE would change are counted in the target.
func (e *Engine) Examine(ctx context.Context, src slipway.Source, db string, files []engine.ExamineFile) ([]engine.Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, examineBudget)
	defer cancel()
	var findings []engine.Finding
	err := e.visit(ctx, src, db, func(d *database) error {
		objects, err := d.objects(ctx, "rowid")
		if err != nil {
			return err
		}
		if err := d.limitValues(maxValue); err != nil {
			return err
		}
		r, err := openRaw()
		if err != nil {
			return err
		}
		defer r.close()
		r.limitValues(maxValue)
		defer r.interruptWhen(ctx)()
		if bad := r.compile(memoryPages, true); bad != nil {
			return fmt.Errorf("bound the copy of the schema: %w", bad)
		}
		for _, o := range objects {
			// The tables behind a virtual one come with it; making them again fails.
			_ = r.compile(o.sql, true)
		}
		s := &simulation{raw: r, counts: d, until: time.Now().Add(countBudget)}
		for _, f := range files {
			findings = append(findings, s.file(ctx, f))
		}
		return nil
	})
	return findings, err
}

// file carries one file on. What a statement could not do the later ones miss,
// so that after a syntax error the rest of the file is left alone.
func (s *simulation) file(ctx context.Context, f engine.ExamineFile) engine.Finding {
	found := engine.Finding{Path: f.Path}
	text, err := sqltext.Prepare(f.Statement)
	if err != nil {
		return found // review says it
	}
	for st, err := range sqltext.Split(sqltext.SQLite, text) {
		if err != nil || ctx.Err() != nil || len(found.Advices) >= maxAdvices {
			break
		}
		if skipped(st) {
			continue
		}
		bad := s.raw.compile(st.Text, changesSchema(st.Kind))
		if bad == nil {
			if st.Kind == "UPDATE" || st.Kind == "DELETE" {
				found.Affected += s.count(ctx, st)
			}
			continue
		}
		if ctx.Err() != nil {
			break
		}
		found.Advices = append(found.Advices, advice(text, st, bad))
		if bad.syntax() {
			break
		}
	}
	return found
}

// skipped are statements that say nothing about the schema, or that reach out
// of it.
func skipped(st sqltext.Statement) bool {
	switch st.Kind {
	case "PRAGMA", "VACUUM", "ATTACH", "DETACH", "ANALYZE", "REINDEX":
		return true
	}
	return st.Control != sqltext.None
}

func changesSchema(k sqltext.Kind) bool {
	verb, _, _ := strings.Cut(string(k), " ")
	return verb == "CREATE" || verb == "ALTER" || verb == "DROP"
}

func advice(text []byte, st sqltext.Statement, bad *rawError) slipway.Advice {
	a := slipway.Advice{
		Level: slipway.AdviceError, Code: engine.SimulationCode, Title: engine.SimulationTitle, Content: sqltext.MaskIn(sqltext.SQLite, st, bad.message),
		Start: slipway.Position{Line: st.Line, Column: st.Column},
	}
	at := bad.offset
	if bad.syntax() {
		a.Code, a.Title = engine.SyntaxCode, engine.SyntaxTitle
	} else if at < 0 {
		at = place(st.Text, bad.message)
	}
	if at >= 0 {
		a.Start.Line, a.Start.Column = sqltext.Position(text, st.Start+at)
	}
	a.End.Line, a.End.Column = sqltext.Position(text, st.End)
	return a
}

// count asks the target how many rows a plain UPDATE or DELETE is about, 0
// where that takes too long or the table is one that the files are to make.
func (s *simulation) count(ctx context.Context, st sqltext.Statement) int64 {
	left := time.Until(s.until)
	sql, ok := counting(st)
	if left <= 0 || !ok {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	var n int64
	if s.counts.conn.QueryRowContext(ctx, sql).Scan(&n) != nil {
		return 0
	}
	return n
}

// counting turns DELETE FROM t WHERE … and UPDATE t SET … WHERE … into a count;
// other forms it leaves.
func counting(st sqltext.Statement) (string, bool) {
	text := []byte(st.Text)
	var table []string
	depth, where, reading := 0, -1, false
	for t := range sqltext.Tokens(sqltext.SQLite, text) {
		word := strings.ToUpper(string(text[t.Start:t.End]))
		switch {
		case t.Kind == sqltext.Symbol && word == "(":
			depth++
		case t.Kind == sqltext.Symbol && word == ")":
			depth--
		case depth > 0 || t.Kind != sqltext.Word && !reading:
		case t.Start == 0:
			if word != string(st.Kind) {
				return "", false // WITH …
			}
			reading = word == "UPDATE"
		case word == "FROM" && st.Kind == "DELETE" && table == nil:
			reading = true
		case t.Kind == sqltext.Word && (word == "FROM" || word == "RETURNING" || word == "LIMIT" || word == "ORDER" || word == "OR" && table == nil):
			return "", false
		case t.Kind == sqltext.Word && word == "WHERE" && where < 0:
			where, reading = t.Start, false
		case t.Kind == sqltext.Word && word == "SET":
			reading = false
		case reading:
			table = append(table, string(text[t.Start:t.End]))
		}
	}
	if len(table) == 0 {
		return "", false
	}
	sql := "SELECT count(*) FROM " + strings.Join(table, " ")
	if where >= 0 {
		sql += " " + st.Text[where:]
	}
	return sql, true
}
