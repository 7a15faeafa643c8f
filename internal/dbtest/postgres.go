// Package dbtest lends real databases to tests. A server is started once for a
// test binary, or taken from SLIPWAY_TEST_POSTGRES (the URL of a superuser's
// database) so that one `make test` can share one; each test gets a fresh
// database of its own and shares nothing.
//
// A machine without PostgreSQL skips such tests; with CI=true it fails them,
// so that a pipeline never passes by having tested nothing.
package dbtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
)

// A Database is a PostgreSQL database that one test owns until it ends.
type Database struct {
	Name     string
	URL      string // postgres://…/Name, as a superuser
	AdminURL string // the same server's "postgres" database
	// Source reaches the server as an engine does; it lists every lent
	// database, so use Name for the one that is the test's.
	Source slipway.Source
}

// Postgres lends an empty database and drops it when t ends, with whatever is
// still connected to it.
func Postgres(t testing.TB) Database {
	t.Helper()
	return lend(t, sharedServer)
}

// Durable is as Postgres, of a server that keeps every commit through a power
// cut, as a production server does: for measurements, since it is slower.
func Durable(t testing.TB) Database {
	t.Helper()
	return lend(t, durableServer)
}

func lend(t testing.TB, of func() (server, error)) Database {
	t.Helper()
	shared, err := of()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no PostgreSQL for this test: %v", err)
		}
		t.Skipf("no PostgreSQL for this test: %v", err)
	}
	admin, name := shared.url, "slip_"+strings.ToLower(rand.Text()[:12])
	Exec(t, admin, `CREATE DATABASE `+name+` TEMPLATE template0 ENCODING 'UTF8'`)
	t.Cleanup(func() { Exec(t, admin, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`) })
	d, err := lent(admin, name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Exec runs SQL, which may be several statements, in its own connection and
// fails t when the server refuses it.
func Exec(t testing.TB, databaseURL, sql string) {
	t.Helper()
	Query(t, databaseURL, sql)
}

// Query runs SQL like Exec and returns the rows of its last statement as text,
// NULL as "".
func Query(t testing.TB, databaseURL, sql string) [][]string {
	t.Helper()
	// Not the test's own context: cleanups run after that one has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	conn, err := pgconn.Connect(ctx, databaseURL)
	if err != nil {
		t.Fatalf("connect for %.60q: %v", sql, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		t.Fatalf("%.200s: %v", sql, err)
	}
	if len(results) == 0 {
		return nil
	}
	var rows [][]string
	for _, r := range results[len(results)-1].Rows {
		row := make([]string, len(r))
		for i, v := range r {
			row[i] = string(v)
		}
		rows = append(rows, row)
	}
	return rows
}

// sharedServer is the one server of this test binary.
var sharedServer = sync.OnceValues(func() (server, error) {
	if u := os.Getenv("SLIPWAY_TEST_POSTGRES"); u != "" {
		return server{url: u}, nil
	}
	return startPostgres(carefree...)
})

// durableServer is started for the first test that asks for it.
var durableServer = sync.OnceValues(func() (server, error) { return startPostgres() })

func lent(admin, name string) (Database, error) {
	u, err := url.Parse(admin)
	if err != nil {
		return Database{}, fmt.Errorf("read the URL of the test server: %w", err)
	}
	own := *u
	own.Path = "/" + name
	password, _ := u.User.Password()
	src := slipway.Source{
		ID: "admin", Type: slipway.AdminSource,
		Host: u.Hostname(), Port: u.Port(),
		Username: u.User.Username(), Password: slipway.Secret(password),
		Database: strings.TrimPrefix(u.Path, "/"),
	}
	query := maps.Clone(u.Query())
	if h := query.Get("host"); h != "" { // postgres:///db?host=/socket/folder
		src.Host = h
	}
	if src.Port == "" {
		src.Port = "5432"
	}
	return Database{Name: name, URL: own.String(), AdminURL: admin, Source: src}, nil
}

// freePort returns a TCP port that was free a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
