package rest

import (
	"bytes"
	"net/http"
	"strings"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/genproto/googleapis/rpc/status"
)

// statusOf is the HTTP status of each code, as grpc-gateway maps them.
var statusOf = map[connect.Code]int{
	connect.CodeCanceled:           499, // nginx's; the caller has gone and won't read it
	connect.CodeUnknown:            http.StatusInternalServerError,
	connect.CodeInvalidArgument:    http.StatusBadRequest,
	connect.CodeDeadlineExceeded:   http.StatusGatewayTimeout,
	connect.CodeNotFound:           http.StatusNotFound,
	connect.CodeAlreadyExists:      http.StatusConflict,
	connect.CodePermissionDenied:   http.StatusForbidden,
	connect.CodeResourceExhausted:  http.StatusTooManyRequests,
	connect.CodeFailedPrecondition: http.StatusBadRequest,
	connect.CodeAborted:            http.StatusConflict,
	connect.CodeOutOfRange:         http.StatusBadRequest,
	connect.CodeUnimplemented:      http.StatusNotImplemented,
	connect.CodeInternal:           http.StatusInternalServerError,
	connect.CodeUnavailable:        http.StatusServiceUnavailable,
	connect.CodeDataLoss:           http.StatusInternalServerError,
	connect.CodeUnauthenticated:    http.StatusUnauthorized,
}

// writeError answers with e as a google.rpc.Status in JSON.
func writeError(w http.ResponseWriter, code int, e *connect.Error) {
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110 §11.6.1
	}
	s := &status.Status{Code: int32(e.Code()), Message: strings.ToValidUTF8(e.Message(), "\uFFFD")}
	for _, d := range e.Details() {
		s.Details = append(s.Details, connectproto.ErrorDetailToAny(d))
	}
	var b bytes.Buffer
	if err := WriteJSON(&b, s); err != nil { // a detail of a type that this program does not know
		s.Details = nil
		b.Reset()
		_ = WriteJSON(&b, s)
	}
	writeJSON(w, code, b.Bytes())
}

// writeJSON answers with data. Answers hold tokens and keys: nothing on the way
// shall keep one (RFC 6749 §5.1).
func writeJSON(w http.ResponseWriter, code int, data []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(data) // the caller may have gone; nobody is left to tell
}
