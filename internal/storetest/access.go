package storetest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/store"
)

func testIdentityRevision(t *testing.T, s *store.Store) {
	w := slipway.WorkloadIdentity{Email: "w", Title: "one", Revision: 1}
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateWorkloadIdentity(ctx, w) })
	w.Title, w.Revision = "two", 2
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateWorkloadIdentity(ctx, w, 1) })
	w.Title, w.Revision = "three", 3
	err := try(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateWorkloadIdentity(ctx, w, 1) })
	wantKind(t, "update from a revision that is gone", err, slipway.Conflict)
	got, err := s.WorkloadIdentity(t.Context(), "w")
	same(t, "identity", slipway.WorkloadIdentity{Email: "w", Title: "two", Revision: 2}, got, err)
}

func testPolicyEtag(t *testing.T, s *store.Store) {
	ctx := t.Context()
	none, err := s.Policy(ctx, "projects/shop")
	same(t, "policy that was never written", slipway.Policy{Etag: "0"}, none, err)
	binding := filled[slipway.Binding]()
	set := func(etag string) (p slipway.Policy, err error) {
		err = try(t, s, func(ctx context.Context, tx *store.Tx) error {
			p, err = tx.SetPolicy(ctx, "projects/shop", slipway.Policy{Bindings: []slipway.Binding{binding}, Etag: etag})
			return err
		})
		return p, err
	}
	_, err = set("1")
	wantKind(t, "etag of a policy that is not there", err, slipway.Conflict)
	first, err := set("0")
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Policy(ctx, "projects/shop")
	same(t, "policy", first, got, err)
	all, _, err := s.Policies(ctx, slipway.Page{})
	same(t, "policies", []store.ResourcePolicy{{Resource: "projects/shop", Policy: first}}, all, err)
	_, err = set("0")
	wantKind(t, "stale etag", err, slipway.Conflict)
	second, err := set(first.Etag)
	if err != nil {
		t.Fatal(err)
	}
	third, err := set("")
	if err != nil {
		t.Fatal(err)
	}
	if first.Etag == second.Etag || second.Etag == third.Etag {
		t.Errorf("etags %s, %s, %s: they must differ", first.Etag, second.Etag, third.Etag)
	}
	_, err = set("nonsense")
	wantKind(t, "nonsense for an etag", err, slipway.Conflict)

	// Of many who replace the same version one wins.
	outcomes := atOnce(8, func(int) error { _, err := set(third.Etag); return err })
	wins := 0
	for _, err := range outcomes {
		if err == nil {
			wins++
			continue
		}
		wantKind(t, "lost race", err, slipway.Conflict)
	}
	if wins != 1 {
		t.Errorf("%d of 8 concurrent writes with one etag succeeded, want 1", wins)
	}
}

// atOnce calls f n times at the same instant and returns what each returned.
func atOnce(n int, f func(i int) error) []error {
	start, results := make(chan struct{}), make([]chan error, n)
	for i := range n {
		results[i] = make(chan error, 1)
		go func() {
			<-start
			results[i] <- f(i)
		}()
	}
	close(start)
	out := make([]error, n)
	for i := range n {
		out[i] = <-results[i]
	}
	return out
}

func testSessions(t *testing.T, s *store.Store) {
	ctx := t.Context()
	far := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for _, session := range []store.Session{
			{Hash: "old", Email: "ann", Expires: epoch.AddDate(-1, 0, 0)},
			{Hash: "other", Email: "bob", Expires: far},
			{Hash: "new", Email: "ann", Expires: far},
			{Hash: "newer", Email: "ann", Expires: far},
		} {
			if err := tx.CreateSession(ctx, session); err != nil {
				return err
			}
		}
		return tx.TouchSession(ctx, "new", epoch)
	})
	got, err := s.Session(ctx, "new")
	same(t, "touched session", store.Session{Hash: "new", Email: "ann", Expires: far, Used: epoch}, got, err)
	_, err = s.Session(ctx, "old")
	wantKind(t, "expired session after the owner signed in again", err, slipway.NotFound)
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteSession(ctx, "new") })
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteSession(ctx, "new") })
	_, err = s.Session(ctx, "new")
	wantKind(t, "deleted session", err, slipway.NotFound)
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateSession(ctx, store.Session{Hash: "again", Email: "ann", Expires: far, Used: epoch.Add(time.Second), Web: true})
	})
	own, err := s.SessionsOf(ctx, "ann")
	same(t, "sessions of an owner, the last used first", []string{"again", "newer"}, names(own, func(s store.Session) string { return s.Hash }), err)
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteSessionsOf(ctx, "ann") })
	_, err = s.Session(ctx, "newer")
	wantKind(t, "session of an owner whose sessions were deleted", err, slipway.NotFound)
	_, err = s.Session(ctx, "other")
	if err != nil {
		t.Errorf("another owner's session: %v", err)
	}
}

func testSigningKeys(t *testing.T, s *store.Store) {
	ctx := t.Context()
	var keys []store.SigningKey
	for i := range 3 {
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, store.SigningKey{ID: fmt.Sprint(i), Private: private, Created: epoch.Add(time.Duration(i) * time.Hour)})
	}
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for _, k := range keys {
			if err := tx.AddSigningKey(ctx, k); err != nil {
				return err
			}
		}
		return nil
	})
	got, err := s.SigningKeys(ctx)
	same(t, "keys, newest first", []store.SigningKey{keys[2], keys[1], keys[0]}, got, err)
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.DropSigningKeys(ctx, keys[1].Created) })
	got, err = s.SigningKeys(ctx)
	same(t, "keys that are left", []store.SigningKey{keys[2], keys[1]}, got, err)
	err = try(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddSigningKey(ctx, keys[2]) })
	wantKind(t, "key added twice", err, slipway.Exists)
}

