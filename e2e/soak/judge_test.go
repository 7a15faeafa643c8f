package soak_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// windows are the parts of a run of n idle samples that are compared, as
// indices: after a fifth for warming up an early fifth, and the last fifth.
func windows(n int) (early, late [2]int) {
	fifth := max(n/5, 1)
	return [2]int{fifth, 2 * fifth}, [2]int{n - fifth, n}
}

// A finding is one quantity compared.
type finding struct {
	name                    string
	early, late, end, limit float64
	flat                    bool
}

// compare holds the late part of a run and its end against its early part. In a
// run that is too short to warm up, twice the amount is let pass.
func compare(samples []sample, q quantity, d time.Duration) finding {
	var idle []float64
	for _, s := range samples {
		if s.idle {
			idle = append(idle, q.of(s))
		}
	}
	early, late := windows(len(idle))
	f := finding{name: q.name, early: median(idle[early[0]:early[1]]), late: median(idle[late[0]:late[1]]), end: idle[len(idle)-1]}
	f.limit = f.early*(1+q.share) + q.floor
	if d < settled {
		f.limit += q.floor
	}
	f.flat = f.late <= f.limit && f.end <= f.limit
	return f
}

func (f finding) String() string {
	return fmt.Sprintf("%-26s early %7.1f, late %7.1f, at the end %7.1f, limit %7.1f", f.name, f.early, f.late, f.end, f.limit)
}

// judge fails the test for what grew.
func judge(t *testing.T, samples []sample, d time.Duration) {
	t.Helper()
	for _, q := range quantities {
		f := compare(samples, q, d)
		t.Log(f)
		if !f.flat && (!q.memory || d >= settled) {
			t.Errorf("%s grew from %.1f to %.1f, and to %.1f at the end: the limit is %.1f", q.name, f.early, f.late, f.end, f.limit)
		}
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// TestCompare shows that a leak is told from load, noise and warming up.
func TestCompare(t *testing.T) {
	q := quantities[0]
	for _, tt := range []struct {
		name string
		at   func(round int) float64
		flat bool
	}{
		{"constant", func(int) float64 { return 40 }, true},
		{"noise", func(n int) float64 { return 40 + float64(n%3) }, true},
		{"warming up", func(n int) float64 { return 40 + float64(min(n, 10)) }, true},
		{"one peak late", func(n int) float64 { return map[bool]float64{true: 400, false: 40}[n == 55] }, true},
		{"one in four rounds is left behind", func(n int) float64 { return 40 + float64(n/4) }, false},
		{"what the end does not give back", func(n int) float64 { return map[bool]float64{true: 60, false: 40}[n == 60] }, false},
	} {
		var samples []sample
		for n := range 61 {
			samples = append(samples, sample{goroutines: 500}, sample{idle: true, goroutines: tt.at(n)})
		}
		if f := compare(samples, q, settled); f.flat != tt.flat {
			t.Errorf("%s: flat is %t, want %t: %s", tt.name, f.flat, tt.flat, f)
		}
	}
}

// TestPlot checks that what is drawn is what was measured.
func TestPlot(t *testing.T) {
	var samples []sample
	for n := range 12 {
		samples = append(samples, sample{at: time.Duration(n) * time.Minute, idle: n%2 == 0, goroutines: 40, files: 20, heap: 8, resident: 60})
	}
	picture := string(plot(map[string][]sample{"SQLite": samples, "PostgreSQL": samples}, []string{"SQLite", "PostgreSQL"}, 12*time.Minute))
	for _, q := range quantities {
		if !strings.Contains(picture, ">"+q.name) {
			t.Errorf("the plot has no panel of %s", q.name)
		}
	}
	if got, want := strings.Count(picture, "<polyline"), 2*2*len(quantities); got != want {
		t.Errorf("%d lines are drawn, want %d: of each server all samples and the idle ones", got, want)
	}
	wellFormed(t, picture)
}
