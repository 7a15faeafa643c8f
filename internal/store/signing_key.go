package store

import (
	"crypto/ed25519"
	"time"
)

// A SigningKey signs the tokens that the server mints.
type SigningKey struct {
	ID      string
	Private ed25519.PrivateKey
	Created time.Time
}
