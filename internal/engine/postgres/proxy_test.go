package postgres_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/engine/postgres"
)

// A proxy stands between an engine and the server and misbehaves.
type proxy struct {
	listener net.Listener
	target   string
	// cut, when set, ends the connection on which the client sends COMMIT:
	// "before" the server has it, or "after" the server has answered.
	cut    atomic.Value
	closed atomic.Bool // refuse new connections
	// disguise changes the process id that the server announces, as poolers do.
	disguise bool
	turns    atomic.Int64 // times that a client spoke after the server had
	wg       sync.WaitGroup
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target}
	p.cut.Store("")
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if p.closed.Load() {
				c.Close()
				continue
			}
			p.wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close() })
	return p
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	commit := make(chan struct{})
	var answered atomic.Bool
	answered.Store(true)
	go func() {
		defer client.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			select {
			case <-commit: // nobody hears the answer
				if bytes.Contains(buf[:n], []byte("COMMIT\x00")) {
					return
				}
				continue
			default:
			}
			answered.Store(true)
			out := buf[:n]
			if i := bytes.Index(out, []byte("K\x00\x00\x00\x0c")); p.disguise && i >= 0 && i+9 <= n {
				out[i+8] ^= 0xff
			}
			if _, err := client.Write(out); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if answered.Swap(false) {
			p.turns.Add(1)
		}
		if bytes.Contains(buf[:n], []byte("COMMIT\x00")) && p.cut.Load() != "" {
			if p.cut.Load() == "before" {
				return
			}
			close(commit)
			p.cut.Store("")
			server.Write(buf[:n])
			io.Copy(io.Discard, client) // until the answer has closed it
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) through(src slipway.Source) slipway.Source {
	src.Host, src.Port, _ = net.SplitHostPort(p.listener.Addr().String())
	return src
}

func TestChange2ConnectionLostAroundCommit(t *testing.T) {
	for _, tc := range []struct {
		name, cut   string
		unreachable bool
		want        string // "" is success
		rows        string
	}{
		{"the server had committed: the file is done", "after", false, "", "1"},
		{"the server had not: nothing stays", "before", false, "failed", "0"},
		{"the server cannot be asked", "before", true, "in doubt", "0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, postgres.Config{})
			p := newProxy(t, net.JoinHostPort(b.Source.Host, b.Source.Port))
			b.Source = p.through(b.Source)
			s := b.lock()
			b.must(b.apply(s, "1", users, nil))
			p.cut.Store(tc.cut)
			p.closed.Store(tc.unreachable)
			told := ""
			err := b.apply(s, "2", "INSERT INTO users VALUES (1);", func(e slipway.LogEntry) {
				if e.Control != nil && e.Control.Type == "COMMIT" {
					told += fmt.Sprintf("commit %t ", e.Control.Error == "")
				}
			})
			if tc.want == "" {
				b.must(err)
				if !strings.HasSuffix(told, "commit true ") {
					t.Errorf("the log has %q, want at last that the commit took effect", told)
				}
			} else if e := failure(t, err); e.Class.String() != tc.want || slipway.KindOf(e) != slipway.Unavailable {
				t.Errorf("got class %v (%v), want %s", e.Class, e, tc.want)
			}
			b.want("SELECT count(*) FROM users", tc.rows)
			p.cut.Store("")
			p.closed.Store(false)
			if e := failure(t, b.apply(s, "3", users, nil)); slipway.KindOf(e) != slipway.Unavailable {
				t.Errorf("the lost session goes on: %v", e)
			}
			b.must(b.eng.End(t.Context(), b.Source, b.Name, s.ID()))
			b.must(b.apply(b.lock(), "2", "INSERT INTO users VALUES (1);", nil))
			b.want("SELECT count(*) FROM users", "1")
		})
	}
}

// A file that fits into one message takes one round trip, with its ledger row,
// its commit and the session's reset.
func TestASmallFileIsOneMessage(t *testing.T) {
	b := newBench(t, postgres.Config{})
	p := newProxy(t, net.JoinHostPort(b.Source.Host, b.Source.Port))
	b.Source = p.through(b.Source)
	s := b.lock()
	if _, err := s.Revisions(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.must(b.apply(s, "1", users, nil))
	const files = 10
	before := p.turns.Load()
	for i := range files {
		b.must(b.apply(s, fmt.Sprint(i+2), "SET lock_timeout = 77; CREATE TEMP TABLE mine (id int); INSERT INTO users VALUES (1); SELECT * FROM users", nil))
	}
	if got := p.turns.Load() - before; got != files {
		t.Errorf("%d files took %d round trips", files, got)
	}
	b.want("SELECT count(*) FROM users", fmt.Sprint(files))
	b.want("SELECT count(*) FROM slipway_revision", fmt.Sprint(files+1))
	b.want("SELECT bool_and(took_us > 0 AND applied <= clock_timestamp()) FROM slipway_revision", "t")
}

func TestChange10APoolerIsRefused(t *testing.T) {
	b := newBench(t, postgres.Config{})
	p := newProxy(t, net.JoinHostPort(b.Source.Host, b.Source.Port))
	p.disguise = true
	_, err := b.eng.Lock(t.Context(), p.through(b.Source), b.Name, engine.Holder{})
	if slipway.KindOf(err) != slipway.Precondition || !bytes.Contains([]byte(slipway.MessageOf(err)), []byte("pooler")) {
		t.Errorf("got %v, want a Precondition about a pooler", err)
	}
}
