package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"slipway/internal/pb"
)

// A client is the way to one server, as one caller.
type client struct {
	auth      pb.AuthServiceClient
	users     pb.UserServiceClient
	releases  pb.ReleaseServiceClient
	plans     pb.PlanServiceClient
	rollouts  pb.RolloutServiceClient
	tries     pb.ExchangeServiceClient
	cred      *credential
	voice     *voice
	agent     string
	timeout   time.Duration
	firstWait time.Duration // before the second try; doubles up to maxWait
}

const (
	firstWait = 200 * time.Millisecond
	maxWait   = 5 * time.Second
	// maxAnswer bounds an answer: a check of 10,000 files with a few findings
	// each fits in.
	maxAnswer = 64 << 20
)

// dial prepares the way to the server; nothing is sent yet.
func (s *session) dial(o *options) (*client, error) {
	tlsConfig, err := trusted(o.caFile, s.path)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     tlsConfig,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		IdleConnTimeout:     90 * time.Second,
	}
	conn := connect.NewClient(connecthttp.NewTransport(
		&http.Client{Transport: transport, CheckRedirect: noRedirect}, o.url,
		connecthttp.WithReadMaxBytes(maxAnswer),
		connecthttp.WithSendGzip(),
		connecthttp.WithCompressMinBytes(1<<10),
	))
	c := &client{
		auth:      pb.NewAuthServiceClient(conn),
		users:     pb.NewUserServiceClient(conn),
		releases:  pb.NewReleaseServiceClient(conn),
		plans:     pb.NewPlanServiceClient(conn),
		rollouts:  pb.NewRolloutServiceClient(conn),
		tries:     pb.NewExchangeServiceClient(conn),
		voice:     s.voice,
		agent:     "slipway/" + s.Version,
		timeout:   o.timeout,
		firstWait: firstWait,
	}
	c.cred, err = s.credential(o, c)
	return c, err
}

// trusted returns the system's certificate authorities and those of file.
func trusted(file string, path func(string) string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(path(file))
	if err != nil {
		return nil, usagef("--ca-file: %w", err)
	}
	cfg.RootCAs, err = x509.SystemCertPool()
	if err != nil {
		cfg.RootCAs = x509.NewCertPool()
	}
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, usagef("--ca-file %s: no certificate in it", file)
	}
	return cfg, nil
}

var errRedirect = errors.New("the server redirects")

// noRedirect keeps a request, and the tokens in it, from going elsewhere.
func noRedirect(req *http.Request, _ []*http.Request) error {
	return fmt.Errorf("%w to %s://%s: give that as --url", errRedirect, req.URL.Scheme, req.URL.Host)
}

// A callError is why a request to the server came to nothing.
type callError struct {
	doing   string
	code    connect.Code
	message string
	remote  bool // the server said so itself
	cause   error
}

func (e *callError) Error() string { return e.doing + ": " + e.message }
func (e *callError) Unwrap() error { return e.cause }

// call sends one request as the caller and tries again while the server is
// away, for c.timeout in all. Every request of this package may be repeated:
// the server recognises a release, a plan and a run that are there already. A
// token that is not accepted is renewed once if the credential can; otherwise,
// and the second time, the call ends at once.
func call[Q, A any](ctx context.Context, c *client, doing string, f func(context.Context, *Q) (*A, error), req *Q) (*A, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	renewed := false
	for wait := c.firstWait; ; wait = min(2*wait, maxWait) {
		token, err := c.cred.current(ctx)
		if err != nil {
			return nil, err
		}
		answer, err := send(ctx, c, token, f, req)
		if err == nil {
			return answer, nil
		}
		e := c.callError(ctx, doing, err)
		switch {
		case e.code == connect.CodeUnauthenticated && c.cred.renewable() && !renewed:
			renewed = true
			c.cred.drop()
		case !e.passing() || ctx.Err() != nil:
			return nil, e.explained(c)
		default:
			if wait == c.firstWait {
				c.voice.warnf("%s; trying again for up to %s", e, c.timeout)
			}
			if !pause(ctx, wait/2+rand.N(wait/2+1)) {
				if errors.Is(ctx.Err(), context.DeadlineExceeded) {
					e.message = fmt.Sprintf("%s; it was so for %s", e.message, c.timeout)
				}
				return nil, e.explained(c)
			}
		}
	}
}

// send sends one request once, with token as what proves who calls.
func send[Q, A any](ctx context.Context, c *client, token string, f func(context.Context, *Q) (*A, error), req *Q) (*A, error) {
	ctx, info := connect.NewClientContext(ctx)
	info.RequestHeader().Set("User-Agent", c.agent)
	if token != "" {
		info.RequestHeader().Set("Authorization", "Bearer "+token)
	}
	return f(ctx, req)
}

func (c *client) callError(ctx context.Context, doing string, err error) *callError {
	e := &callError{doing: doing, code: connect.CodeOf(err), message: err.Error(), cause: err}
	if wire, ok := errors.AsType[*connect.Error](err); ok {
		e.message, e.remote = wire.Message(), wire.IsRemote()
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.code, e.message = connect.CodeCanceled, "interrupted"
	case ctx.Err() != nil:
		e.code, e.message = connect.CodeDeadlineExceeded, fmt.Sprintf("no answer within %s", c.timeout)
	case e.message == "":
		e.message = e.code.String()
	}
	return e
}

// passing reports whether the same request may succeed in a moment.
func (e *callError) passing() bool {
	if e.remote {
		return e.code == connect.CodeUnavailable
	}
	if dns, ok := errors.AsType[*net.DNSError](e.cause); ok && dns.IsNotFound {
		return false
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](e.cause); ok || errors.Is(e.cause, errRedirect) ||
		errors.Is(e.cause, http.ErrSchemeMismatch) {
		return false
	}
	_, network := errors.AsType[net.Error](e.cause)
	return e.code == connect.CodeUnavailable || network || errors.Is(e.cause, io.ErrUnexpectedEOF)
}

// explained adds what to do about e, where that can be known.
func (e *callError) explained(c *client) error {
	_, badCert := errors.AsType[*tls.CertificateVerificationError](e.cause)
	switch {
	case badCert:
		return hinted(e, "for a CA of your own give --ca-file, or set SLIPWAY_CA_FILE")
	case (e.code == connect.CodeUnimplemented || e.code == connect.CodeUnknown) && !e.remote:
		return hinted(e, "is --url the address of a slipway server, without a path of the console?")
	case e.code == connect.CodeUnauthenticated && c.cred.kind == byToken:
		return hinted(e, "the token may have ended; with --workload-identity slipway exchanges the job's ID token itself")
	case e.code == connect.CodePermissionDenied && strings.Contains(e.message, "workloadIdentity:"):
		return hinted(e, "the identity needs the role GitOps Service Agent in the project: Settings > Members > Grant Access")
	case e.code == connect.CodeDeadlineExceeded, e.code == connect.CodeUnavailable:
		return hinted(e, "raise --timeout to wait for longer")
	}
	return e
}

// pause waits for d; false means that ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
