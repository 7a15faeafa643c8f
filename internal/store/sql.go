package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"slipway"
)

// A Reader reads. The one in a Store reads what is committed, the one in a Tx
// sees that transaction's writes too.
type Reader struct {
	q   querier
	db  *backend
	box box
}

// A querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// A row is a row of a result, as *sql.Row and *sql.Rows are.
type row interface{ Scan(dest ...any) error }

// A stmt is an SQL text with its parameters.
type stmt struct {
	text string
	args []any
}

// ask returns a stmt.
func ask(text string, args ...any) stmt { return stmt{text, args} }

// all reads the rows that s finds; act says what for, "read the users". The
// caller bounds their number.
func all[T any](ctx context.Context, r Reader, act string, scan func(row) (T, error), s stmt) ([]T, error) {
	rows, err := r.q.QueryContext(ctx, r.db.rewrite(s.text), bind(s.args)...)
	if err != nil {
		return nil, r.db.failed(act, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, r.db.failed(act, err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, r.db.failed(act, err)
	}
	return out, nil
}

// one reads the row that s finds; what names it: `project "shop"`. None is a
// NotFound.
func one[T any](ctx context.Context, r Reader, what string, scan func(row) (T, error), s stmt) (T, error) {
	var zero T
	found, err := all(ctx, r, "read "+what, scan, s)
	if err != nil {
		return zero, err
	}
	if len(found) == 0 {
		return zero, slipway.Errorf(slipway.NotFound, "%s not found", what)
	}
	return found[0], nil
}

// scanned reads a row of one column.
func scanned[T any](r row) (T, error) {
	var v T
	err := r.Scan(&v)
	return v, err
}

// exec runs s and returns how many rows it changed.
func (tx *Tx) exec(ctx context.Context, act string, s stmt) (int64, error) {
	res, err := tx.q.ExecContext(ctx, tx.db.rewrite(s.text), bind(s.args)...)
	if err != nil {
		return 0, tx.db.failed(act, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, tx.db.failed(act, err)
	}
	return n, nil
}

// create runs an INSERT of what; a name that is taken is an Exists.
func (tx *Tx) create(ctx context.Context, what string, s stmt) error {
	_, err := tx.exec(ctx, "create "+what, s)
	return taken(what, err)
}

// taken gives an Exists the usual words.
func taken(what string, err error) error {
	if slipway.KindOf(err) == slipway.Exists {
		return slipway.Errorf(slipway.Exists, "%s already exists", what).Because(err)
	}
	return err
}

// change runs an UPDATE or a DELETE of what; none there is a NotFound.
func (tx *Tx) change(ctx context.Context, what string, s stmt) error {
	n, err := tx.exec(ctx, "change "+what, s)
	if err != nil {
		return err
	}
	if n == 0 {
		return slipway.Errorf(slipway.NotFound, "%s not found", what)
	}
	return nil
}

// insertAll runs "INSERT INTO … VALUES" for many rows, a good number at a time:
// SQLite finds each parameter by its name among all of the statement's, so the
// largest statements are the slowest way.
func (tx *Tx) insertAll(ctx context.Context, act, into string, rows [][]any) error {
	const maxParams = 1000
	for len(rows) > 0 {
		n := min(len(rows), maxParams/len(rows[0]))
		var w where
		var text strings.Builder
		text.WriteString("INSERT INTO " + into + " VALUES ")
		for i, cols := range rows[:n] {
			if i > 0 {
				text.WriteString(", ")
			}
			text.WriteString("(" + w.list(cols) + ")")
		}
		if _, err := tx.exec(ctx, act, stmt{text.String(), w.args}); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// failed returns what a caller learns of a driver's error: act in words, and a
// Kind where there is one.
func (b *backend) failed(act string, err error) error {
	kind := b.kind(err)
	words, ok := failures[kind]
	if !ok {
		return fmt.Errorf("%s: %w", act, err)
	}
	return slipway.Errorf(kind, "%s: %s", act, words).Because(err)
}

func (b *backend) kind(err error) slipway.Kind {
	if _, ok := errors.AsType[*slipway.Error](err); ok {
		return slipway.Internal // it has words of its own, which wrapping keeps
	}
	switch {
	case errors.Is(err, context.Canceled):
		return slipway.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return slipway.Timeout
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn):
		return slipway.Unavailable
	}
	return b.classify(err)
}

var failures = map[slipway.Kind]string{
	slipway.Exists:       "it exists already",
	slipway.Conflict:     "somebody else wrote at the same time; try again",
	slipway.Precondition: "it refers to something that does not exist, or something refers to it",
	slipway.Exhausted:    "the store's disk is full",
	slipway.Unavailable:  "the store does not answer; try again",
	slipway.Canceled:     "the call was given up",
	slipway.Timeout:      "the time allowed ran out",
}

// bind turns arguments into what both drivers write alike. Text that PostgreSQL
// would refuse (NUL, broken UTF-8) comes from strangers' headers and from SQL
// that was cut: it is mended rather than losing the row.
func bind(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case bool:
			out[i] = int64(0)
			if v {
				out[i] = int64(1)
			}
		case time.Time:
			out[i] = micros(v)
		case time.Duration:
			out[i] = v.Microseconds()
		case string:
			out[i] = storable(v)
		case []byte:
			if v == nil {
				v = []byte{}
			}
			out[i] = v
		default:
			switch rv := reflect.ValueOf(a); rv.Kind() {
			case reflect.String:
				out[i] = storable(rv.String())
			case reflect.Int, reflect.Int32, reflect.Int64:
				out[i] = rv.Int()
			default:
				out[i] = a
			}
		}
	}
	return out
}

func storable(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// micros returns t as it is stored: 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// at scans a stored time into t.
func at(t *time.Time) sql.Scanner { return scanFunc(func(n int64) { *t = moment(n) }) }

// took scans a stored duration into d.
func took(d *time.Duration) sql.Scanner {
	return scanFunc(func(n int64) { *d = time.Duration(n) * time.Microsecond })
}

type scanFunc func(n int64)

func (f scanFunc) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("read a number: the column holds %T", src)
	}
	f(n)
	return nil
}

// asJSON returns v as a column of JSON holds it. The types that are stored so
// always encode.
func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T does not encode: %v", v, err)) // unreachable unless a noun gains a channel or a function
	}
	return string(b)
}

// fromJSON scans a column of JSON into v, a pointer.
func fromJSON(v any) sql.Scanner { return scanJSON{v} }

type scanJSON struct{ v any }

func (s scanJSON) Scan(src any) error {
	switch src := src.(type) {
	case string:
		return json.Unmarshal([]byte(src), s.v)
	case []byte:
		return json.Unmarshal(src, s.v)
	}
	return fmt.Errorf("read JSON: the column holds %T", src)
}
