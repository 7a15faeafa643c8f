package console

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"slipway"
)

// A chip is a state in a word and a colour: "ok", "run", "wait", "bad", or ""
// for grey.
type chip struct{ Tone, Text string }

func newChip(tone, text string) chip { return chip{tone, text} }

// statusChip returns how the status of a task or a task run is shown.
func statusChip(s slipway.Status) chip {
	switch s {
	case slipway.NotStarted:
		return chip{"", "Not started"}
	case slipway.Pending:
		return chip{"wait", "Waiting"}
	case slipway.Running:
		return chip{"run", "Running"}
	case slipway.Done:
		return chip{"ok", "Done"}
	case slipway.Failed:
		return chip{"bad", "Failed"}
	case slipway.Aborted:
		return chip{"", "Canceled"}
	case slipway.Skipped:
		return chip{"", "Skipped"}
	}
	return chip{"", string(s)}
}

// A moment is a time beside the time of looking at it.
type moment struct{ At, Now time.Time }

// Zero reports whether there is no such time.
func (m moment) Zero() bool { return m.At.IsZero() }

// Machine is for the datetime attribute, which console.js reads.
func (m moment) Machine() string { return m.At.UTC().Format(time.RFC3339) }

// Full is the time itself, in UTC until console.js knows better.
func (m moment) Full() string { return m.At.UTC().Format("2 Jan 2006, 15:04:05 UTC") }

// Ago says how far away it is, in the largest unit that fits.
func (m moment) Ago() string {
	d := m.Now.Sub(m.At)
	if d <= -time.Minute {
		return "in " + span(-d)
	}
	if d < time.Minute {
		return "just now"
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d < 2*365*24*time.Hour:
		return fmt.Sprintf("%d d", d/(24*time.Hour))
	}
	return fmt.Sprintf("%d y", d/(365*24*time.Hour))
}

// took says how long something took, to two or three figures.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "< 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}

// count returns n with the noun that fits it: "1 database", "2 databases".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// sentence returns words, as errors are spelled, as a sentence: with a capital
// and a full stop.
func sentence(words string) string {
	words = strings.TrimSpace(words)
	if words == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(words)
	words = string(unicode.ToUpper(first)) + words[size:]
	if !strings.ContainsAny(words[len(words)-1:], ".!?:") {
		words += "."
	}
	return words
}
