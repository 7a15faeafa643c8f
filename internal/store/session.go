package store

import (
	"time"

	"slipway"
)

// A Session is a credential of a person or a service account that was handed
// out and still counts.
type Session struct {
	Hash    string // hex SHA-256 of the opaque token, which is not kept
	Email   string
	Kind    slipway.PrincipalKind
	Created time.Time
	Expires time.Time
	Used    time.Time // when it was last seen
	Web     bool      // a browser's cookie
	Origin  slipway.Origin
}
