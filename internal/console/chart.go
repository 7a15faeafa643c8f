package console

import (
	"fmt"
	"time"
)

// A chart shows counts by day as stacked bars, and the same as a table.
type chart struct {
	Title         string
	First, Second string // what is counted; Second "" is nothing
	Days          []chartDay
	Sum           [2]int
	Most          int // of a day, both together
	since         time.Time
}

// A chartDay is one bar, its numbers and where its parts are drawn.
type chartDay struct {
	Day      time.Time
	N        [2]int
	X        int
	Y, H     [2]int
	Says     string
	DayLabel string
}

// Sizes of a drawing, in its own units.
const (
	barStep    = 10
	barWidth   = 7
	barsHeight = 100
)

func newChart(title string, since time.Time, first, second string) *chart {
	return &chart{Title: title, First: first, Second: second, since: since}
}

// add adds the next day.
func (c *chart) add(first, second int) {
	d := chartDay{Day: c.since.AddDate(0, 0, len(c.Days)), N: [2]int{first, second}, X: barStep * len(c.Days)}
	d.DayLabel = d.Day.Format("2 Jan")
	d.Says = fmt.Sprintf("%s: %d %s", d.DayLabel, first, c.First)
	if c.Second != "" {
		d.Says += fmt.Sprintf(", %d %s", second, c.Second)
	}
	c.Days = append(c.Days, d)
	c.Sum[0] += first
	c.Sum[1] += second
	c.Most = max(c.Most, first+second)
}

// drawn returns c with every bar in its place, the second part on the first. A
// part that is not nothing is seen.
func (c *chart) drawn() *chart {
	for i := range c.Days {
		d := &c.Days[i]
		top := barsHeight
		for part, n := range d.N {
			if n > 0 {
				d.H[part] = max(2, n*barsHeight/c.Most)
			}
			top -= d.H[part]
			d.Y[part] = max(0, top)
		}
	}
	return c
}

// Width returns how wide the drawing is.
func (c *chart) Width() int { return barStep*len(c.Days) - (barStep - barWidth) }

// Height returns how high it is.
func (c *chart) Height() int { return barsHeight }

// Bar returns how wide a bar is.
func (c *chart) Bar() int { return barWidth }

// Says sums the chart up in a sentence.
func (c *chart) Says() string {
	s := fmt.Sprintf("%d %s", c.Sum[0], c.First)
	if c.Second != "" {
		s += fmt.Sprintf(", %d %s", c.Sum[1], c.Second)
	}
	return fmt.Sprintf("%s in %d days; at most %d in one.", s, len(c.Days), c.Most)
}

// ID tells the chart's elements from those of another.
func (c *chart) ID() string { return "chart-" + c.Title }

// FirstDay and LastDay label the ends of the axis.
func (c *chart) FirstDay() string { return c.Days[0].DayLabel }

// LastDay labels the end of the axis.
func (c *chart) LastDay() string { return c.Days[len(c.Days)-1].DayLabel }
