package postgres

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway/internal/dbtest"
)

// The server answers the COMMIT of an aborted transaction without an error; no
// file gets there, since its error is seen before, so the last guard is tested
// by itself.
func TestChange22CommitOfAnAbortedTransaction(t *testing.T) {
	conn, err := pgconn.Connect(t.Context(), dbtest.Postgres(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer hangUp(t.Context(), conn)
	if err := exec(t.Context(), conn, "BEGIN; CREATE TABLE t (id int)"); err != nil {
		t.Fatal(err)
	}
	if err := exec(t.Context(), conn, "SELECT 1 / 0"); err == nil {
		t.Fatal("a division by zero went through")
	}
	if err := mustEnd(t.Context(), conn, "COMMIT"); !errors.Is(err, errNotCommitted) {
		t.Errorf("got %v, want that it was not committed", err)
	}
}
