//go:build race

package servertest

// buildFlags build the program as the tests are: one more set of flags would
// compile the PostgreSQL parser once more.
var buildFlags = []string{"-race"}
