package store_test

import (
	"testing"

	"slipway/internal/storetest"
)

func TestSQLite(t *testing.T) { _ = storetest.SQLite(t) }

func TestPostgres(t *testing.T) { _ = storetest.Postgres(t) }
