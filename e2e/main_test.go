// Package e2e_test tells stories about the whole program: the real binary, a
// real issuer over TLS, real databases, a real shell.
package e2e_test

import (
	"os"
	"testing"

	"slipway/internal/servertest"
)

func TestMain(m *testing.M) {
	// The names that documents out there call the program by.
	os.Exit(servertest.Main(m, "bytebase-action", "sql-review"))
}
