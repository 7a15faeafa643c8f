package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// closeTimeout bounds goodbyes and roll-backs, which go on after the caller's
// context has ended.
const closeTimeout = 15 * time.Second

// A session is one connection, which holds the lock and does all the work: when
// it is lost, the lock and what was not committed are lost with it, and no
// transaction of another connection of ours is ever open beside it.
type session struct {
	e      *Engine
	src    slipway.Source
	db     string
	by     engine.Holder
	conn   *pgconn.PgConn
	id     string // pid/backend_start, the latter in microseconds since 1970
	schema string // of the ledger, quoted
	ledger ledgerSum
	clean  bool // it is as it began: no file ran since it was reset
	checks bool // the server can look whether its client is alive

	// What the ledger and the journal say while the lock is held, which nobody
	// else may change: it saves two questions for each file.
	inForce map[string]slipway.Revision // by version key; nil until Revisions was asked
	begun   map[string]bool             // version keys that the journal has rows of
}

// ID implements engine.Session.
func (s *session) ID() string { return s.id }

// Revisions implements engine.Session.
func (s *session) Revisions(ctx context.Context) ([]slipway.Revision, error) {
	revs, err := readRevisions(ctx, s.conn, s.schema, "true")
	if err != nil {
		return nil, classify(ctx, err)
	}
	s.inForce = make(map[string]slipway.Revision, len(revs))
	for _, r := range revs {
		if r.Deleted.IsZero() {
			s.inForce[versionKey(r.Version)] = r
		}
	}
	return revs, nil
}

// Close implements engine.Session. The lock goes with the connection.
func (s *session) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := s.conn.Close(ctx); err != nil {
		return slipway.Errorf(slipway.Unavailable, "the session of database %q could not say goodbye", s.db).Because(err)
	}
	return nil
}

// reset puts a session back to what it was when it began, so that no file's
// settings, role or temporary tables reach the next. DISCARD ALL would give the
// lock back as well.
var reset = []string{
	"SET SESSION AUTHORIZATION DEFAULT", "RESET ROLE", "RESET ALL", "DEALLOCATE ALL", "CLOSE ALL", "UNLISTEN *",
	"DISCARD TEMP", "DISCARD SEQUENCES", "DISCARD PLANS",
}

// resets are the statements of a reset in this session. A server that runs on
// after its client died would commit what nobody waits for; looking for that
// exists since version 14, and not on every platform.
func (s *session) resets() []string {
	if !s.checks {
		return reset
	}
	return append(slices.Clone(reset), "SET client_connection_check_interval = '1s'")
}

// tidy resets the session unless it is as it began.
func (s *session) tidy(ctx context.Context) error {
	if s.clean {
		return nil
	}
	if err := exec(ctx, s.conn, strings.Join(s.resets(), "; ")); err != nil {
		return fmt.Errorf("reset the session: %w", err)
	}
	return nil
}

// watchClient has the server look whether its client is alive, if it can.
func (s *session) watchClient(ctx context.Context) error {
	err := exec(ctx, s.conn, "SET client_connection_check_interval = '1s'")
	_, refused := errors.AsType[*pgconn.PgError](err)
	if s.checks = err == nil; s.checks || refused {
		return nil
	}
	return fmt.Errorf("set the session up: %w", err)
}

// An application is one file on its way into the database.
type application struct {
	*session
	rev     slipway.Revision
	script  *engine.Script
	journal map[int]entry
	log     func(slipway.LogEntry)
	began   time.Time
	retries retries
}

// Apply implements engine.Session.
func (s *session) Apply(ctx context.Context, rev slipway.Revision, statement []byte, log func(slipway.LogEntry)) (slipway.Revision, error) {
	script, err := engine.Cut(sqltext.Postgres, rev, statement, engine.Reading{
		Alone:  func(st sqltext.Statement) bool { return st.NonTransactional },
		Refuse: refusal,
	})
	if err != nil {
		return slipway.Revision{}, err
	}
	a := &application{session: s, rev: rev, script: script, log: log, began: s.e.cfg.Now()}
	a.retries = retries{until: time.Now().Add(s.e.cfg.RetryBudget)}
	if s.conn.IsClosed() {
		return slipway.Revision{}, script.FailFile(engine.Failed, "", slipway.Errorf(slipway.Unavailable, "the session of database %q was lost before this file", s.db))
	}
	was, found, err := a.recorded(ctx)
	if err != nil || found {
		return was, err
	}
	if err := a.resume(ctx); err != nil {
		return slipway.Revision{}, err
	}
	a.tell(slipway.LogEntry{File: &slipway.FileLog{Version: rev.Version, Path: rev.Path}})
	if err := a.run(ctx); err != nil {
		return slipway.Revision{}, err
	}
	if s.inForce != nil {
		s.inForce[versionKey(rev.Version)] = a.rev
	}
	return a.rev, nil
}

