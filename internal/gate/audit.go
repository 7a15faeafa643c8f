package gate

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"time"

	"slipway"
	"slipway/internal/store"
)

// maxRequest bounds what the audit log keeps of a request, in bytes of JSON.
const maxRequest = 16 << 10

// record writes act's entry in a transaction of its own. The caller's context
// may have ended, which must not keep a refusal off the record.
func (g *Gate) record(ctx context.Context, act Act, start time.Time, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	failed := g.st.Update(ctx, func(tx *store.Tx) error { return tx.AddAudit(ctx, g.entry(act, start, err)) })
	if failed != nil {
		g.lg.ErrorContext(ctx, "write audit entry", "method", act.Method, "who", act.Who.Member(), "resource", act.Resource, "err", failed)
	}
}

// entry returns the audit entry of act, which began at start and ended now.
func (g *Gate) entry(act Act, start time.Time, err error) slipway.AuditEntry {
	e := slipway.AuditEntry{
		Time: start.UTC(), Caller: act.Who, Method: act.Method, Permission: string(act.Permission),
		Resource: act.Resource, Project: act.Project, Request: encode(act.Request), Latency: g.now().Sub(start),
	}
	if err != nil {
		e.Kind, e.Message = slipway.KindOf(err), messageOf(err)
	}
	return e
}

// messageOf returns the words of err for the log's readers, who are
// administrators; the causes behind them stay in the server's own log.
func messageOf(err error) string {
	if errors.Is(err, context.Canceled) {
		return "the caller went away"
	}
	return withoutUserinfo(slipway.MessageOf(err))
}

// encode returns v as JSON, or a note on why it is not there.
func encode(v any) string {
	if v == nil {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		return `{"not_recorded":"the request cannot be written as JSON"}`
	}
	if len(text) > maxRequest {
		note, err := json.Marshal(map[string]any{"not_recorded": "too large", "bytes": len(text)})
		if err != nil { // unreachable unless encoding/json can't write a number
			return ""
		}
		return string(note)
	}
	return withoutUserinfo(string(text))
}

// userinfo is what may stand before the host of a URL (RFC 3986 §3.2.1): a name
// and a password, in a field that is meant for neither.
var userinfo = regexp.MustCompile(`://[^/?#\s"]*@`)

func withoutUserinfo(text string) string { return userinfo.ReplaceAllString(text, "://…@") }
