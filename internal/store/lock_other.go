//go:build !unix

package store

import "slipway"

// lockFolder refuses where there is no flock(2): without it two servers could
// share a folder.
func lockFolder(dir string) (unlock func() error, err error) {
	return nil, slipway.Errorf(slipway.Unimplemented, "the server does not keep its data in a folder on this system; give it a PostgreSQL URL")
}
