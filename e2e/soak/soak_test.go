// Package soak_test keeps servers busy for long and sees that they end as they
// began: with as many goroutines, open files and database connections, and with
// as much memory.
//
// A run is a row of rounds, each some load and then some quiet, at the end of
// which the server is idle and is measured. What an early part of the run
// measured is held against what a late part did.
package soak_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"slipway/internal/servertest"
)

func TestMain(m *testing.M) { os.Exit(servertest.Main(m)) }

// short is how long a run among the other tests takes. It can tell a leak of
// counted things; memory takes longer to settle.
const (
	short   = 20 * time.Second
	settled = 5 * time.Minute // from here on memory counts too
)

// TestSoak soaks a server with its data in SQLite and one with it in
// PostgreSQL, side by side, for DURATION; both change databases of both kinds.
// With PLOT it draws what it measured to that file.
func TestSoak(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skipf("a process is measured by /proc: %v", err)
	}
	d := short
	if text := os.Getenv("DURATION"); text != "" {
		var err error
		if d, err = time.ParseDuration(text); err != nil || d < short {
			t.Fatalf("DURATION %q: want at least %s, as in 30m (%v)", text, short, err)
		}
	}
	var mu sync.Mutex
	lines := map[string][]sample{}
	t.Run("servers", func(t *testing.T) {
		for _, metadata := range []string{"SQLite", "PostgreSQL"} {
			t.Run(metadata, func(t *testing.T) {
				t.Parallel()
				samples := newSubject(t, metadata).soak(d)
				judge(t, samples, d)
				mu.Lock()
				defer mu.Unlock()
				lines[metadata] = samples
			})
		}
	})
	if file := os.Getenv("PLOT"); file != "" && len(lines) == 2 {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, plot(lines, []string{"SQLite", "PostgreSQL"}, d), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// perSecond bounds the load: so many acts begin in a second on one server, and
// no more than atOnce go on at a time.
const (
	perSecond = 4
	atOnce    = 4
)

// soak loads the server for d, in rounds, and returns what was measured.
func (s *subject) soak(d time.Duration) []sample {
	round := min(max(d/60, 3*time.Second), 30*time.Second)
	quiet := max(round/6, time.Second)
	s.warmUp()
	start := time.Now()
	samples := []sample{s.measure(start, true)}
	for n := kinds; time.Since(start) < d; {
		n, samples = s.busy(start, round-quiet, n, samples)
		<-time.After(quiet)
		samples = append(samples, s.measure(start, true))
	}
	<-time.After(round) // and after all load the server stays idle
	samples = append(samples, s.measure(start, true))
	s.report()
	return samples
}

// warmUp has everything made that is made once, and pools as large as acts side
// by side want them.
func (s *subject) warmUp() {
	s.act(s.token(), 0)
	var going sync.WaitGroup
	for n := 1; n <= kinds; n++ {
		token := s.token()
		going.Go(func() { s.act(token, n) })
	}
	going.Wait()
}

// busy has acts begin for some time and waits until the last has ended. It
// returns the number of the next act and what it measured on the way.
func (s *subject) busy(start time.Time, d time.Duration, n int, samples []sample) (int, []sample) {
	begin, look, end := time.NewTicker(time.Second/perSecond), time.NewTicker(d/5), time.After(d)
	defer begin.Stop()
	defer look.Stop()
	var going sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for {
		select {
		case <-begin.C:
			select {
			case free <- struct{}{}:
				n++
				token, nth := s.token(), n
				going.Go(func() {
					defer func() { <-free }()
					s.act(token, nth)
				})
			default: // the server is slower than the rate: the next one waits
			}
		case <-look.C:
			samples = append(samples, s.measure(start, false))
		case <-end:
			going.Wait()
			return n, samples
		}
	}
}
