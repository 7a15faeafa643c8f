//go:build !race

package servertest

var buildFlags []string
