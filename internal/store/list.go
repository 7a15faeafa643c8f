package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"slipway"
)

// A where gathers the conditions that a query asks for, and the parameters.
// What is not asked for is left out of the text, rather than written so that an
// empty parameter lets all rows through: SQLite plans before it knows the
// parameters and would use no index.
type where struct {
	conds []string
	args  []any
}

// arg adds a parameter and returns its placeholder.
func (w *where) arg(v any) string {
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

// list adds parameters and returns their placeholders, "$1, $2".
func (w *where) list(vs []any) string {
	marks := make([]string, len(vs))
	for i, v := range vs {
		marks[i] = w.arg(v)
	}
	return strings.Join(marks, ", ")
}

// and adds a condition.
func (w *where) and(cond string) { w.conds = append(w.conds, cond) }

// eq asks for column to be v, unless v is "".
func (w *where) eq(column, v string) {
	if v != "" {
		w.and(column + " = " + w.arg(v))
	}
}

// contains asks for part to occur in column, which is in lower case.
func (w *where) contains(column, part string) {
	if part == "" {
		return
	}
	escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(part))
	w.and(column + " LIKE " + w.arg("%"+escaped+"%") + ` ESCAPE '\'`)
}

// in asks for column to be one of ids; nil asks for nothing.
func (w *where) in(column string, ids []string) {
	if ids == nil {
		return
	}
	if len(ids) == 0 {
		w.and("1 = 0")
		return
	}
	vs := make([]any, len(ids))
	for i, id := range ids {
		vs[i] = id
	}
	w.and(column + " IN (" + w.list(vs) + ")")
}

// live hides what is marked deleted, unless show.
func (w *where) live(column string, show bool) {
	if !show {
		w.and(column + " = 0")
	}
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

// searchable returns what contains looks into.
func searchable(parts ...string) string { return strings.ToLower(strings.Join(parts, "\n")) }

// A listing is a bounded, ordered list of T.
type listing[T any] struct {
	what  string // "users"
	text  string // "SELECT … FROM …"
	where where  // with the condition that skips to page.After
	order string // "email": what key is made of
	scan  func(row) (T, error)
	key   func(T) string // where the list goes on after an item
}

// page reads one page of l and the key to go on with, "" at the end.
func (l listing[T]) page(ctx context.Context, r Reader, p slipway.Page) ([]T, string, error) {
	text := l.text + l.where.String() + " ORDER BY " + l.order + " LIMIT " + l.where.arg(p.Limit())
	items, err := all(ctx, r, "list "+l.what, l.scan, stmt{text, l.where.args})
	if err != nil {
		return nil, "", err
	}
	if len(items) < p.Limit() {
		return items, "", nil
	}
	items = items[:len(items)-1]
	return items, l.key(items[len(items)-1]), nil
}

// afterName goes on behind a name in ascending order.
func (w *where) afterName(column string, p slipway.Page) {
	if p.After != "" {
		w.and(column + " > " + w.arg(p.After))
	}
}

// beforeTime goes on in a list that is newest first, ordered by columns, a time
// and an id: "time, id". The id is read by text or number.
func (w *where) beforeTime(columns string, p slipway.Page, id func(string) (any, error)) error {
	if p.After == "" {
		return nil
	}
	us, rest, _ := strings.Cut(p.After, ".")
	t, err := number(us)
	if err != nil {
		return err
	}
	v, err := id(rest)
	if err != nil {
		return err
	}
	w.and("(" + columns + ") < (" + w.arg(t) + ", " + w.arg(v) + ")")
	return nil
}

// timeKey is the key of an item for beforeTime.
func timeKey(t time.Time, id string) string { return strconv.FormatInt(micros(t), 10) + "." + id }

// beforeNumber goes on in a list that is newest first, ordered by a number.
func (w *where) beforeNumber(column string, p slipway.Page) error {
	if p.After == "" {
		return nil
	}
	n, err := number(p.After)
	if err != nil {
		return err
	}
	w.and(column + " < " + w.arg(n))
	return nil
}

// number and text read a part of a page token.
func number(s string) (any, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil, errToken()
	}
	return n, nil
}

func text(s string) (any, error) {
	if s == "" {
		return nil, errToken()
	}
	return s, nil
}

// errToken is what a page token gets that no list has given out.
func errToken() error {
	return slipway.Errorf(slipway.Invalid, "page token: it is not one that this list gave out")
}

// quote puts a name into words for people, cut to what they can take in.
func quote(name string) string { return fmt.Sprintf("%.100q", name) }
