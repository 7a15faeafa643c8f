package dbtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// An Owned is a PostgreSQL server that one test has to itself, so that it can
// be stopped and started again where it was. Unlike the shared one it keeps what
// it committed when it is killed, though not through a power cut.
type Owned struct {
	t   testing.TB
	at  place
	cmd *exec.Cmd // nil while it is stopped
	server
}

// Own starts a server whose data is in a folder under dir, "" for where
// temporary files are, with settings besides those that every test
// server has. It is gone when the test ends.
func Own(t testing.TB, dir string, settings ...string) *Owned {
	t.Helper()
	at, err := prepare(dir)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no PostgreSQL for this test: %v", err)
		}
		t.Skipf("no PostgreSQL for this test: %v", err)
	}
	at.settings = append([]string{"fsync=off"}, settings...)
	o := &Owned{t: t, at: at}
	t.Cleanup(func() {
		o.Stop("QUIT")
		_ = os.RemoveAll(at.dir)
	})
	if err := o.Start(); err != nil {
		t.Fatal(err)
	}
	return o
}

// Start starts the server again, where it was.
func (o *Owned) Start() (err error) {
	o.cmd, o.server, err = o.at.launch()
	return err
}

// Stop ends the server by a signal, as PostgreSQL takes it: TERM waits for the
// sessions, INT ends them, QUIT leaves all to recovery. It returns when the
// server is gone.
func (o *Owned) Stop(signal string) {
	if o.cmd == nil {
		return
	}
	fmt.Fprintln(o.leash, signal)
	_ = o.leash.Close()
	_ = o.cmd.Wait() // by a signal
	o.cmd = nil
}

// Answers reports whether the server takes connections.
func (o *Owned) Answers() bool {
	ctx, cancel := context.WithTimeout(o.t.Context(), 5*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, o.url)
	if err != nil {
		return false
	}
	_ = conn.Close(ctx)
	return true
}

// Database lends an empty database, as Postgres does.
func (o *Owned) Database(t testing.TB) Database {
	t.Helper()
	return lend(t, func() (server, error) { return o.server, nil })
}
