package store

import (
	"context"
	"encoding/json"
	"fmt"

	"slipway"
)

// A Provider is the company's identity provider, with which people sign in over
// OpenID Connect.
type Provider struct {
	Title        string            `json:"title"` // as people call it
	Issuer       string            `json:"issuer"`
	ClientID     string            `json:"client_id"`
	ClientSecret slipway.Secret    `json:"-"` // sealed where it is stored
	Scopes       []string          `json:"scopes,omitempty"`
	Enabled      bool              `json:"enabled"`
	CreateUsers  bool              `json:"create_users"`            // make a person at their first sign-in
	PasswordsOff bool              `json:"passwords_off,omitempty"` // people sign in with nothing else
	Domains      []string          `json:"domains,omitempty"`       // of the addresses that may sign in; none is every one
	GroupsClaim  string            `json:"groups_claim,omitempty"`  // "" is none
	Groups       map[string]string `json:"groups,omitempty"`        // :: value of the claim → address of the group
}

const providerKey = "signin.provider"

// A storedProvider is a Provider as the setting holds it.
type storedProvider struct {
	Provider
	Sealed []byte `json:"client_secret,omitempty"`
}

// Provider returns the identity provider; it is NotFound until one is put.
func (r Reader) Provider(ctx context.Context) (Provider, error) {
	raw, err := r.Setting(ctx, providerKey)
	if err != nil {
		return Provider{}, err
	}
	var s storedProvider
	if err := json.Unmarshal(raw, &s); err != nil {
		return Provider{}, fmt.Errorf("decode the identity provider: %w", err)
	}
	secret, err := r.box.open(s.Sealed, providerKey)
	s.ClientSecret = slipway.Secret(secret)
	return s.Provider, err
}

// PutProvider sets the identity provider.
func (tx *Tx) PutProvider(ctx context.Context, p Provider) error {
	sealed := tx.box.seal([]byte(p.ClientSecret.Reveal()), providerKey)
	return tx.PutSetting(ctx, providerKey, []byte(asJSON(storedProvider{p, sealed})))
}
