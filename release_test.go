package slipway_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"slipway"
)

func TestVersionOf(t *testing.T) {
	for _, tc := range []struct {
		path, want string
		ok         bool
	}{
		{"202505121650_create_table_t1.sql", "202505121650", true},
		{"migrations/v1.2.3_add_email.sql", "1.2.3", true},
		{"V2.sql", "2", true},
		{"001_init.sql", "001", true},
		{"1.2._x.sql", "1.2", true},
		{"1/readme.sql", "", false}, // the folder's name does not count
		{"init.sql", "", false},
		{"vv1.sql", "", false},
		{"", "", false},
	} {
		if got, ok := slipway.VersionOf(tc.path); got != tc.want || ok != tc.ok {
			t.Errorf("VersionOf(%q) = %q, %v; want %q, %v", tc.path, got, ok, tc.want, tc.ok)
		}
	}
}

func TestChange27VersionOrder(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"1.9", "1.10", -1},
		{"1", "1.0", 0},
		{"01", "1", 0},
		{"1.0.0", "1", 0},
		{"0", "0.0", 0},
		{"2", "10", -1},
		{"18446744073709551616", "18446744073709551615", 1}, // past 64 bits
		{"202505121650", "202505121649.9", 1},
	} {
		a, errA := slipway.ParseVersion(tc.a)
		b, errB := slipway.ParseVersion(tc.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got := a.Compare(b); got != tc.want {
			t.Errorf("%s compared with %s: %d, want %d", tc.a, tc.b, got, tc.want)
		}
		if got := b.Compare(a); got != -tc.want {
			t.Errorf("%s compared with %s: %d, want %d", tc.b, tc.a, got, -tc.want)
		}
	}
	for _, bad := range []string{"", ".", "1.", ".1", "1..2", "a", "-1", "+1", "1_2", " 1", strings.Repeat("9", 39)} {
		if v, err := slipway.ParseVersion(bad); slipway.KindOf(err) != slipway.Invalid || err == nil {
			t.Errorf("ParseVersion(%q) = %v, %v; want an Invalid", bad, v, err)
		}
	}
}

// A canonical spelling stands for exactly the versions that compare equal.
func TestChange26VersionCanonical(t *testing.T) {
	spelling := rapid.StringMatching(`0{0,2}[0-9]{1,3}(\.0{0,2}[0-9]{1,2}){0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		a, errA := slipway.ParseVersion(spelling.Draw(t, "a"))
		b, errB := slipway.ParseVersion(spelling.Draw(t, "b"))
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if (a.Compare(b) == 0) != (a.String() == b.String()) {
			t.Errorf("%s and %s: compare %d", a, b, a.Compare(b))
		}
		again, err := slipway.ParseVersion(a.String())
		if err != nil || again.Compare(a) != 0 {
			t.Errorf("%s parsed again is %s, %v", a, again, err)
		}
	})
}
