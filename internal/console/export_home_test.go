package console

import "time"

// NewChart draws a chart of what came in and went out on some days.
func NewChart(since time.Time, days ...[2]int) *chart {
	c := newChart("Test", since, "in", "out")
	for _, d := range days {
		c.add(d[0], d[1])
	}
	return c.drawn()
}
