package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/api/rest"
	"slipway/internal/inventory"
	"slipway/internal/pb"
	"slipway/internal/release"
	"slipway/internal/rollout"
)

// Deps is what the handlers call.
type Deps struct {
	Authenticator Authenticator
	Access        *access.Service
	Inventory     *inventory.Service
	Releases      *release.Service
	Rollouts      *rollout.Service
}

// An Authenticator says whose credential a bearer token is. Its errors are for
// the caller: Unauthenticated for a token that is not, or no longer, good.
type Authenticator interface {
	Authenticate(ctx context.Context, bearer string, origin slipway.Origin) (slipway.Principal, error)
}

// Config is what New can be told.
type Config struct {
	ExternalURL string // where people reach the console
	// ExternalURLGiven says that the operator named ExternalURL, rather than the
	// address that the server listens on standing in for it.
	ExternalURLGiven bool
	Version          string // of this program
	Commit           string // that it was built from
	// TrustedProxies are whose X-Forwarded-For is believed. None: the caller's
	// address is that of the connection.
	TrustedProxies slipway.Proxies
	Now            func() time.Time // nil is time.Now
	LargeRead      time.Duration    // that a request above 4 MiB may take to arrive; 0 is 4 minutes
}

// New returns a handler for every method of the contract: /v1/… as REST, and
// /package.Service/Method as Connect and gRPC, the latter over HTTP/2, with or
// without TLS as the http.Server allows.
//
// Don't put it behind an http.ServeMux: that one redirects names with an
// escaped slash or dots in them to the names of other resources.
func New(lg *slog.Logger, deps Deps, cfg Config) (http.Handler, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return serve(lg, deps.Authenticator, cfg, func(s *connect.Server) { register(s, deps, cfg) })
}

// register lists every service of the contract, the ones not built yet too.
func register(s *connect.Server, deps Deps, cfg Config) {
	pb.RegisterActuatorServiceHandler(s, newActuator(cfg))
	pb.RegisterAuditLogServiceHandler(s, auditLogs{access: deps.Access})
	pb.RegisterAuthServiceHandler(s, auth{access: deps.Access})
	pb.RegisterChangelogServiceHandler(s, pb.UnimplementedChangelogServiceHandler{})
	pb.RegisterDatabaseGroupServiceHandler(s, databaseGroups{inventory: deps.Inventory})
	pb.RegisterDatabaseServiceHandler(s, newDatabase(deps))
	pb.RegisterExchangeServiceHandler(s, exchanges{access: deps.Access})
	pb.RegisterGroupServiceHandler(s, groups{access: deps.Access})
	pb.RegisterInstanceServiceHandler(s, newInstance(deps))
	pb.RegisterPlanServiceHandler(s, newPlans(deps))
	pb.RegisterProjectServiceHandler(s, newProject(deps))
	pb.RegisterReleaseServiceHandler(s, newReleases(deps))
	pb.RegisterReviewConfigServiceHandler(s, pb.UnimplementedReviewConfigServiceHandler{})
	pb.RegisterRevisionServiceHandler(s, newRevisions(deps))
	pb.RegisterRoleServiceHandler(s, roles{access: deps.Access})
	pb.RegisterRolloutServiceHandler(s, newRollouts(deps))
	pb.RegisterServiceAccountServiceHandler(s, serviceAccounts{access: deps.Access})
	pb.RegisterSettingServiceHandler(s, newSetting(deps))
	pb.RegisterSheetServiceHandler(s, newSheets(deps))
	pb.RegisterUserServiceHandler(s, users{access: deps.Access})
	pb.RegisterWorkloadIdentityServiceHandler(s, identities{access: deps.Access})
	pb.RegisterWorkspaceServiceHandler(s, workspaces{access: deps.Access})
}

// compressFrom is the size in bytes from which answers are compressed: below
// it, compressing costs more than it saves.
const compressFrom = 1 << 10

// serve builds the three transports over what services registers.
func serve(lg *slog.Logger, auth Authenticator, cfg Config, services func(*connect.Server)) (http.Handler, error) {
	server := connect.NewServer(
		reportErrors(lg),
		authenticate(auth, cfg.TrustedProxies),
		boundLarge(newBudget(cfg.LargeRead)),
		receiveErrors,
	)
	services(server)

	mux := http.NewServeMux()
	connecthttp.Mount(mux, server,
		connecthttp.WithCodecs(boundBinary{connectproto.NewBinaryCodec()}, strictJSON{}),
		connecthttp.WithCompressMinBytes(compressFrom),
		connecthttp.WithConditionalOptions(func(spec connect.Spec) []connecthttp.Option {
			return []connecthttp.Option{connecthttp.WithReadMaxBytes(maxBytes(spec.Procedure))}
		}),
	)
	restful, err := rest.New(server, rest.Config{
		MaxBytes: func(spec connect.Spec) int { return maxBytes(spec.Procedure) },
		// A page of another site can have a browser send a form or plain text
		// without being asked, and this method takes no other credential.
		JSONOnly: func(spec connect.Spec) bool { return spec.Procedure == pb.AuthServiceExchangeTokenProcedure },
	})
	if err != nil {
		return nil, fmt.Errorf("route REST: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = withBody(w, r)
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			restful.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}), nil
}
