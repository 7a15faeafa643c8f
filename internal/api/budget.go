package api

import (
	"context"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"slipway"
)

// A message is read before it is known what its caller may do in the project
// that it names. So that an account without any right cannot have the server
// hold what it sends, as often as it likes, the large messages that are held at
// one time are bounded: of all callers, and of each.
const (
	largeTotal = 4 * filesBytes
	largeEach  = 2 * filesBytes
	// largeWait is how long a call waits for others to end before it is refused.
	largeWait = 5 * time.Second
	// largeRead is how long such a message may take to arrive: half a megabyte a
	// second for the largest one.
	largeRead = 4 * time.Minute
)

// A budget is the bytes of large messages that may be held.
type budget struct {
	read  time.Duration // that a large message may take to arrive
	mu    sync.Mutex    // guards what follows
	used  int64
	by    map[string]int64 // by caller; none at 0
	freed chan struct{}    // closed when some are given back
}

func newBudget(read time.Duration) *budget {
	if read == 0 {
		read = largeRead
	}
	return &budget{read: read, by: map[string]int64{}, freed: make(chan struct{})}
}

// take waits until who may hold n bytes more; false means that ctx ended first.
func (b *budget) take(ctx context.Context, who string, n int64) bool {
	for {
		b.mu.Lock()
		if b.used+n <= largeTotal && b.by[who]+n <= largeEach {
			b.used += n
			b.by[who] += n
			b.mu.Unlock()
			return true
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return false
		}
	}
}

func (b *budget) give(who string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	if b.by[who] -= n; b.by[who] == 0 {
		delete(b.by, who)
	}
	close(b.freed)
	b.freed = make(chan struct{})
}

// boundLarge has messages above the usual size wait for their share of b, and
// refuses them with RESOURCE_EXHAUSTED if they wait in vain. It comes behind
// authenticate. The share is as large as the message can be until it is read,
// and as large as it is until the call is over.
func boundLarge(b *budget) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			sent, _ := ctx.Value(bodyKey{}).(body)
			n := min(sent.size, int64(maxBytes(spec.Procedure)))
			if n <= usualBytes {
				return next(ctx, spec, stream)
			}
			l := &largeStream{ServerStream: stream, ctx: ctx, budget: b, who: caller(ctx).Member(), size: n, body: sent}
			defer l.done()
			return next(ctx, spec, l)
		}
	}
}

// A body is what is known of a request's message before it is read.
type body struct {
	size    int64 // in bytes that it can have
	arrives *http.ResponseController
}

type bodyKey struct{}

// withBody returns r with its body in its context. The size is what
// Content-Length says, more if that is of compressed bytes, and without bound
// where it says nothing. Connect and gRPC keep these headers to themselves.
func withBody(w http.ResponseWriter, r *http.Request) *http.Request {
	n := r.ContentLength
	for _, name := range []string{"Content-Encoding", "Grpc-Encoding"} {
		if e := r.Header.Get(name); n > 0 && e != "" && !strings.EqualFold(e, "identity") {
			n = min(n, math.MaxInt64/mostPacked) * mostPacked
		}
	}
	if n < 0 {
		n = math.MaxInt64
	}
	return r.WithContext(context.WithValue(r.Context(), bodyKey{}, body{n, http.NewResponseController(w)}))
}

// mostPacked is how many bytes one of DEFLATE can stand for, generously: two
// bits copy 258 bytes.
const mostPacked = 1100

// A largeStream takes its share before its message is read.
type largeStream struct {
	connect.ServerStream
	ctx    context.Context // of the call, as is the stream itself
	budget *budget
	who    string
	size   int64
	body   body
	held   bool
}

// Receive implements connect.ServerStream.
func (l *largeStream) Receive(msg any) error {
	if !l.held {
		ctx, cancel := context.WithTimeout(l.ctx, largeWait)
		defer cancel()
		if !l.budget.take(ctx, l.who, l.size) {
			return slipway.Errorf(slipway.Exhausted, "too many large requests are under way; send it again in a moment")
		}
		l.held = true
	}
	// Who trickles bytes would keep its share from others for ever. A writer that
	// knows no deadlines has none.
	_ = l.body.arrives.SetReadDeadline(time.Now().Add(l.budget.read))
	err := l.ServerStream.Receive(msg)
	_ = l.body.arrives.SetReadDeadline(time.Time{}) // the call itself may take longer
	if m, ok := msg.(proto.Message); ok && err == nil {
		if n := int64(proto.Size(m)); n < l.size {
			l.shrink(n)
		}
	}
	return err
}

// shrink gives back what the share has beyond n.
func (l *largeStream) shrink(n int64) {
	if n <= usualBytes {
		n = 0
	}
	l.budget.give(l.who, l.size-n)
	l.size = n
}

func (l *largeStream) done() {
	if l.held {
		l.budget.give(l.who, l.size)
	}
}
