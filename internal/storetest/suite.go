package storetest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/store"
)

// Run checks a database: open returns an empty store on it, which its t closes.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for _, tc := range []struct {
		name string
		f    func(t *testing.T, s *store.Store)
	}{
		{"RoundTrips", testRoundTrips},
		{"Missing", testMissing},
		{"Taken", testTaken},
		{"Pages", testPages},
		{"BadPageTokens", testBadPageTokens},
		{"Search", testSearch},
		{"Deleted", testDeleted},
		{"AccountQueries", testAccountQueries},
		{"DatabaseQueries", testDatabaseQueries},
		{"IdentityRevision", testIdentityRevision},
		{"PolicyEtag", testPolicyEtag},
		{"Groups", testGroups},
		{"GroupQueries", testGroupQueries},
		{"DatabaseGroups", testDatabaseGroups},
		{"Candidates", testCandidates},
		{"Names", testNames},
		{"IssuersInUse", testIssuersInUse},
		{"FindReleases", testFindReleases},
		{"FindRollouts", testFindRollouts},
		{"Provider", testProvider},
		{"Links", testLinks},
		{"Troubles", testTroubles},
		{"PerDay", testPerDay},
		{"Sessions", testSessions},
		{"SigningKeys", testSigningKeys},
		{"Settings", testSettings},
		{"ExchangeQueries", testExchangeQueries},
		{"RecordsAtOnce", testRecordsAtOnce},
		{"LastSeen", testLastSeen},
		{"AuditQueries", testAuditQueries},
		{"Purge", testPurge},
		{"PurgeSessions", testPurgeSessions},
		{"Sheets", testSheets},
		{"ReleaseQueries", testReleaseQueries},
		{"ReleasesAtOnce", testReleasesAtOnce},
		{"Plans", testPlans},
		{"Rollout", testRollout},
		{"RunLife", testRunLife},
		{"RunsOfTask", testRunsOfTask},
		{"RunsAtOnce", testRunsAtOnce},
		{"StaleFence", testStaleFence},
		{"Skip", testSkip},
		{"Owed", testOwed},
		{"Log", testLog},
		{"LogTail", testLogTail},
		{"Summaries", testSummaries},
		{"TaskQueries", testTaskQueries},
		{"DatabaseCounts", testDatabaseCounts},
		{"Revisions", testRevisions},
		{"Rollback", testRollback},
		{"ReadYourWrites", testReadYourWrites},
		{"StrangeText", testStrangeText},
		{"CanceledCaller", testCanceledCaller},
		{"QueueRuns", testQueueRuns},
		{"QueueIsTransactional", testQueueIsTransactional},
		{"QueueDrains", testQueueDrains},
		{"QueueCancelsAfterDrain", testQueueCancelsAfterDrain},
		{"QueueRunsOnce", testQueueRunsOnce},
		{"QueueLetsWritesThrough", testQueueLetsWritesThrough},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.f(t, open(t)) })
	}
}

// update runs f in a transaction and fails t on an error.
func update(t testing.TB, s *store.Store, f func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := try(t, s, f); err != nil {
		t.Fatal(err)
	}
}

// try runs f in a transaction.
func try(t testing.TB, s *store.Store, f func(ctx context.Context, tx *store.Tx) error) error {
	return s.Update(t.Context(), func(tx *store.Tx) error { return f(t.Context(), tx) })
}

// same fails t if got, err is not want.
func same[T any](t testing.TB, what string, want, got T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// wantKind fails t if err is not of kind k.
func wantKind(t testing.TB, what string, err error, k slipway.Kind) {
	t.Helper()
	if err == nil || slipway.KindOf(err) != k {
		t.Errorf("%s: error %v of kind %d, want kind %d", what, err, slipway.KindOf(err), k)
	}
}
