package api

import (
	"context"
	"errors"
	"math"
	"strconv"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/pb"
)

// auth serves AuthService.
type auth struct {
	pb.UnimplementedAuthServiceHandler
	access *access.Service
}

// Login signs a person or a service account in.
func (h auth) Login(ctx context.Context, req *pb.LoginRequest) (*pb.LoginResponse, error) {
	switch {
	case req.GetIdpName() != "":
		return nil, slipway.Errorf(slipway.Unimplemented, "idp_name: signing in through an identity provider is not built yet")
	case req.OtpCode != nil || req.RecoveryCode != nil || req.MfaTempToken != nil || req.EmailCode != nil:
		return nil, slipway.Errorf(slipway.Unimplemented, "one-time codes are not built yet: sign in with email and password")
	}
	in, err := h.access.Login(ctx, access.SignIn{
		Email: req.GetEmail(), Password: slipway.Secret(req.GetPassword()), Web: req.GetWeb(), Origin: caller(ctx).Origin,
	})
	return signedIn(ctx, in, err)
}

// Logout ends the session that the call came with.
func (h auth) Logout(ctx context.Context, _ *pb.LogoutRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, h.access.Logout(ctx, bearer(ctx), caller(ctx).Origin)
}

// Signup makes the first administrator. The request has no field for the setup
// token that the server printed, so it comes as the bearer token.
func (h auth) Signup(ctx context.Context, req *pb.SignupRequest) (*pb.LoginResponse, error) {
	if _, err := h.access.CompleteSetup(ctx, bearer(ctx), req.GetEmail(), req.GetPassword(), req.GetTitle()); err != nil {
		return nil, err
	}
	in, err := h.access.Login(ctx, access.SignIn{
		Email: req.GetEmail(), Password: slipway.Secret(req.GetPassword()), Origin: caller(ctx).Origin,
	})
	return signedIn(ctx, in, err)
}

// ExchangeToken trades a CI job's ID token for a token of ours.
func (h auth) ExchangeToken(ctx context.Context, req *pb.ExchangeTokenRequest) (*pb.ExchangeTokenResponse, error) {
	t, err := h.access.Exchange(ctx, access.TokenRequest{
		Token: slipway.Secret(req.GetToken()), Email: req.GetEmail(), Origin: caller(ctx).Origin,
	})
	if err != nil {
		return nil, withRetryAfter(ctx, err)
	}
	neverStore(ctx)
	return &pb.ExchangeTokenResponse{
		AccessToken: t.Token.Reveal(), ExpireTime: timestamppb.New(t.Expires), TokenType: "Bearer",
	}, nil
}

func signedIn(ctx context.Context, in access.SignedIn, err error) (*pb.LoginResponse, error) {
	if err != nil {
		return nil, withRetryAfter(ctx, err)
	}
	neverStore(ctx)
	return &pb.LoginResponse{Token: in.Token.Reveal(), RequireResetPassword: in.MustResetPassword, User: userToPB(in.User)}, nil
}

// neverStore keeps a credential out of caches on the way (RFC 6749 §5.1).
func neverStore(ctx context.Context) {
	if info, ok := connect.CallInfoForServerContext(ctx); ok {
		info.ResponseHeader().Set("Cache-Control", "no-store")
	}
}

// withRetryAfter tells the caller in a header how long to wait (RFC 9110
// §10.2.3), if err knows, and returns err.
func withRetryAfter(ctx context.Context, err error) error {
	e, isOwn := errors.AsType[*slipway.Error](err)
	info, ok := connect.CallInfoForServerContext(ctx)
	if isOwn && ok && e.RetryAfter > 0 {
		info.ResponseHeader().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	return err
}
