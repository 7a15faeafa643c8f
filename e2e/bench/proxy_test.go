package bench_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A proxy stands between a client and a server and makes the way between them
// long: what one side sends reaches the other half a round trip later. It counts
// the round trips.
type proxy struct {
	ln    net.Listener
	to    string
	delay time.Duration // one way
	trips atomic.Int64  // times that a client spoke after the server had: a client that waits for no answer makes none
	wg    sync.WaitGroup
}

func newProxy(t testing.TB, to string, roundTrip time.Duration) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, to: to, delay: roundTrip / 2}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		ln.Close()
		p.wg.Wait()
	})
	return p
}

// port is where clients find the server behind p.
func (p *proxy) port() string {
	_, port, err := net.SplitHostPort(p.ln.Addr().String())
	if err != nil {
		panic(err) // unreachable unless net changes
	}
	return port
}

func (p *proxy) accept() {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.join(client) })
	}
}

func (p *proxy) join(client net.Conn) {
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		client.Close()
		return
	}
	var answered atomic.Bool
	answered.Store(true)
	var wg sync.WaitGroup
	wg.Go(func() {
		p.carry(server, client, func() {
			if answered.Swap(false) {
				p.trips.Add(1)
			}
		})
	})
	wg.Go(func() { p.carry(client, server, func() { answered.Store(true) }) })
	wg.Wait()
}

// A parcel is bytes on their way, nil at the end.
type parcel struct {
	bytes []byte
	due   time.Time
}

// carry brings what from says to to, later. What follows does not wait for what
// is on its way, as on a long line.
func (p *proxy) carry(to, from net.Conn, said func()) {
	line := make(chan parcel, 1024)
	var wg sync.WaitGroup
	wg.Go(func() {
		failed := false
		for a := range line {
			time.Sleep(time.Until(a.due))
			if !failed {
				_, err := to.Write(a.bytes)
				failed = err != nil
			}
		}
		to.Close()
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			said()
			line <- parcel{append([]byte(nil), buf[:n]...), time.Now().Add(p.delay)}
		}
		if err != nil {
			break
		}
	}
	close(line)
	wg.Wait()
}

func TestProxyDelaysAndCounts(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		conn, err := echo.Accept()
		if err == nil {
			_, _ = io.Copy(conn, conn)
			conn.Close()
		}
	}()
	const roundTrip = 30 * time.Millisecond
	p := newProxy(t, echo.Addr().String(), roundTrip)
	conn, err := net.Dial("tcp", "127.0.0.1:"+p.port())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	begin := time.Now()
	for range 3 {
		if _, err := conn.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begin); took < 3*roundTrip {
		t.Errorf("three round trips took %s, less than is possible", took)
	}
	if got := p.trips.Load(); got != 3 {
		t.Errorf("counted %d round trips, want 3", got)
	}
}
