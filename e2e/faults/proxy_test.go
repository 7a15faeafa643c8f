package faults_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A proxy stands between the server and PostgreSQL. It reads as much of the
// protocol as tells where a statement begins and where its answer ends: these
// are the events at which it can be told to do harm.
type proxy struct {
	ln   net.Listener
	wg   sync.WaitGroup
	mu   sync.Mutex // guards what follows
	to   string     // host:port
	arms map[string]*arm
	open map[*link]bool
}

// An arm waits for the n-th event of a database's connections.
type arm struct {
	n, seen int
	harm    func(*link)
	delay   time.Duration // before every event
}

// A link is one connection through the proxy.
type link struct {
	client, server net.Conn
	database       string
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, to: to, arms: map[string]*arm{}, open: map[*link]bool{}}
	p.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		p.cutAll()
		p.wg.Wait()
	})
	return p
}

// at has harm done at the n-th event of a database from now on; n 0 never
// comes. Every event before it is put off by delay.
func (p *proxy) at(database string, n int, delay time.Duration, harm func(*link)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arms[database] = &arm{n: n, harm: harm, delay: delay}
}

// seen returns how many events there were since at was called.
func (p *proxy) seen(database string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.arms[database].seen
}

// event counts one and does what there is to do.
func (p *proxy) event(l *link) {
	p.mu.Lock()
	a := p.arms[l.database]
	if a == nil {
		p.mu.Unlock()
		return
	}
	a.seen++
	now := a.seen == a.n
	p.mu.Unlock()
	if a.delay > 0 {
		<-time.After(a.delay)
	}
	if now {
		a.harm(l)
	}
}

// reset ends both sides at once, without the goodbyes of TCP.
func (l *link) reset() {
	for _, c := range []net.Conn{l.client, l.server} {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// forsake resets the server's side as Slipway sees it and leaves PostgreSQL's
// open for a while: its session lives on and holds what it holds.
func (l *link) forsake(silence, alive time.Duration) {
	<-time.After(silence)
	if tcp, ok := l.client.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = l.client.Close()
	<-time.After(alive)
	_ = l.server.Close()
}

func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.open {
		l.reset()
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	to := p.to
	p.mu.Unlock()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	l := &link{client: client, server: server}
	first, err := startup(client)
	if err != nil {
		return
	}
	l.database = databaseIn(first)
	p.mu.Lock()
	p.open[l] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.open, l)
		p.mu.Unlock()
	}()
	if _, err := server.Write(first); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer client.Close()
		p.answers(l)
	}()
	p.questions(l)
	_ = server.Close()
	<-done
}

// questions passes on what the client sends. Messages that belong together
// are held until the last of them is there; that is the event.
func (p *proxy) questions(l *link) {
	var held []byte
	for {
		kind, m, err := message(l.client)
		if err != nil {
			return
		}
		held = append(held, m...)
		switch kind {
		case 'P', 'B', 'D', 'E', 'C':
			continue
		case 'Q', 'S', 'H':
			p.event(l)
		}
		if _, err := l.server.Write(held); err != nil {
			return
		}
		held = held[:0]
	}
}

// answers passes on what the server sends; events are before the messages that
// say that a statement has run, and that all is answered.
func (p *proxy) answers(l *link) {
	var held []byte
	for {
		kind, m, err := message(l.server)
		if err != nil {
			return
		}
		held = append(held, m...)
		if kind == 'Z' || kind == 'C' {
			p.event(l)
		} else if len(held) < 1<<16 && kind != 'R' && kind != 'E' && kind != 'N' {
			continue // what follows comes at once
		}
		if _, err := l.client.Write(held); err != nil {
			return
		}
		held = held[:0]
	}
}

// message reads one message: a letter, its length, its body.
func message(r io.Reader) (kind byte, whole []byte, err error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	whole = append(head, make([]byte, max(int(binary.BigEndian.Uint32(head[1:]))-4, 0))...)
	_, err = io.ReadFull(r, whole[5:])
	return head[0], whole, err
}

// startup reads the first message, which has no letter.
func startup(r io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	whole := append(head, make([]byte, max(int(binary.BigEndian.Uint32(head))-4, 0))...)
	_, err := io.ReadFull(r, whole[4:])
	return whole, err
}

func databaseIn(startup []byte) string {
	parts := bytes.Split(startup, []byte{0})
	for i, part := range parts {
		if string(part) == "database" && i+1 < len(parts) {
			return string(parts[i+1])
		}
	}
	return ""
}
