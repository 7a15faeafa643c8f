package postgres_test

import (
	"log/slog"
	"testing"
	"time"

	"slipway/internal/dbtest"
	"slipway/internal/engine"
	"slipway/internal/engine/postgres"
	"slipway/internal/enginetest"
)

func newEngine() engine.Engine { return withConfig(postgres.Config{}) }

func withConfig(cfg postgres.Config) *postgres.Engine {
	cfg.LockWait, cfg.ReachBudget = 200*time.Millisecond, 5*time.Second
	if cfg.LockTimeout == 0 {
		cfg.LockTimeout = 400 * time.Millisecond
	}
	if cfg.RetryBudget == 0 {
		cfg.RetryBudget = 5 * time.Second
	}
	return postgres.New(slog.New(slog.DiscardHandler), cfg)
}

func TestMain(m *testing.M) { enginetest.Main(m, newEngine) }

func TestEngine(t *testing.T) {
	enginetest.Run(t, enginetest.Kit{
		New: newEngine, Lend: lend,
		Alone:    "CREATE INDEX CONCURRENTLY alone_shelf ON shelf (id)",
		Slow:     "INSERT INTO shelf (id) SELECT 1 FROM pg_sleep(600)",
		Deferred: "CREATE TABLE child (shelf INTEGER REFERENCES shelf (id) DEFERRABLE INITIALLY DEFERRED);",
		Meddle: `CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM slipway_revision WHERE version = '1'; RETURN NULL; END $$;
			CREATE CONSTRAINT TRIGGER meddle AFTER INSERT ON slipway_revision DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION meddle();`,
		Moment: "now()",
	})
}

func lend(t testing.TB) enginetest.Database {
	t.Helper()
	d := dbtest.Postgres(t)
	return enginetest.Database{
		Source: d.Source, Name: d.Name,
		Query: func(t testing.TB, sql string) [][]string { return dbtest.Query(t, d.URL, sql) },
	}
}
