package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"slipway/internal/store"
	"slipway/internal/storetest"
)

// TestUpgradeFindsIssuers opens a store from before identities had a column for
// their issuer.
func TestUpgradeFindsIssuers(t *testing.T) {
	for name, cfg := range places(t) {
		t.Run(name, func(t *testing.T) {
			driver, dsn, dialect, folder := "pgx", cfg.URL, goose.DialectPostgres, "migrations/postgres"
			if cfg.URL == "" {
				if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
					t.Fatal(err)
				}
				driver, dsn, dialect, folder = "sqlite", filepath.Join(cfg.Dir, "slipway.db"), goose.DialectSQLite3, "migrations/sqlite"
			}
			db := openSQL(t, driver, dsn)
			old, err := goose.NewProvider(dialect, db, os.DirFS(folder), goose.WithDisableGlobalRegistry(true))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := old.UpTo(t.Context(), 3); err != nil {
				t.Fatal(err)
			}
			_, err = db.ExecContext(t.Context(), `
				INSERT INTO workload_identity (email, title, project, deleted, created, trust, revision, search) VALUES
				('a', 'A', '', 0, 0, '{"platform":"GITLAB","issuer":"https://gitlab.com","audiences":null}', 1, 'a'),
				('b', 'B', '', 1, 0, '{"issuer":"https://gitlab.com"}', 1, 'b'),
				('c', 'C', '', 0, 0, '{}', 1, 'c')`)
			if err != nil {
				t.Fatal(err)
			}
			got, err := storetest.Open(t, cfg).IssuersInUse(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]store.IssuerUse{{Issuer: "https://gitlab.com", Active: 1, All: 2}}, got); diff != "" {
				t.Errorf("issuers after the upgrade (-want +got):\n%s", diff)
			}
		})
	}
}
