package sqlite

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"slipway"
	"slipway/internal/engine"
)

const lockPoll = 50 * time.Millisecond

// A holder is what the lock's file says about who holds it. Only the flock
// counts; the text is for people, and for End.
type holder struct {
	Session string    `json:"session"`
	Process int       `json:"process"`
	User    string    `json:"user"`
	TaskRun string    `json:"task_run"`
	Replica string    `json:"replica"`
	Since   time.Time `json:"since"`
}

// A lockfile lies beside its database and stays there: removing a file that
// another process has just opened would let two hold the lock.
type lockfile struct{ f *os.File }

// openLock opens the lock's file of a database, through no link.
func openLock(path string) (*lockfile, error) {
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".slipway-lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o660)
	if err != nil {
		return nil, slipway.Errorf(slipway.Unavailable, "the lock's file beside %s cannot be opened: %s", filepath.Base(path), reason(err)).Because(err)
	}
	return &lockfile{f}, nil
}

// try takes the lock if it is free.
func (l *lockfile) try() (bool, error) {
	err := syscall.Flock(int(l.f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, slipway.Errorf(slipway.Unavailable, "the file system of the database takes no locks").Because(err)
	}
	return true, nil
}

// write replaces what the file says; the caller holds the lock.
func (l *lockfile) write(h holder) error {
	text, err := json.Marshal(h)
	if err == nil {
		err = l.f.Truncate(0)
	}
	if err == nil {
		_, err = l.f.WriteAt(text, 0)
	}
	if err != nil {
		return fmt.Errorf("write the lock's file: %w", err)
	}
	return nil
}

// read returns what the file says, or nothing while it is being written.
func (l *lockfile) read() (h holder) {
	text, err := io.ReadAll(io.NewSectionReader(l.f, 0, 64<<10))
	if err != nil || json.Unmarshal(text, &h) != nil {
		return holder{}
	}
	return h
}

// close gives the lock back, if it was taken.
func (l *lockfile) close() error { return l.f.Close() }

// drop is close where nobody can do anything about a failure.
func (l *lockfile) drop() { _ = l.f.Close() }

func (h holder) busy(db string) *engine.Busy {
	b := &engine.Busy{Database: db, User: h.User, Application: h.TaskRun, Since: h.Since}
	if h.Process != 0 {
		b.Process = strconv.Itoa(h.Process)
	}
	return b
}

// Lock implements engine.Engine.
func (e *Engine) Lock(ctx context.Context, src slipway.Source, db string, by engine.Holder) (engine.Session, error) {
	path, err := locate(src, db)
	if err != nil {
		return nil, err
	}
	lock, err := openLock(path)
	if err != nil {
		return nil, err
	}
	if err := e.take(ctx, lock, db); err != nil {
		lock.drop()
		return nil, classify(ctx, err)
	}
	s := &session{
		e: e, db: db, path: path, by: by, lock: lock,
		id: fmt.Sprintf("%d/%s", os.Getpid(), rand.Text()[:12]), ended: make(chan struct{}),
	}
	if err := s.begin(ctx); err != nil {
		lock.drop()
		return nil, classify(ctx, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open[s.id] = s
	return s, nil
}

func (e *Engine) take(ctx context.Context, lock *lockfile, db string) error {
	deadline := time.Now().Add(e.cfg.LockWait)
	for {
		got, err := lock.try()
		if err != nil || got {
			return err
		}
		if time.Now().After(deadline) {
			return lock.read().busy(db)
		}
		if err := pause(ctx, lockPoll); err != nil {
			return err
		}
	}
}

// begin makes the ledger where it is missing and writes this session's name
// into the lock's file and into the database. A newer worker of the same task
// run that was here already keeps an older one out.
func (s *session) begin(ctx context.Context) error {
	h := holder{Session: s.id, Process: os.Getpid(), TaskRun: s.by.TaskRun, Replica: s.by.Replica, Since: s.e.cfg.Now().UTC()}
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	if err := s.lock.write(h); err != nil {
		return err
	}
	d, err := open(ctx, s.path, "rw", &s.e.cfg)
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("make the ledger: %w", err)
	}
	if err := d.exec(ctx, ledgerTables); err != nil {
		return fmt.Errorf("make the ledger: %w", err)
	}
	res, err := d.conn.ExecContext(ctx, `INSERT INTO main.slipway_owner (one, session, task_run, fence, replica, since) VALUES (1, ?, ?, ?, ?, ?)
		ON CONFLICT (one) DO UPDATE SET session = excluded.session, task_run = excluded.task_run,
			fence = excluded.fence, replica = excluded.replica, since = excluded.since
		WHERE task_run <> excluded.task_run OR fence <= excluded.fence`,
		s.id, s.by.TaskRun, s.by.Fence, s.by.Replica, h.Since.UnixMicro())
	if err != nil {
		return fmt.Errorf("write the owner of the database's lock: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return slipway.Errorf(slipway.Conflict, "a newer worker of %s has been in database %q", s.by.TaskRun, s.db).Because(err)
	}
	if s.ledger, err = d.sumLedger(ctx); err != nil {
		return err
	}
	if err := d.exec(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("make the ledger: %w", err)
	}
	return nil
}

// End implements engine.Engine. A session of this Engine is interrupted and
// closed. That of another process cannot be ended from here; it is waited for.
func (e *Engine) End(ctx context.Context, src slipway.Source, db, id string) error {
	if id == "" {
		return nil
	}
	path, err := locate(src, db)
	if err != nil {
		return err
	}
	e.mu.Lock()
	s := e.open[id]
	e.mu.Unlock()
	if s != nil {
		s.interrupt()
		return s.Close(ctx)
	}
	lock, err := openLock(path)
	if err != nil {
		return err
	}
	defer lock.drop()
	deadline := time.Now().Add(e.cfg.EndWait)
	for {
		free, err := lock.try()
		if err != nil || free {
			return err
		}
		h := lock.read()
		if h.Session != "" && h.Session != id {
			return nil // the lock has passed on, so its earlier holder is gone
		}
		if time.Now().After(deadline) {
			return h.busy(db)
		}
		if err := pause(ctx, lockPoll); err != nil {
			return classify(ctx, err)
		}
	}
}

// pause waits for d or the end of ctx, whose cause it returns.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
