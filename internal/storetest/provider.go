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
