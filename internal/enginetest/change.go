package enginetest

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway"
	"slipway/internal/engine"
)

// watchHeap looks at the heap until done is called; most is by how much it grew.
func watchHeap() (most func() uint64, done func()) {
	runtime.GC()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, top := heap(), uint64(0)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				top = max(top, heap())
			}
		}
	})
	return func() uint64 { return max(top, before) - before }, func() { close(stop); wg.Wait() }
}

// testChange holds the change cases, by their number, that no other theme has.
func testChange(t *testing.T, kit Kit) {
	t.Run("change 1: killed between a statement and its revision, both are there or neither", func(t *testing.T) {
		for n := 2; n <= 6; n++ { // session, file, BEGIN, CREATE, INSERT, COMMIT
			b := newBench(t, kit)
			b.give(b.lock()) // makes the ledger
			text := shelf + "\nINSERT INTO shelf (book) VALUES ('x');"
			session := b.killAfter(n, []errandFile{{"1", text}})
			if err := b.eng.End(t.Context(), b.Source, b.Name, session); err != nil {
				t.Fatal(err)
			}
			schema, err := b.eng.Schema(t.Context(), b.Source, b.Name)
			if err != nil {
				t.Fatal(err)
			}
			if made, recorded := strings.Contains(schema, "shelf"), b.versions() == "1"; made != recorded {
				t.Errorf("killed at line %d: the table is there: %t, the revision is: %t", n, made, recorded)
			}
			b.apply(b.lock(), "1", text)
			b.wantVersions("1")
			b.wantQuery("SELECT count(*) FROM shelf", "1")
		}
	})

	t.Run("change 34: a checkout with other line ends is no edit of a half applied file", func(t *testing.T) {
		b := newBench(t, kit)
		text := shelf + "\nINSERT INTO shelf (book)\n  VALUES ('x');\n" + kit.Alone + ";\n"
		s := b.lock()
		_ = b.fail(s, "1", text+"INSERT INTO nowhere VALUES (1);\n")
		b.apply(s, "1", strings.ReplaceAll(text, "\n", "\r\n"))
		b.wantVersions("1")
		b.wantQuery("SELECT count(*) FROM shelf", "1")
	})

	t.Run("change 39: a file of 100 MB goes in, a piece at a time", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		var text strings.Builder
		row := "INSERT INTO shelf (book) VALUES ('" + strings.Repeat("x", 2000) + "');\n"
		n := 0
		for ; text.Len()+len(row) <= slipway.MaxFileSize; n++ {
			text.WriteString(row)
		}
		rev, raw := revision("2", text.String()), []byte(text.String())
		text.Reset()
		most, done := watchHeap()
		logged := 0
		if _, err := s.Apply(t.Context(), rev, raw, func(slipway.LogEntry) { logged++ }); err != nil {
			t.Fatal(err)
		}
		done()
		b.wantQuery("SELECT count(*) FROM shelf", fmt.Sprint(n))
		if logged > 5000 {
			t.Errorf("%d log entries: a big file must not flood the log", logged)
		}
		// The collector lets garbage grow to the size of what is live, the file.
		if grown := most(); grown > uint64(len(raw)+len(raw)/2) {
			t.Errorf("the heap grew by %d MB beside the file's %d", grown>>20, len(raw)>>20)
		}
	})

	t.Run("change 40: a statement of 50 MB goes in", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		const size = 50 << 20
		b.apply(s, "2", "INSERT INTO shelf (book) VALUES ('"+strings.Repeat("x", size)+"');")
		b.wantQuery("SELECT length(book) FROM shelf", fmt.Sprint(size))
	})

	t.Run("change 59: no constant of a statement is in log, error or journal", func(t *testing.T) {
		const secret = "hunter2secret"
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		text := "-- " + secret + "\nINSERT INTO shelf (book) -- " + secret + "\n VALUES ('" + secret + "');\n" + kit.Alone + ";\n" +
			"INSERT INTO shelf (id, book) VALUES (1, '" + secret + "'), (1, '" + secret + "');"
		var logged strings.Builder
		note := func(l slipway.LogEntry) {
			if l.Statement != nil {
				fmt.Fprintf(&logged, "%+v\n", *l.Statement)
			}
		}
		_, err := s.Apply(t.Context(), revision("2", text), []byte(text), note)
		e, ok := errors.AsType[*engine.StatementError](err)
		if !ok || e.Failure.Code == "" {
			t.Fatalf("got %v, want the second row refused", err)
		}
		syntax := b.fail(s, "3", "CREATE TABLE t (a text) '"+secret+"';")
		for what, told := range map[string]string{
			"log": logged.String(), "failure": fmt.Sprintf("%+v", e.Failure), "error": err.Error(), "message": slipway.MessageOf(err),
			"syntax error": fmt.Sprintf("%+v %s", syntax.Failure, slipway.MessageOf(syntax)),
			"journal":      strings.Join(b.Query(t, "SELECT statement FROM slipway_journal WHERE segment = 0")[0], ""),
		} {
			if told == "" || strings.Contains(told, secret) {
				t.Errorf("%s: %q", what, told)
			}
		}
		if !strings.Contains(logged.String(), "VALUES ('…')") {
			t.Errorf("the log does not tell the statement: %s", logged.String())
		}
	})
}
