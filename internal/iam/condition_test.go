package iam_test

import (
	"testing"
	"time"

	"slipway/internal/iam"
)

func TestUntil(t *testing.T) {
	end := time.Date(2027, 1, 1, 12, 30, 0, 0, time.UTC)
	c := iam.Until(end)
	if err := iam.CheckCondition(c); err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	if got, ok := iam.UntilOf(c); !ok || !got.Equal(end) {
		t.Errorf("UntilOf(%s) = %s, %t", c, got, ok)
	}
	if !iam.Holds(c, end.Add(-time.Second)) || iam.Holds(c, end) {
		t.Errorf("%s holds until %s, and not then", c, end)
	}
	for condition, because := range map[string]string{
		"":                                     "no condition",
		`request.time < timestamp("tomorrow")`: "no time",
		`request.time <= timestamp("2027-01-01T00:00:00Z")`:                                                    "another comparison",
		`request.time < timestamp("2027-01-01T00:00:00Z") && true`:                                             "more than an end",
		`request.time > timestamp("2026-01-01T00:00:00Z")`:                                                     "a beginning",
		`request.time < timestamp("2027-01-01T00:00:00Z") || request.time > timestamp("2028-01-01T00:00:00Z")`: "two",
	} {
		if got, ok := iam.UntilOf(condition); ok {
			t.Errorf("%s is read as until %s: %s", condition, got, because)
		}
	}
	spaced := ` request.time<timestamp( '2027-01-01T13:30:00+01:00' )`
	if got, ok := iam.UntilOf(spaced); !ok || !got.Equal(end) {
		t.Errorf("UntilOf(%s) = %s, %t", spaced, got, ok)
	}
}
