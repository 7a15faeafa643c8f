package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"slipway"
)

const (
	connectTimeout = 15 * time.Second
	// oldestVersion is PostgreSQL 13, as server_version_num spells it.
	oldestVersion = 130000
	// maxName is what the server keeps of application_name, in bytes.
	maxName = 63
)

// settings are the connection parameters that a source may add. What is missing
// here could name files of this machine or make a session behave in ways that
// the ledger does not expect.
var settings = []string{
	"connect_timeout", "role", "search_path", "statement_timeout", "lock_timeout", "TimeZone",
	"idle_in_transaction_session_timeout", "work_mem", "maintenance_work_mem",
}

// dial connects to a database of the source. Name is what the session calls
// itself, for whoever looks at pg_stat_activity.
func (e *Engine) dial(ctx context.Context, src slipway.Source, db, name string) (*pgconn.PgConn, error) {
	cfg, err := configure(src, db, name)
	if err != nil {
		return nil, err
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, unreachable(ctx, src, db, err)
	}
	return conn, nil
}

func configure(src slipway.Source, db, name string) (*pgconn.Config, error) {
	// A Config has to come from ParseConfig, which fills in what this process's
	// environment says of databases; every field is set again below, because a
	// target has nothing to do with that.
	cfg, err := pgconn.ParseConfig("host=localhost port=5432 user=x password=x dbname=x sslmode=disable")
	if err != nil {
		return nil, slipway.Errorf(slipway.Internal, "prepare a connection").Because(err)
	}
	port, err := strconv.ParseUint(cmpOr(src.Port, "5432"), 10, 16)
	if err != nil || port == 0 || src.Host == "" {
		return nil, slipway.Errorf(slipway.Invalid, "host %q with port %q is no address of a PostgreSQL server", src.Host, src.Port)
	}
	cfg.Host, cfg.Port, cfg.Database = src.Host, uint16(port), db
	cfg.User, cfg.Password = src.Username, src.Password.Reveal()
	cfg.Fallbacks, cfg.ConnectTimeout = nil, connectTimeout
	cfg.DialFunc = (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler { return &canceler{conn: c} }
	cfg.RuntimeParams = map[string]string{
		"application_name": applicationName(name), "client_encoding": "UTF8", "standard_conforming_strings": "on",
	}
	for _, k := range slices.Sorted(maps.Keys(src.Extra)) {
		if !slices.Contains(settings, k) {
			return nil, slipway.Errorf(slipway.Invalid, "connection parameter %q is not allowed; these are: %s", k, strings.Join(settings, ", "))
		}
		if k == "connect_timeout" {
			if s, err := strconv.Atoi(src.Extra[k]); err == nil && s > 0 {
				cfg.ConnectTimeout = min(time.Duration(s)*time.Second, time.Minute)
			}
			continue
		}
		cfg.RuntimeParams[k] = src.Extra[k]
	}
	cfg.TLSConfig, err = tlsConfig(src)
	return cfg, err
}

// tlsConfig is how to speak TLS with the source, nil for not at all. With
// certificates to trust but no VerifyTLS, the chain is checked and the host
// name is not, as libpq's verify-ca does.
func tlsConfig(src slipway.Source) (*tls.Config, error) {
	if !src.TLS {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: src.Host}
	if src.TLSCA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(src.TLSCA)) {
			return nil, slipway.Errorf(slipway.Invalid, "the CA certificate of the data source holds no PEM certificate")
		}
	}
	if src.TLSCert != "" || src.TLSKey != "" {
		pair, err := tls.X509KeyPair([]byte(src.TLSCert), []byte(src.TLSKey.Reveal()))
		if err != nil {
			return nil, slipway.Errorf(slipway.Invalid, "the client certificate and key of the data source do not fit together").Because(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if src.VerifyTLS {
		return c, nil
	}
	c.InsecureSkipVerify = true
	if roots := c.RootCAs; roots != nil {
		c.VerifyConnection = func(s tls.ConnectionState) error {
			between := x509.NewCertPool()
			for _, cert := range s.PeerCertificates[1:] {
				between.AddCert(cert)
			}
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
			return err
		}
	}
	return c, nil
}

// applicationName keeps the end of a long name, where the task run's number is.
func applicationName(name string) string {
	const prefix = "slipway "
	if len(prefix)+len(name) <= maxName {
		return prefix + name
	}
	return prefix + "…" + strings.ToValidUTF8(name[len(name)-(maxName-len(prefix)-len("…")):], "")
}

// unreachable says in words why no connection came about.
func unreachable(ctx context.Context, src slipway.Source, db string, err error) error {
	at := net.JoinHostPort(src.Host, cmpOr(src.Port, "5432"))
	if ctx.Err() != nil {
		return slipway.Errorf(slipway.Canceled, "connecting to %s was given up", at).Because(err)
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case "28P01", "28000":
			return slipway.Errorf(slipway.Precondition, "%s does not let %q in: %s", at, src.Username, pg.Message).Because(err)
		case "3D000":
			return slipway.Errorf(slipway.NotFound, "there is no database %q at %s", db, at).Because(err)
		}
		return slipway.Errorf(slipway.Unavailable, "%s refused the connection: %s (%s)", at, pg.Message, pg.Code).Because(err)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return slipway.Errorf(slipway.Unavailable, "host %q is not found: %s", src.Host, dns.Err).Because(err)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return slipway.Errorf(slipway.Unavailable, "%s cannot be reached: %s", at, op.Err).Because(err)
	}
	return slipway.Errorf(slipway.Unavailable, "%s cannot be reached, or does not speak PostgreSQL's protocol as the data source says (TLS: %t)", at, src.TLS).Because(err)
}

// fit reports why a server is not fit for a change.
func fit(ctx context.Context, conn *pgconn.PgConn, db string) error {
	row, err := queryRow(ctx, conn, `SELECT current_setting('server_version_num'), current_setting('server_version'),
		pg_is_in_recovery(), pg_backend_pid(), current_database()`)
	if err != nil {
		return fmt.Errorf("ask the server about itself: %w", err)
	}
	if n, _ := strconv.Atoi(row[0]); n < oldestVersion {
		return slipway.Errorf(slipway.Precondition, "the server is PostgreSQL %s; 13 is the oldest that Slipway changes", row[1])
	}
	if row[2] == "t" {
		return slipway.Errorf(slipway.Precondition, "the server is a replica in recovery and takes no changes: point the data source at the primary")
	}
	// A pooler makes up the process id that it hands out for cancel requests.
	if row[3] != strconv.FormatUint(uint64(conn.PID()), 10) {
		return slipway.Errorf(slipway.Precondition, "there is a connection pooler between Slipway and the server: session locks do not hold through it, so point the data source at the server itself")
	}
	if row[4] != db {
		return slipway.Errorf(slipway.Precondition, "asked for database %q, the connection leads to %q", db, row[4])
	}
	return nil
}

func cmpOr(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
