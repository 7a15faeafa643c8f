//go:build race

package e2e_test

// The program is built as the tests are: one more set of flags would compile
// the PostgreSQL parser once more.
func init() { buildFlags = append(buildFlags, "-race") } //nolint:gochecknoinits // a build tag can't reach a variable otherwise
