package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"connectrpc.com/connect/v2"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"slipway"
)

// Protocol is what CallInfo.Protocol says of calls that come this way.
const Protocol = "rest"

// Config is what New can be told.
type Config struct {
	// MaxBytes bounds the body of a request for the given method; nil is 4 MiB
	// for all.
	MaxBytes func(connect.Spec) int
	// JSONOnly says which methods take no body that does not call itself JSON;
	// nil is none. Others do, as grpc-gateway does, for scripts that don't say.
	JSONOnly func(connect.Spec) bool
}

// A Handler serves REST.
type Handler struct {
	server *connect.Server
	cfg    Config
	root   *node
}

// A route is one binding of one method.
type route struct {
	spec   connect.Spec
	method protoreflect.MethodDescriptor
	vars   []variable
	body   string // "" takes none, "*" is the whole request, else a field of it
}

// New returns a handler for all methods of server that have an HTTP binding. It
// fails on a binding that it cannot route.
func New(server *connect.Server, cfg Config) (*Handler, error) {
	if cfg.MaxBytes == nil {
		cfg.MaxBytes = func(connect.Spec) int { return 4 << 20 }
	}
	h := &Handler{server: server, cfg: cfg, root: &node{}}
	for spec := range server.Specs() {
		md, ok := spec.Schema.(protoreflect.MethodDescriptor)
		if !ok {
			continue
		}
		rule, _ := proto.GetExtension(md.Options(), annotations.E_Http).(*annotations.HttpRule)
		if rule == nil {
			continue
		}
		for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			if err := h.add(spec, md, r); err != nil {
				return nil, fmt.Errorf("bind %s: %w", md.FullName(), err)
			}
		}
	}
	return h, nil
}

func (h *Handler) add(spec connect.Spec, md protoreflect.MethodDescriptor, rule *annotations.HttpRule) error {
	verb, text := pattern(rule)
	if verb == "" {
		return errors.New("the binding has no method and path")
	}
	if spec.StreamType != connect.StreamTypeUnary {
		return errors.New("a stream has no REST form")
	}
	t, err := parseTemplate(text)
	if err != nil {
		return err
	}
	r := &route{spec: spec, method: md, body: rule.GetBody()}
	for _, v := range t.vars {
		if v.fields, err = fieldsOf(md.Input(), v.name); err != nil {
			return err
		}
		r.vars = append(r.vars, v)
	}
	if r.body != "" && r.body != "*" {
		f := md.Input().Fields().ByName(protoreflect.Name(r.body))
		if f == nil || f.Message() == nil || f.IsList() || f.IsMap() {
			return fmt.Errorf("body: %s has no message field %q", md.Input().FullName(), r.body)
		}
	}
	return h.root.add(verb, t, r)
}

// pattern returns the HTTP method and the path template of rule.
func pattern(rule *annotations.HttpRule) (method, template string) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, p.Get
	case *annotations.HttpRule_Put:
		return http.MethodPut, p.Put
	case *annotations.HttpRule_Post:
		return http.MethodPost, p.Post
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, p.Delete
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, p.Patch
	}
	return "", ""
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found := h.root.find(r.URL.EscapedPath())
	if len(found) == 0 {
		writeError(w, http.StatusNotFound, connect.NewError(connect.CodeNotFound, "there is no method at this path"))
		return
	}
	for _, m := range found {
		if rt := m.leaf[r.Method]; rt != nil {
			h.call(w, r, rt, m.segments)
			return
		}
	}
	allow := allowed(found)
	w.Header().Set("Allow", allow)
	writeError(w, http.StatusMethodNotAllowed, connect.Errorf(connect.CodeUnimplemented, "this path takes %s, not %.20q", allow, r.Method))
}

// call runs rt's method and writes what comes of it.
func (h *Handler) call(w http.ResponseWriter, r *http.Request, rt *route, segments []string) {
	if typ := r.Header.Get("Content-Type"); h.cfg.JSONOnly != nil && h.cfg.JSONOnly(rt.spec) && !isJSON(typ) {
		writeError(w, http.StatusUnsupportedMediaType, connect.Errorf(connect.CodeInvalidArgument, "send the body as application/json, not %.80q", typ))
		return
	}
	info := &connect.CallInfo{
		Spec:             rt.spec,
		PeerAddr:         r.RemoteAddr,
		Protocol:         Protocol,
		Codec:            connect.CodecNameJSON,
		RequestEncoding:  connect.CompressionNameIdentity,
		ResponseEncoding: connect.CompressionNameIdentity,
	}
	for key, values := range r.Header {
		info.RequestHeader().SetValues(key, values)
	}
	s := &stream{r: r, route: rt, segments: segments, max: h.cfg.MaxBytes(rt.spec)}
	// Reading on past the bound would let a stranger's body fill the memory;
	// the ResponseWriter is told to close the connection there.
	r.Body = http.MaxBytesReader(w, r.Body, int64(s.max))
	err := h.server.Call(r.Context(), rt.spec.Procedure, info, s)
	for key, values := range info.ResponseHeader().All() {
		w.Header()[key] = values
	}
	switch {
	case err != nil:
		wire := wireError(err)
		writeError(w, statusOf[wire.Code()], wire)
	case s.answer == nil: // unreachable unless a handler returns without sending
		writeError(w, http.StatusInternalServerError, connect.NewError(connect.CodeInternal, slipway.MessageOf(nil)))
	default:
		writeJSON(w, http.StatusOK, s.answer)
	}
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

// wireError returns the *connect.Error in err's tree. An error that nobody made
// for the caller tells nothing.
func wireError(err error) *connect.Error {
	if e, ok := errors.AsType[*connect.Error](err); ok && !e.IsRemote() {
		return e
	}
	if errors.Is(err, context.Canceled) {
		return connect.NewError(connect.CodeCanceled, "the caller gave up")
	}
	return connect.NewError(connect.CodeInternal, slipway.MessageOf(nil))
}

// A stream is one REST call as a connect.ServerStream: one message each way.
type stream struct {
	r        *http.Request
	route    *route
	segments []string
	max      int
	received bool
	answer   []byte // JSON
}

// Receive implements connect.ServerStream. The body is read here and no sooner,
// after every interceptor has seen the headers.
func (s *stream) Receive(msg any) error {
	if s.received {
		return io.EOF
	}
	s.received = true
	m, ok := msg.(proto.Message)
	if !ok { // unreachable unless a service is not made from a .proto file
		return fmt.Errorf("read a request into %T", msg)
	}
	return s.bind(m)
}

// SendHeaders implements connect.ServerStream; headers go with the answer.
func (s *stream) SendHeaders() error { return nil }

// Send implements connect.ServerStream.
func (s *stream) Send(msg any) error {
	m, ok := msg.(proto.Message)
	if !ok { // unreachable unless a service is not made from a .proto file
		return fmt.Errorf("answer with %T", msg)
	}
	var b bytes.Buffer
	err := WriteJSON(&b, m)
	s.answer = b.Bytes()
	return err
}
