package console_test

import (
	"testing"

	"slipway/internal/console"
)

// Pages are parsed when they are first shown: a broken one is found here.
func TestEveryTemplateParses(t *testing.T) {
	n, err := console.LoadEveryTemplate()
	if err != nil {
		t.Fatal(err)
	}
	if n < 30 {
		t.Errorf("there are %d pages only: the pattern does not find them", n)
	}
}
