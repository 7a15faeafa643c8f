package api

import (
	"context"
	"fmt"
	"io"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/proto"

	"slipway/internal/api/rest"
)

// boundBinary is the binary codec of Connect and gRPC with a bound on how many
// parts a message has.
type boundBinary struct{ *connectproto.BinaryCodec }

var _ connect.StableCodec = boundBinary{}

// UnmarshalRead implements connect.Codec.
func (c boundBinary) UnmarshalRead(ctx context.Context, src io.Reader, msg any) error {
	m, ok := msg.(proto.Message)
	if !ok { // unreachable unless a service is not made from a .proto file
		return fmt.Errorf("read a message into %T", msg)
	}
	data, err := io.ReadAll(src)
	if err != nil {
		return err
	}
	if err := rest.CheckBinary(data, m); err != nil {
		return err
	}
	return c.UnmarshalOptions.Unmarshal(data, m)
}

// strictJSON is the JSON codec of the Connect protocol. Unlike the usual one it
// refuses a field that the message does not have: a misspelt condition that is
// silently dropped would be a condition that nobody checks.
type strictJSON struct{}

var _ connect.StableCodec = strictJSON{}

// Name implements connect.Codec.
func (strictJSON) Name() string { return connect.CodecNameJSON }

// IsBinary implements connect.StableCodec.
func (strictJSON) IsBinary() bool { return false }

// MarshalWrite implements connect.Codec.
func (strictJSON) MarshalWrite(_ context.Context, dst io.Writer, msg any) error {
	m, ok := msg.(proto.Message)
	if !ok { // unreachable unless a service is not made from a .proto file
		return fmt.Errorf("write %T as JSON", msg)
	}
	return rest.WriteJSON(dst, m)
}

// MarshalWriteStable implements connect.StableCodec.
func (c strictJSON) MarshalWriteStable(ctx context.Context, dst io.Writer, msg any) error {
	return c.MarshalWrite(ctx, dst, msg)
}

// UnmarshalRead implements connect.Codec.
func (strictJSON) UnmarshalRead(_ context.Context, src io.Reader, msg any) error {
	m, ok := msg.(proto.Message)
	if !ok { // unreachable unless a service is not made from a .proto file
		return fmt.Errorf("read JSON into %T", msg)
	}
	data, err := io.ReadAll(src)
	if err != nil {
		return err
	}
	return rest.ReadJSON(data, m)
}
