package storetest

import (
	"bytes"
	"context"
	"testing"

	"slipway"
	"slipway/internal/store"
)

func testProvider(t *testing.T, s *store.Store) {
	ctx := t.Context()
	_, err := s.Provider(ctx)
	wantKind(t, "no provider yet", err, slipway.NotFound)
	p := filled[store.Provider]()
	p.ClientSecret = "swordfish"
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.PutProvider(ctx, p) })
	got, err := s.Provider(ctx)
	same(t, "provider", p, got, err)
	if got.ClientSecret.Reveal() != "swordfish" {
		t.Errorf("client secret %q", got.ClientSecret.Reveal())
	}
	raw, err := s.Setting(ctx, "signin.provider")
	if err != nil || bytes.Contains(raw, []byte("swordfish")) {
		t.Errorf("the secret lies open in %s, %v", raw, err)
	}
	p.ClientSecret, p.Groups = "", nil
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.PutProvider(ctx, p) })
	got, err = s.Provider(ctx)
	same(t, "provider without a secret", p, got, err)
}

func testLinks(t *testing.T, s *store.Store) {
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for _, email := range []string{"ann@example.com", "bob@example.com"} {
			if err := tx.CreateUser(ctx, slipway.User{Email: email}); err != nil {
				return err
			}
		}
		return nil
	})
	_, err := s.Link(ctx, "ann@example.com")
	wantKind(t, "no link yet", err, slipway.NotFound)
	ann := store.Link{Email: "ann@example.com", Issuer: "https://id.example.com", Subject: "Sub-1", Linked: epoch}
	put := func(l store.Link) func(context.Context, *store.Tx) error {
		return func(ctx context.Context, tx *store.Tx) error { return tx.PutLink(ctx, l) }
	}
	update(t, s, put(ann))
	got, err := s.Link(ctx, "ann@example.com")
	same(t, "link", ann, got, err)
	got, err = s.LinkOf(ctx, ann.Issuer, ann.Subject)
	same(t, "link of a subject", ann, got, err)
	_, err = s.LinkOf(ctx, ann.Issuer, "sub-1")
	wantKind(t, "a subject in another case", err, slipway.NotFound)
	_, err = s.LinkOf(ctx, "https://other.example.com", ann.Subject)
	wantKind(t, "the same subject of another issuer", err, slipway.NotFound)
	wantKind(t, "one subject for two people", try(t, s, put(store.Link{Email: "bob@example.com", Issuer: ann.Issuer, Subject: ann.Subject})), slipway.Exists)
	wantKind(t, "a link of nobody", try(t, s, put(store.Link{Email: "nobody@example.com", Issuer: ann.Issuer, Subject: "9"})), slipway.Precondition)
	ann.Issuer, ann.Subject = "https://new.example.com", "2"
	update(t, s, put(ann))
	got, err = s.Link(ctx, "ann@example.com")
	same(t, "another link in its place", ann, got, err)
	remove := func(ctx context.Context, tx *store.Tx) error { return tx.DeleteLink(ctx, "ann@example.com") }
	update(t, s, remove)
	wantKind(t, "delete of no link", try(t, s, remove), slipway.NotFound)
}