func (a *application) tell(entry slipway.LogEntry) {
	entry.Time, entry.Replica = a.e.cfg.Now(), a.by.Replica
	a.log(entry)
}

// recorded returns the revision that is in force for the file's version.
func (a *application) recorded(ctx context.Context) (slipway.Revision, bool, error) {
	was, found := a.inForce[versionKey(a.rev.Version)]
	if a.inForce == nil {
		revs, err := readRevisions(ctx, a.conn, a.schema, "deleted IS NULL AND version_key = $1", versionKey(a.rev.Version))
		if err != nil {
			return slipway.Revision{}, false, a.fileError(ctx, err)
		}
		if found = len(revs) > 0; found {
			was = revs[0]
		}
	}
	if !found {
		return slipway.Revision{}, false, nil
	}
	if was.SHA256 == a.rev.SHA256 {
		was.Database = a.rev.Database
		return was, true, nil
	}
	return slipway.Revision{}, false, a.script.FailFile(engine.Failed, "", slipway.Errorf(slipway.Precondition,
		"version %s is applied already, from %s with other content (sha256 %.12s, now %.12s)", a.rev.Version, was.Path, was.SHA256, a.rev.SHA256))
}

// run goes through the segments in the file's order. The ledger row is written
// in the last one's transaction, or in one of its own where that has none.
func (a *application) run(ctx context.Context) error {
	if err := a.tidy(ctx); err != nil {
		return a.fileError(ctx, err)
	}
	a.clean = false
	segments := a.script.Segments
	for i, seg := range segments {
		if a.journal[seg.Index].done {
			if err := a.setAgain(ctx, seg); err != nil {
				return err
			}
			continue
		}
		var err error
		if seg.Alone {
			err = a.runAlone(ctx, seg)
		} else {
			err = a.runTogether(ctx, seg, i == len(segments)-1)
		}
		if err != nil {
			return err
		}
	}
	if n := len(segments); n > 0 && !segments[n-1].Alone && !a.journal[n-1].done {
		return nil // recorded with its last transaction
	}
	return a.runTogether(ctx, engine.Segment{Index: -1}, true)
}

// setAgain makes the settings of a part that an earlier session ran: what is
// behind it counts on them, on a search_path above all. Roles are not among
// them, since none outlives the transaction that takes it.
func (a *application) setAgain(ctx context.Context, seg engine.Segment) error {
	for st := range a.script.Statements(seg) {
		if !setting(st) {
			continue
		}
		if err := exec(ctx, a.conn, st.Text); err != nil {
			return a.statementError(ctx, st, positionOf(st, err), err, "")
		}
	}
	return nil
}

// setting reports whether st sets something for the session.
func setting(st sqltext.Statement) bool {
	words := strings.Fields(strings.ToUpper(plain(st)))
	if len(words) < 2 || words[0] != "SET" && words[0] != "RESET" {
		return false
	}
	if words[1] == "SESSION" && len(words) > 2 && words[2] == "AUTHORIZATION" {
		return false
	}
	return !slices.Contains([]string{"LOCAL", "TRANSACTION", "CONSTRAINTS", "ROLE"}, words[1])
}

// refusal says why a statement is not run here at all.
func refusal(st sqltext.Statement) string {
	switch {
	case st.Kind == "DISCARD" && st.NonTransactional:
		return "DISCARD ALL would give back the lock that keeps other changes out: name what to discard"
	case st.Kind == "COPY" && strings.Contains(strings.ToUpper(plain(st)), "TO STDOUT"):
		return "COPY TO STDOUT needs a client that takes the rows"
	}
	return ""
}
