package soak_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"slipway/internal/dbtest"
)

// A sample is what a server held at one moment.
type sample struct {
	at   time.Duration // since the start
	idle bool          // at the end of a quiet part

	goroutines, files, connections float64
	heap, resident                 float64 // MiB
}

// A quantity is one thing that must not grow.
type quantity struct {
	name, unit string
	of         func(sample) float64
	// share and floor are how much more a late part of a run may have than an
	// early one: a share of it and, beyond that, an amount.
	share, floor float64
	memory       bool // compared in runs that are long enough for it to settle
}

var quantities = []quantity{
	{"goroutines", "", func(s sample) float64 { return s.goroutines }, 0.05, 5, false},
	{"open files", "", func(s sample) float64 { return s.files }, 0.05, 5, false},
	{"connections to PostgreSQL", "", func(s sample) float64 { return s.connections }, 0.05, 2, false},
	{"live heap", "MiB", func(s sample) float64 { return s.heap }, 0.10, 2, true},
	{"resident memory", "MiB", func(s sample) float64 { return s.resident }, 0.10, 10, true},
}

// measure asks the server, the kernel and PostgreSQL. The live heap is what the
// last garbage collection left.
func (s *subject) measure(start time.Time, idle bool) sample {
	s.T.Helper()
	if idle { // the load's connections are no part of the server's idle state
		s.client.CloseIdleConnections()
		http.DefaultClient.CloseIdleConnections()
		<-time.After(100 * time.Millisecond)
	}
	m := sample{at: time.Since(start), idle: idle}
	shown := s.metrics()
	m.goroutines, m.heap = shown["go_goroutines"], shown["go_gc_heap_live_bytes"]/(1<<20)
	proc := fmt.Sprintf("/proc/%d/", s.Cmd.Process.Pid)
	files, err := os.ReadDir(proc + "fd")
	if err != nil {
		s.T.Fatal(err)
	}
	m.files = float64(len(files))
	pages, err := os.ReadFile(proc + "statm")
	if err != nil {
		s.T.Fatal(err)
	}
	resident, err := strconv.ParseFloat(strings.Fields(string(pages))[1], 64)
	if err != nil {
		s.T.Fatalf("%sstatm: %v", proc, err)
	}
	m.resident = resident * float64(os.Getpagesize()) / (1 << 20)
	m.connections = s.connections()
	return m
}

// connections counts those that PostgreSQL has to the server's own database and
// to those that it changes.
func (s *subject) connections() float64 {
	s.T.Helper()
	rows := dbtest.Query(s.T, s.postgres, "SELECT count(*) FROM pg_stat_activity WHERE datname IN ('"+strings.Join(s.ours, "', '")+"')")
	n, err := strconv.ParseFloat(rows[0][0], 64)
	if err != nil {
		s.T.Fatal(err)
	}
	return n
}

// metrics reads the values without labels of /metrics.
func (s *subject) metrics() map[string]float64 {
	s.T.Helper()
	status, text := s.Call("", "GET", "/metrics", nil)
	if status != http.StatusOK {
		s.T.Fatalf("/metrics answered %d: %s", status, text)
	}
	values := map[string]float64{}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			values[name] = v
		}
	}
	for _, name := range []string{"go_goroutines", "go_gc_heap_live_bytes"} {
		if values[name] == 0 {
			s.T.Fatalf("/metrics does not show %s", name)
		}
	}
	return values
}
