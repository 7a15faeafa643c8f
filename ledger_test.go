package slipway_test

import (
	"testing"
	"time"

	"slipway"
)

func TestStand(t *testing.T) {
	ledger := []slipway.Revision{
		{ID: "a", Version: "1.0", SHA256: "aa"},
		{ID: "b", Version: "1.10", SHA256: "bb"},
		{ID: "c", Version: "2", SHA256: "cc", Deleted: time.Unix(1, 0)},
		{ID: "d", Version: "1.5", SHA256: "ee", Deleted: time.Unix(1, 0)},
	}
	type want struct {
		state    slipway.FileState
		revision string
		late     bool
	}
	cases := []struct {
		reason string
		file   slipway.File
		want   want
	}{
		{"same version and bytes", slipway.File{Version: "1.10", SHA256: "bb"}, want{slipway.FileApplied, "b", false}},
		{"another spelling of the version", slipway.File{Version: "01", SHA256: "aa"}, want{slipway.FileApplied, "a", false}},
		{"other bytes", slipway.File{Version: "1", SHA256: "xx"}, want{slipway.FileChanged, "a", false}},
		{"a number below the highest, though not in text", slipway.File{Version: "1.9", SHA256: "dd"}, want{slipway.FilePending, "", true}},
		{"deleted, so it runs again where it stood", slipway.File{Version: "1.5.0", SHA256: "ee"}, want{slipway.FilePending, "", false}},
		{"deleted from the ledger, so it runs again", slipway.File{Version: "2", SHA256: "cc"}, want{slipway.FilePending, "", false}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			got, err := slipway.Stand([]slipway.File{c.file}, ledger)
			if err != nil {
				t.Fatal(err)
			}
			if g := (want{got[0].State, got[0].Revision.ID, got[0].Late}); g != c.want || got[0].Highest != "1.10" {
				t.Errorf("got %+v with highest %q, want %+v with 1.10", g, got[0].Highest, c.want)
			}
		})
	}
	if _, err := slipway.Stand([]slipway.File{{Version: "1.x"}}, nil); slipway.KindOf(err) != slipway.Invalid {
		t.Errorf("a file of no version: %v, want Invalid", err)
	}
}
