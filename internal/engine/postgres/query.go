package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

var errNoRow = errors.New("no row")

// query runs one statement of ours with text parameters and returns its rows as
// text, NULL as "".
func query(ctx context.Context, conn *pgconn.PgConn, sql string, args ...string) ([][]string, error) {
	params := make([][]byte, len(args))
	for i, a := range args {
		params[i] = []byte(a)
	}
	res := conn.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	if res.Err != nil {
		return nil, res.Err
	}
	rows := make([][]string, len(res.Rows))
	for i, r := range res.Rows {
		rows[i] = make([]string, len(r))
		for j, v := range r {
			rows[i][j] = string(v)
		}
	}
	return rows, nil
}

// queryRow is query for the first row; none is errNoRow.
func queryRow(ctx context.Context, conn *pgconn.PgConn, sql string, args ...string) ([]string, error) {
	rows, err := query(ctx, conn, sql, args...)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errNoRow
	}
	return rows[0], nil
}

// exec runs statements of ours that take no parameters, as one message.
func exec(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	_, err := conn.Exec(ctx, sql).ReadAll()
	return err
}

// mustEnd runs COMMIT or ROLLBACK and compares what the server says that it
// did: the COMMIT of an aborted transaction is answered with ROLLBACK and no
// error.
func mustEnd(ctx context.Context, conn *pgconn.PgConn, verb string) error {
	results, err := conn.Exec(ctx, verb).ReadAll()
	if err != nil {
		return err
	}
	if len(results) != 1 || results[0].CommandTag.String() != verb {
		return fmt.Errorf("%w: the server answered it otherwise", errNotCommitted)
	}
	return nil
}

// hangUp closes a connection, also when ctx has ended. Where the goodbye does
// not get through, the server notices by itself.
func hangUp(ctx context.Context, conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = conn.Close(ctx)
}

var errNotCommitted = errors.New("the transaction was rolled back instead of committed")