func testSettings(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for _, value := range [][]byte{[]byte(`[{"id":"prod"}]`), {0, 255, 1}, {}} {
		update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.PutSetting(ctx, "k", value) })
		got, err := s.Setting(ctx, "k")
		same(t, fmt.Sprintf("setting %q", value), string(value), string(got), err)
	}
	swap := func(key, was, value string) error {
		return try(t, s, func(ctx context.Context, tx *store.Tx) error {
			if was == "" {
				return tx.SwapSetting(ctx, key, nil, []byte(value))
			}
			return tx.SwapSetting(ctx, key, []byte(was), []byte(value))
		})
	}
	if err := swap("new", "", "1"); err != nil {
		t.Errorf("a first value: %v", err)
	}
	wantKind(t, "a first value again", swap("new", "", "2"), slipway.Conflict)
	if err := swap("new", "1", "2"); err != nil {
		t.Errorf("a second value: %v", err)
	}
	wantKind(t, "a value in the place of one that is gone", swap("new", "1", "3"), slipway.Conflict)
	got, err := s.Setting(ctx, "new")
	same(t, "the setting that was swapped", "2", string(got), err)
}

func testIssuersInUse(t *testing.T, s *store.Store) {
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for i, issuer := range []string{"https://b", "https://a", "https://b", "https://c", ""} {
			w := slipway.WorkloadIdentity{Email: fmt.Sprint(i), Revision: 1, Deleted: i == 2, Trust: slipway.Trust{Issuer: issuer}}
			if err := tx.CreateWorkloadIdentity(ctx, w); err != nil {
				return err
			}
		}
		return tx.UpdateWorkloadIdentity(ctx, slipway.WorkloadIdentity{Email: "3", Revision: 2, Trust: slipway.Trust{Issuer: "https://a"}}, 1)
	})
	got, err := s.IssuersInUse(t.Context())
	same(t, "issuers in use", []store.IssuerUse{{Issuer: "https://a", Active: 2, All: 2}, {Issuer: "https://b", Active: 1, All: 2}}, got, err)
}

func testRollback(t *testing.T, s *store.Store) {
	boom := errors.New("boom")
	err := try(t, s, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateUser(ctx, slipway.User{Email: "a"}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("Update returned %v, want f's own error", err)
	}
	_, err = s.User(t.Context(), "a")
	wantKind(t, "user of a transaction that failed", err, slipway.NotFound)

	func() {
		defer func() { _ = recover() }()
		_ = try(t, s, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.CreateUser(ctx, slipway.User{Email: "b"}); err != nil {
				return err
			}
			panic("boom")
		})
	}()
	_, err = s.User(t.Context(), "b")
	wantKind(t, "user of a transaction that panicked", err, slipway.NotFound)
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateUser(ctx, slipway.User{Email: "b"}) })
}

func testReadYourWrites(t *testing.T, s *store.Store) {
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateUser(ctx, slipway.User{Email: "a"}); err != nil {
			return err
		}
		if _, err := tx.User(ctx, "a"); err != nil {
			t.Errorf("the transaction does not see its own user: %v", err)
		}
		_, err := s.User(ctx, "a")
		wantKind(t, "the user read outside, before the commit", err, slipway.NotFound)
		return nil
	})
	if _, err := s.User(t.Context(), "a"); err != nil {
		t.Errorf("the user after the commit: %v", err)
	}
}

// testStrangeText writes what strangers send into columns that hold it, and
// expects the row, mended, on both databases.
func testStrangeText(t *testing.T, s *store.Store) {
	e := slipway.Exchange{Reference: "r", Identity: "a\x00b", Time: epoch, Origin: slipway.Origin{UserAgent: "x\xff\xfey", IP: "''\"\\;--$1?1"}}
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddExchange(ctx, e) })
	got, err := s.Exchange(t.Context(), "r")
	e.Identity, e.Origin.UserAgent = "a\uFFFDb", "x\uFFFDy"
	same(t, "exchange", e, got, err)
	title := "snow \u2603, \U0001F6A2, <b>&amp;"
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateUser(ctx, slipway.User{Email: "e", Title: title})
	})
	u, err := s.User(t.Context(), "e")
	same(t, "title", title, u.Title, err)
}

func testCanceledCaller(t *testing.T, s *store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateUser(ctx, slipway.User{Email: "a"}); err != nil {
			return err
		}
		cancel()
		return tx.CreateUser(ctx, slipway.User{Email: "b"})
	})
	wantKind(t, "a write after the caller gave up", err, slipway.Canceled)
	_, err = s.User(ctx, "a")
	wantKind(t, "a read after the caller gave up", err, slipway.Canceled)
	users, _, err := s.Users(t.Context(), store.UserQuery{}, slipway.Page{})
	if err != nil || len(users) != 0 {
		t.Errorf("users after a transaction that was given up: %v, %v", users, err)
	}
	if diff := cmp.Diff(nil, s.Ping(t.Context())); diff != "" {
		t.Errorf("ping afterwards: %s", diff)
	}
}
