package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// A step is one statement of a message. The server runs the steps of a message
// in order, and skips all behind the first that fails.
type step struct {
	sql  string
	args []string
	live bool // its answer is sent when it has run, not with the last one's
	// done is told the answer; nil where it does not matter.
	done func(tag pgconn.CommandTag, rows [][]string)
	// fail says what the step's error means.
	fail func(err error) error
}

// deliver sends steps as one message and returns how many succeeded, and the
// error of the one behind them. Without an answer to all, an error that is not
// the server's does not tell how many ran.
func deliver(ctx context.Context, conn *pgconn.PgConn, steps []step) (int, error) {
	p := conn.StartPipeline(ctx)
	for _, s := range steps {
		params := make([][]byte, len(s.args))
		for i, a := range s.args {
			params[i] = []byte(a)
		}
		p.SendQueryParams(s.sql, params, nil, nil, nil)
		if s.live {
			p.SendFlushRequest()
		}
	}
	n, err := 0, p.Sync()
	for ; err == nil && n < len(steps); n++ {
		if err = answer(p, steps[n]); err != nil {
			break
		}
	}
	if end := p.Close(); err == nil {
		err = end
	}
	return n, err
}

// answer reads what the server says to a step.
func answer(p *pgconn.Pipeline, s step) error {
	got, err := p.GetResults()
	if err != nil {
		return err
	}
	var rows [][]string
	res, ok := got.(*pgconn.ResultReader)
	if !ok {
		return errNoRow // unreachable unless the driver answers out of turn
	}
	for res.NextRow() {
		if s.done == nil {
			continue // of a file's SELECT there may be many
		}
		row := make([]string, 0, len(res.Values()))
		for _, v := range res.Values() {
			row = append(row, string(v))
		}
		rows = append(rows, row)
	}
	tag, err := res.Close()
	if err == nil && s.done != nil {
		s.done(tag, rows)
	}
	return err
}
