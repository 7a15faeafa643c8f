package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/pb"
)

// exchanges serves ExchangeService.
type exchanges struct {
	pb.UnimplementedExchangeServiceHandler
	access *access.Service
}

// GetExchange explains one attempt to exchange a token.
func (h exchanges) GetExchange(ctx context.Context, req *pb.GetExchangeRequest) (*pb.Exchange, error) {
	reference, err := one("exchanges/*", req.GetName())
	if err != nil {
		return nil, err
	}
	x, err := h.access.ExchangeByReference(ctx, caller(ctx), reference)
	if err != nil {
		return nil, err
	}
	return exchangeToPB(x)
}

// ListExchanges lists attempts to exchange tokens, newest first.
func (h exchanges) ListExchanges(ctx context.Context, req *pb.ListExchangesRequest) (*pb.ListExchangesResponse, error) {
	page, err := pageOf(req)
	if err != nil {
		return nil, err
	}
	q, keep, err := exchangeQuery(req.GetFilter())
	if err != nil {
		return nil, err
	}
	list, next, err := h.access.Exchanges(ctx, caller(ctx), q, page)
	if err != nil {
		return nil, err
	}
	resp := &pb.ListExchangesResponse{NextPageToken: pageToken(req, next)}
	for _, x := range list {
		if !keep(x) {
			continue
		}
		out, err := exchangeToPB(x)
		if err != nil {
			return nil, err
		}
		resp.Exchanges = append(resp.Exchanges, out)
	}
	return resp, nil
}

// exchangeQuery reads a filter. What the query cannot say, keep does: a page
// may then hold less than its size.
func exchangeQuery(filter string) (q access.ExchangeQuery, keep func(slipway.Exchange) bool, err error) {
	terms, err := parseFilter(filter, map[string]filterField{
		"identity": textField(equals), "allowed": flagField(), "reason": textField(equals), "create_time": timeField(),
	})
	var reason string
	var until time.Time
	for _, t := range terms {
		switch {
		case t.field == "identity":
			q.Identity = t.text
		case t.field == "reason":
			reason = t.text
		case t.field == "allowed" && t.flag:
			q.Outcome = "allowed"
		case t.field == "allowed":
			q.Outcome = "refused"
		case t.op == atLeast:
			q.Since = t.time
		default:
			until = t.time
		}
	}
	keep = func(x slipway.Exchange) bool {
		return (reason == "" || x.Reason == reason) && (until.IsZero() || !x.Time.After(until))
	}
	return q, keep, err
}

func exchangeToPB(x slipway.Exchange) (*pb.Exchange, error) {
	out := &pb.Exchange{
		Name: "exchanges/" + x.Reference, CreateTime: instantToPB(x.Time), Identity: x.Identity,
		Allowed: x.Allowed, Reason: x.Reason, Job: jobToPB(x.Job),
		CallerIp: x.Origin.IP, CallerSuppliedUserAgent: x.Origin.UserAgent,
	}
	for _, c := range x.Checks {
		out.Checks = append(out.Checks, &pb.Exchange_Check{
			Name: c.Name, Ok: c.OK, Want: c.Want, Got: c.Got, Reason: c.Reason, Advice: c.Advice,
		})
	}
	if x.Claims == nil {
		return out, nil
	}
	text, err := json.Marshal(x.Claims)
	if err != nil {
		return nil, fmt.Errorf("write the claims of exchange %s: %w", x.Reference, err)
	}
	out.Claims = &structpb.Struct{}
	if err := protojson.Unmarshal(text, out.Claims); err != nil {
		return nil, fmt.Errorf("write the claims of exchange %s: %w", x.Reference, err)
	}
	return out, nil
}
