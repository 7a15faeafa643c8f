package enginetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/engine"
)

// testChange holds the change cases, by their number, that no other theme has.
func testChange(t *testing.T, kit Kit) {
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
