package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"slipway"
)

// argonParams is the cost of a password: 40 ms and 19 MiB, as OWASP's cheat
// sheet asks of argon2id at least.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonHeader  = "$argon2id$v=19$m=19456,t=2,p=1$"
	saltBytes    = 16
	keyBytes     = 32
)

// checkPassword reports why password cannot be one.
func checkPassword(password slipway.Secret) error {
	p := password.Reveal()
	if n := utf8.RuneCountInString(p); n < 8 || len(p) > 1024 || !utf8.ValidString(p) {
		return slipway.Errorf(slipway.Invalid, "password: 8 characters at least and 1024 bytes at most")
	}
	return nil
}

// hashPassword returns password as the store keeps it.
func (s *Service) hashPassword(ctx context.Context, password slipway.Secret) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	key, err := s.argon(ctx, password.Reveal(), salt)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding.EncodeToString
	return argonHeader + enc(salt) + "$" + enc(key), nil
}

// passwordIs reports whether password is the one that hash was made of. It
// takes as long for a hash that is none, so that nobody learns by the time
// taken whether an account exists.
func (s *Service) passwordIs(ctx context.Context, hash, password string) (bool, error) {
	salt, want, ok := parseHash(hash)
	got, err := s.argon(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && ok, nil
}

func (s *Service) argon(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return nil, slipway.Errorf(slipway.Canceled, "given up while waiting for other sign-ins").Because(ctx.Err())
	}
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, keyBytes), nil
}

// parseHash splits a stored hash. Of one that it cannot read it returns parts
// of the right size, which no password has.
func parseHash(hash string) (salt, key []byte, ok bool) {
	rest, ok := strings.CutPrefix(hash, argonHeader)
	s, k, found := strings.Cut(rest, "$")
	salt, err := base64.RawStdEncoding.DecodeString(s)
	key, kerr := base64.RawStdEncoding.DecodeString(k)
	if !ok || !found || err != nil || kerr != nil || len(salt) != saltBytes || len(key) != keyBytes {
		return make([]byte, saltBytes), make([]byte, keyBytes), false
	}
	return salt, key, true
}

// errSignIn is what everybody hears whose sign-in fails.
func errSignIn(cause string, args ...any) error {
	return slipway.Errorf(slipway.Unauthenticated, "invalid email or password").Because(fmt.Errorf(cause, args...))
}
