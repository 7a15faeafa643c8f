package rollout_test

import (
	"slices"
	"testing"
	"time"

	"slipway"
)

func TestPerDay(t *testing.T) {
	w := newWorld(t)
	w.rollout(files("CREATE TABLE a (x int);"))
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for _, tc := range []struct {
		why  string
		who  slipway.Principal
		want int
	}{{"the project's pipeline", pipeline, 1}, {"a stranger", stranger, 0}} {
		// Midnight may have come since: the two days together hold it.
		days, err := w.rollouts.PerDay(t.Context(), tc.who, today, 2)
		must(t, err)
		if len(days) != 2 || slices.Max(days) != tc.want || days[0]+days[1] != tc.want {
			t.Errorf("%s counts %v, want %d", tc.why, days, tc.want)
		}
	}
}
