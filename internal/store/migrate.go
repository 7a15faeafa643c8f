package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"

	"slipway"
)

//go:embed migrations
var migrations embed.FS

// migrate brings our tables and the queue's up to date. It refuses a store that
// knows migrations which this program does not: running on would corrupt it.
func migrate[TTx any](ctx context.Context, dialect goose.Dialect, db *sql.DB, driver riverdriver.Driver[TTx], lg *slog.Logger) error {
	folder := "migrations/postgres"
	if dialect == goose.DialectSQLite3 {
		folder = "migrations/sqlite"
	}
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return fmt.Errorf("find the migrations: %w", err)
	}
	ours, err := goose.NewProvider(dialect, db, files, goose.WithSlog(lg), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	have, known, err := ours.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("ask for the store's version: %w", err)
	}
	if have > known {
		return slipway.Errorf(slipway.Precondition,
			"the store is at version %d and this program knows versions up to %d: it was written by a newer Slipway; run that one", have, known)
	}
	if _, err := ours.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	queue, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: lg})
	if err != nil {
		return fmt.Errorf("read the queue's migrations: %w", err)
	}
	if _, err := queue.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the queue: %w", err)
	}
	return nil
}
