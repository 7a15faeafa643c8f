package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// A session is the lock of a database; each file gets a connection of its own,
// so that no file's pragmas and temporary tables reach the next.
type session struct {
	e    *Engine
	db   string
	path string
	by   engine.Holder
	id   string // process/random
	lock *lockfile

	once  sync.Once
	ended chan struct{} // closed by interrupt: work that is going on shall stop

	mu     sync.Mutex // held while a file runs; guards what follows
	closed bool
	ledger ledgerSum
}

// ID implements engine.Session.
func (s *session) ID() string { return s.id }

// Revisions implements engine.Session.
func (s *session) Revisions(ctx context.Context) ([]slipway.Revision, error) {
	d, err := open(ctx, s.path, "ro", &s.e.cfg)
	if err != nil {
		return nil, err
	}
	defer d.close()
	revs, err := d.revisions(ctx, "true")
	return revs, classify(ctx, err)
}

// Close implements engine.Session.
func (s *session) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.e.mu.Lock()
	delete(s.e.open, s.id)
	s.e.mu.Unlock()
	if err := s.lock.close(); err != nil {
		return slipway.Errorf(slipway.Unavailable, "the lock of database %q could not be given back", s.db).Because(err)
	}
	return nil
}

// interrupt stops the file that runs.
func (s *session) interrupt() { s.once.Do(func() { close(s.ended) }) }

// An application is one file on its way into the database.
type application struct {
	*session
	d       *database
	rev     slipway.Revision
	script  *engine.Script
	journal map[int]bool // segments that are done
	log     func(slipway.LogEntry)
	began   time.Time
	retries retries
}

// Apply implements engine.Session.
func (s *session) Apply(ctx context.Context, rev slipway.Revision, statement []byte, log func(slipway.LogEntry)) (slipway.Revision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := s.cancelWhenEnded(cancel)
	defer stop()
	script, err := engine.Cut(sqltext.SQLite, rev, statement, engine.Reading{
		Alone:  func(st sqltext.Statement) bool { return st.NonTransactional },
		Refuse: refusal,
	})
	if err != nil {
		return slipway.Revision{}, err
	}
	a := &application{session: s, rev: rev, script: script, log: log, began: s.e.cfg.Now()}
	a.retries = retries{until: time.Now().Add(s.e.cfg.RetryBudget)}
	if s.closed || errors.Is(context.Cause(ctx), errEnded) {
		return slipway.Revision{}, script.FailFile(engine.Failed, "", slipway.Errorf(slipway.Unavailable, "the session of database %q was ended before this file", s.db))
	}
	if a.d, err = open(ctx, s.path, "rw", &s.e.cfg); err != nil {
		return slipway.Revision{}, a.fileError(ctx, err)
	}
	defer func() { a.d.close() }()
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
	return a.rev, nil
}

var errEnded = errors.New("the session was ended")

// cancelWhenEnded ties a file's context to the session's end; the returned
// function unties it.
func (s *session) cancelWhenEnded(cancel context.CancelCauseFunc) func() {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-s.ended:
			cancel(errEnded)
		case <-done:
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// refusal says why a statement is not run here at all.
func refusal(st sqltext.Statement) string {
	switch st.Kind {
	case "ATTACH", "DETACH":
		return string(st.Kind) + " in a migration file: a change stays in its database"
	}
	return ""
}

func (a *application) tell(entry slipway.LogEntry) {
	entry.Time, entry.Replica = a.e.cfg.Now(), a.by.Replica
	a.log(entry)
}

// recorded returns the revision that is in force for the file's version.
func (a *application) recorded(ctx context.Context) (slipway.Revision, bool, error) {
	revs, err := a.d.revisions(ctx, "deleted IS NULL AND version_key = ?", versionKey(a.rev.Version))
	if err != nil {
		return slipway.Revision{}, false, a.fileError(ctx, err)
	}
	if len(revs) == 0 {
		return slipway.Revision{}, false, nil
	}
	if was := revs[0]; was.SHA256 == a.rev.SHA256 {
		was.Database = a.rev.Database
		return was, true, nil
	}
	return slipway.Revision{}, false, a.script.FailFile(engine.Failed, "", slipway.Errorf(slipway.Precondition,
		"version %s is applied already, from %s with other content (sha256 %.12s, now %.12s)", a.rev.Version, revs[0].Path, revs[0].SHA256, a.rev.SHA256))
}

// resume reads which segments an earlier session finished. They must still be
// what the file says.
func (a *application) resume(ctx context.Context) error {
	rows, err := a.d.conn.QueryContext(ctx, `SELECT segment, digest FROM main.slipway_journal WHERE version_key = ?`, versionKey(a.rev.Version))
	if err != nil {
		return a.fileError(ctx, fmt.Errorf("read the journal: %w", err))
	}
	defer func() { _ = rows.Close() }() // rows.Err has told
	a.journal = map[int]bool{}
	for rows.Next() {
		var i int
		var digest string
		if err := rows.Scan(&i, &digest); err != nil {
			return a.fileError(ctx, fmt.Errorf("read the journal: %w", err))
		}
		if i < 0 || i >= len(a.script.Segments) || a.script.Segments[i].Digest != digest {
			return a.script.FailFile(engine.Attention, "", slipway.Errorf(slipway.Precondition,
				"an earlier run left version %s half applied, and the file has been changed in a part that was run: put the file back, or finish by hand and record it as a baseline", a.rev.Version))
		}
		a.journal[i] = true
	}
	if err := rows.Err(); err != nil {
		return a.fileError(ctx, fmt.Errorf("read the journal: %w", err))
	}
	return nil
}
