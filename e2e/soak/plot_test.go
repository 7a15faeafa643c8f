package soak_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

// The plot's measures, in pixels. Panels stand below each other on one axis of
// time.
const (
	width, left, right  = 840, 64, 16
	top, panel, between = 58, 84, 34
	bottom              = 34
	across              = width - left - right
)

// The colours are told apart on white and on black, and by most who see
// colours differently.
var colours = []string{"#2f81d6", "#e07b1a"}

const style = `
  text { font: 12px system-ui, sans-serif; fill: #333 }
  .small { font-size: 11px; fill: #666 }
  .grid { stroke: #8884; stroke-width: 1 }
  .window { fill: #8882 }
  polyline { fill: none; stroke-linejoin: round }
  .all { stroke-width: 1; opacity: .35 }
  .idle { stroke-width: 2 }
  @media (prefers-color-scheme: dark) { text { fill: #ddd } .small { fill: #aaa } }
`

// plot draws every quantity of every server as an SVG of its own panel: faint
// what was measured at any time, strong what was measured at rest.
func plot(lines map[string][]sample, names []string, d time.Duration) []byte {
	for _, samples := range lines {
		d = max(d, samples[len(samples)-1].at)
	}
	height := top + len(quantities)*(panel+between) + bottom - between
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`, width, height, width, height)
	fmt.Fprintf(&b, "<title>What two servers held during %s of load</title><style>%s</style>\n", d.Round(time.Minute), style)
	for i, name := range names {
		x := left + 250*i
		fmt.Fprintf(&b, `<rect x="%d" y="13" width="14" height="4" fill="%s"/><text x="%d" y="19">own data in %s</text>`+"\n", x, colours[i], x+20, name)
	}
	fmt.Fprintf(&b, `<text class="small" x="%d" y="19">strong: at rest, faint: at any time</text>`+"\n", left+500)
	early, late := windowTimes(lines[names[0]])
	for i, q := range quantities {
		y := top + i*(panel+between)
		for _, w := range []struct {
			name string
			part [2]time.Duration
		}{{"early", early}, {"late", late}} {
			x0, x1 := atX(w.part[0], d), atX(w.part[1], d)
			fmt.Fprintf(&b, `<rect class="window" x="%.1f" y="%d" width="%.1f" height="%d"/>`, x0, y, x1-x0, panel)
			if i == 0 {
				fmt.Fprintf(&b, `<text class="small" x="%.1f" y="%d" text-anchor="middle">%s</text>`, (x0+x1)/2, y-18, w.name)
			}
		}
		drawPanel(&b, y, q, lines, names, d)
	}
	for n := range 7 {
		at := d * time.Duration(n) / 6
		fmt.Fprintf(&b, `<text class="small" x="%.1f" y="%d" text-anchor="middle">%s</text>`, atX(at, d), height-bottom+16, clock(at))
	}
	b.WriteString("\n</svg>\n")
	return []byte(b.String())
}

// drawPanel draws one quantity from 0 to a round number above all that was
// measured.
func drawPanel(b *strings.Builder, y int, q quantity, lines map[string][]sample, names []string, d time.Duration) {
	most := 0.0
	for _, samples := range lines {
		for _, s := range samples {
			most = max(most, q.of(s))
		}
	}
	most = roundUp(most)
	atY := func(v float64) float64 { return float64(y+panel) - v/most*panel }
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`, left, y-5, strings.TrimSuffix(q.name+", "+q.unit, ", "))
	for _, v := range []float64{0, most / 2, most} {
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, left, width-right, atY(v), atY(v))
		fmt.Fprintf(b, `<text class="small" x="%d" y="%.1f" text-anchor="end">%g</text>`, left-6, atY(v)+4, v)
	}
	for i, name := range names {
		var all, idle []string
		for _, s := range lines[name] {
			point := fmt.Sprintf("%.1f,%.1f", atX(s.at, d), atY(q.of(s)))
			all = append(all, point)
			if s.idle {
				idle = append(idle, point)
			}
		}
		fmt.Fprintf(b, "\n"+`<polyline class="all" stroke="%s" points="%s"/>`, colours[i], strings.Join(all, " "))
		fmt.Fprintf(b, "\n"+`<polyline class="idle" stroke="%s" points="%s"/>`, colours[i], strings.Join(idle, " "))
	}
	b.WriteString("\n")
}

func atX(at, d time.Duration) float64 { return left + across*float64(at)/float64(d) }

// windowTimes returns when the parts begin and end that are compared.
func windowTimes(samples []sample) (early, late [2]time.Duration) {
	var idle []time.Duration
	for _, s := range samples {
		if s.idle {
			idle = append(idle, s.at)
		}
	}
	e, l := windows(len(idle))
	return [2]time.Duration{idle[e[0]], idle[e[1]-1]}, [2]time.Duration{idle[l[0]], idle[l[1]-1]}
}

// roundUp returns the next of 1, 2 and 5 with zeros behind that is no less.
func roundUp(v float64) float64 {
	ten := math.Pow(10, math.Floor(math.Log10(max(v, 1))))
	for _, step := range []float64{1, 2, 4, 5, 8} {
		if v <= step*ten {
			return step * ten
		}
	}
	return 10 * ten
}

// clock writes a time as minutes, or as seconds in a short run.
func clock(at time.Duration) string {
	if at < time.Minute {
		return fmt.Sprintf("%.0f s", at.Seconds())
	}
	return fmt.Sprintf("%.0f min", at.Minutes())
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
