package store

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// day is a day in microseconds, by which times are divided to days.
const day = int64(24 * time.Hour / time.Microsecond)

// A Trouble is an instance that did not answer when it was last asked, or some
// of whose databases could not be read.
type Trouble struct {
	Instance  string // id
	Title     string
	Error     string // of the instance, or else of one of its databases
	Databases int    // how many could not be read
}

// Troubles lists the instances in trouble by id, most at most.
func (r Reader) Troubles(ctx context.Context, most int) ([]Trouble, error) {
	return all(ctx, r, "list the instances in trouble", func(r row) (t Trouble, err error) {
		var of string
		err = r.Scan(&t.Instance, &t.Title, &t.Error, &of, &t.Databases)
		if t.Error == "" {
			t.Error = of
		}
		return t, err
	}, ask(`
		SELECT i.id, i.title, i.sync_error, COALESCE(MIN(d.sync_error), ''), COUNT(d.name)
		FROM instance i LEFT JOIN database d ON d.instance = i.id AND d.sync_error <> '' AND d.deleted = 0
		WHERE i.deleted = 0 AND (i.sync_error <> '' OR d.name IS NOT NULL)
		GROUP BY i.id, i.title, i.sync_error ORDER BY i.id LIMIT $1`, most))
}

// An ExchangeDay is how many token exchanges a day had.
type ExchangeDay struct{ Allowed, Refused int }

// ExchangesPerDay counts the token exchanges of n days from the instant since
// on, each 24 hours long. Each day is a range of an index: grouping by day took
// eight times as long among 200,000.
func (r Reader) ExchangesPerDay(ctx context.Context, since time.Time, n int) ([]ExchangeDay, error) {
	days := make([]ExchangeDay, n)
	if n == 0 {
		return days, nil
	}
	var w where
	var ranges []string
	for d := range n {
		from, to := w.arg(since.Add(time.Duration(d)*24*time.Hour)), w.arg(since.Add(time.Duration(d+1)*24*time.Hour))
		for _, allowed := range []string{"0", "1"} {
			ranges = append(ranges, fmt.Sprintf(`SELECT %d, %s, COUNT(*) FROM exchange WHERE allowed = %s AND time >= %s AND time < %s`, d, allowed, allowed, from, to))
		}
	}
	type count struct {
		day, n  int
		allowed bool
	}
	counts, err := all(ctx, r, "count exchanges by day", func(r row) (c count, err error) {
		err = r.Scan(&c.day, &c.allowed, &c.n)
		return c, err
	}, stmt{strings.Join(ranges, " UNION ALL "), w.args})
	for _, c := range counts {
		if c.allowed {
			days[c.day].Allowed = c.n
		} else {
			days[c.day].Refused = c.n
		}
	}
	return days, err
}

// RolloutsPerDay counts the rollouts of n days from the instant since on, each
// 24 hours long. Only are the ids of the projects that count; nil is all, empty
// is none.
func (r Reader) RolloutsPerDay(ctx context.Context, only []string, since time.Time, n int) ([]int, error) {
	days := make([]int, n)
	var w where
	from, length := w.arg(since), w.arg(day)
	w.and("created >= " + from)
	w.and("created < " + w.arg(since.Add(time.Duration(n)*24*time.Hour)))
	w.in("project", only)
	type count struct{ day, n int }
	at := "(created - " + from + ") / " + length
	counts, err := all(ctx, r, "count rollouts by day", func(r row) (c count, err error) {
		err = r.Scan(&c.day, &c.n)
		return c, err
	}, stmt{`SELECT ` + at + `, COUNT(*) FROM rollout` + w.String() + ` GROUP BY ` + at, w.args})
	for _, c := range counts {
		days[c.day] = c.n
	}
	return days, err
}
