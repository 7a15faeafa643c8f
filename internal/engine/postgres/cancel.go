package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// cancelDelay is how long a canceled statement has to end by itself before the
// connection is cut.
const cancelDelay = 10 * time.Second

// cancelAgain lies between two requests to cancel. The server drops one that
// comes between two statements of a message, and it takes a moment to be
// delivered: none may meet what is sent next.
const cancelAgain = 100 * time.Millisecond

// A canceler asks the server to cancel what a connection runs, until it has.
type canceler struct {
	conn  *pgconn.PgConn
	stop  context.CancelFunc
	ended chan struct{}
}

// HandleCancel implements ctxwatch.Handler.
func (c *canceler) HandleCancel(ctx context.Context) {
	until := time.Now().Add(cancelDelay)
	_ = c.conn.Conn().SetDeadline(until) // unreachable unless the connection is closed, which ends it too
	ctx, c.stop = context.WithDeadline(context.WithoutCancel(ctx), until)
	c.ended = make(chan struct{})
	go func() {
		defer close(c.ended)
		for ctx.Err() == nil {
			_ = c.conn.CancelRequest(ctx) // what does not get through is asked again
			time.Sleep(cancelAgain)
		}
	}()
}

// HandleUnwatchAfterCancel implements ctxwatch.Handler.
func (c *canceler) HandleUnwatchAfterCancel() {
	c.stop()
	<-c.ended
	_ = c.conn.Conn().SetDeadline(time.Time{})
}
