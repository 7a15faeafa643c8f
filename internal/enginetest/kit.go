// Package enginetest holds what every engine promises, as tests that run on its
// real server. A new promise of engine.Engine lands here first.
package enginetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/engine"
)

// A Kit is an engine under test, with the statements in which servers differ.
type Kit struct {
	New  func() engine.Engine        // with short waits
	Lend func(t testing.TB) Database // a fresh, empty database
	// Alone makes or does something outside transactions, on table shelf with
	// column id.
	Alone string
	// Slow runs until it is canceled, and writes to table shelf if it ends.
	Slow string
	// Deferred is a table "child" whose reference to shelf is checked at commit.
	Deferred string
	// Meddle has a row of the ledger deleted whenever one is written.
	Meddle string
	// Moment is a time as a row of the ledger holds it.
	Moment string
}

// A Database is one database for one test.
type Database struct {
	Source slipway.Source
	Name   string
	// Query runs SQL beside the engine and returns the rows of its last
	// statement as text.
	Query func(t testing.TB, sql string) [][]string
}

// Run holds the engine to all promises.
func Run(t *testing.T, kit Kit) {
	for _, theme := range []struct {
		name string
		test func(*testing.T, Kit)
	}{
		{"ledger", testLedger},
		{"apply", testApply},
		{"failure", testFailure},
		{"segments", testSegments},
		{"text", testText},
		{"lock", testLock},
		{"kill", testKill},
		{"examine", testExamine},
		{"change", testChange},
	} {
		t.Run(theme.name, func(t *testing.T) { theme.test(t, kit) })
	}
}

// shelf is a table that most files here work on.
const shelf = "CREATE TABLE shelf (id INTEGER UNIQUE, book TEXT);"

// A bench is a database with an engine for one test.
type bench struct {
	Database
	t   *testing.T
	kit Kit
	eng engine.Engine
}

func newBench(t *testing.T, kit Kit) *bench {
	t.Helper()
	return &bench{Database: kit.Lend(t), t: t, kit: kit, eng: kit.New()}
}

func (b *bench) lock() engine.Session {
	b.t.Helper()
	s, err := b.eng.Lock(b.t.Context(), b.Source, b.Name, engine.Holder{TaskRun: "projects/p/plans/1/rollout/stages/test/tasks/2/taskRuns/3", Fence: 1, Replica: "here"})
	if err != nil {
		b.t.Fatalf("lock: %v", err)
	}
	b.t.Cleanup(func() { _ = s.Close(context.WithoutCancel(b.t.Context())) }) // most are closed before
	return s
}

// give gives a lock back.
func (b *bench) give(s engine.Session) {
	b.t.Helper()
	if err := s.Close(b.t.Context()); err != nil {
		b.t.Fatalf("close the session: %v", err)
	}
}

// apply applies a file and wants it to work.
func (b *bench) apply(s engine.Session, version, text string) slipway.Revision {
	b.t.Helper()
	rev, err := s.Apply(b.t.Context(), revision(version, text), []byte(text), func(slipway.LogEntry) {})
	if err != nil {
		b.t.Fatalf("apply version %s: %v", version, err)
	}
	return rev
}

// fail applies a file and wants it to fail.
func (b *bench) fail(s engine.Session, version, text string) *engine.StatementError {
	b.t.Helper()
	_, err := s.Apply(b.t.Context(), revision(version, text), []byte(text), func(slipway.LogEntry) {})
	e, ok := errors.AsType[*engine.StatementError](err)
	if !ok {
		b.t.Fatalf("apply version %s: got error %v, want a *StatementError", version, err)
	}
	if e.Failure.Version != version || e.Failure.Path != pathOf(version) {
		b.t.Errorf("the failure is about version %q of %q, want %q of %q", e.Failure.Version, e.Failure.Path, version, pathOf(version))
	}
	return e
}

func pathOf(version string) string { return "migrations/" + version + "_file.sql" }

func revision(version, text string) slipway.Revision {
	sum := sha256.Sum256([]byte(text))
	return slipway.Revision{
		ID: rand.Text(), Version: version, Path: pathOf(version), SHA256: hex.EncodeToString(sum[:]),
		TextSHA: "t" + hex.EncodeToString(sum[:4]), Release: "projects/p/releases/r", TaskRun: "projects/p/plans/1/rollout/stages/test/tasks/2/taskRuns/3",
	}
}

// versions are the versions in force, in the order that they were applied.
func (b *bench) versions() string {
	b.t.Helper()
	revs, err := b.eng.Revisions(b.t.Context(), b.Source, b.Name)
	if err != nil {
		b.t.Fatalf("read the ledger: %v", err)
	}
	var vs []string
	for _, r := range revs {
		if r.Deleted.IsZero() {
			vs = append(vs, r.Version)
		}
	}
	return strings.Join(vs, " ")
}

func (b *bench) wantVersions(want string) {
	b.t.Helper()
	if got := b.versions(); got != want {
		b.t.Errorf("the ledger has versions %q in force, want %q", got, want)
	}
}

// wantQuery compares the first column of a query's rows.
func (b *bench) wantQuery(sql, want string) {
	b.t.Helper()
	var got []string
	for _, r := range b.Query(b.t, sql) {
		got = append(got, r[0])
	}
	if g := strings.Join(got, " "); g != want {
		b.t.Errorf("%s: got %q, want %q", sql, g, want)
	}
}
