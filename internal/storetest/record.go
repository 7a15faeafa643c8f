package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/store"
)

// testRecordsAtOnce has many callers record exchanges at once, one of them an
// exchange that is there already: it alone fails, and each of the others finds
// its own two rows when it is told that they are written.
func testRecordsAtOnce(t *testing.T, s *store.Store) {
	const callers = 100
	record := func(reference string) error {
		a := slipway.AuditEntry{Time: epoch, Resource: "workloadIdentities/" + reference, Reference: reference, Method: "/m"}
		return s.Record(t.Context(), slipway.Exchange{Reference: reference, Time: epoch, Identity: reference}, a)
	}
	if err := record("taken"); err != nil {
		t.Fatal(err)
	}
	var want []string
	var wg sync.WaitGroup
	for i := range callers {
		reference := fmt.Sprintf("r%03d", i)
		want = append(want, reference)
		wg.Go(func() {
			if err := record(reference); err != nil {
				t.Errorf("%s: %v", reference, err)
				return
			}
			if e, err := s.Exchange(t.Context(), reference); err != nil || e.Identity != reference {
				t.Errorf("%s: exchange %+v, %v", reference, e, err)
			}
			found, _, err := s.AuditEntries(t.Context(), store.AuditQuery{Resource: "workloadIdentities/" + reference}, slipway.Page{Size: 10})
			if err != nil || len(found) != 1 || found[0].Reference != reference {
				t.Errorf("%s: audit entries %+v, %v", reference, found, err)
			}
		})
	}
	for range 5 {
		wg.Go(func() { wantKind(t, "an exchange that is there", record("taken"), slipway.Exists) })
	}
	wg.Wait()
	all, _, err := s.AuditEntries(t.Context(), store.AuditQuery{Method: "/m", Until: epoch.Add(time.Second)}, slipway.Page{Size: 2 * callers})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		got = append(got, e.Reference)
	}
	slices.Sort(got)
	if diff := cmp.Diff(append(want, "taken"), got); diff != "" {
		t.Errorf("audit entries (-want +got):\n%s", diff)
	}
}
