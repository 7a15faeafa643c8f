package inventory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"slipway"
)

// Bounds of a data source.
const (
	maxSources     = 5
	maxSourceBytes = 1024
	maxCertBytes   = 64 << 10
	maxExtra       = 32
)

// checkSources returns the sources as they are kept, or says why they cannot
// be: there is exactly one to make changes with, and ids are distinct.
func (s *Service) checkSources(e slipway.Engine, sources []slipway.Source) ([]slipway.Source, error) {
	if len(sources) > maxSources {
		return nil, slipway.Errorf(slipway.Invalid, "an instance has at most %d data sources, not %d", maxSources, len(sources))
	}
	admins, ids := 0, map[string]bool{}
	checked := make([]slipway.Source, 0, len(sources))
	for _, src := range sources {
		if ids[src.ID] {
			return nil, slipway.Errorf(slipway.Invalid, "two data sources have the id %q", src.ID)
		}
		ids[src.ID] = true
		switch src.Type {
		case slipway.AdminSource:
			admins++
		case slipway.ReadOnlySource:
		default:
			return nil, slipway.Errorf(slipway.Invalid, "data source %q: its type is ADMIN or READ_ONLY", src.ID)
		}
		if err := checkText(src); err != nil {
			return nil, err
		}
		src, err := s.checkHost(e, src)
		if err != nil {
			return nil, err
		}
		checked = append(checked, src)
	}
	if admins != 1 {
		return nil, slipway.Errorf(slipway.Invalid, "an instance has exactly one data source of type ADMIN, not %d", admins)
	}
	return checked, nil
}

func checkText(src slipway.Source) error {
	short := map[string]string{
		"id": src.ID, "host": src.Host, "port": src.Port, "username": src.Username,
		"password": src.Password.Reveal(), "database": src.Database,
	}
	for field, text := range short {
		if len(text) > maxSourceBytes || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return slipway.Errorf(slipway.Invalid, "data source %.60q: %s has at most %d bytes of UTF-8 and no NUL", src.ID, field, maxSourceBytes)
		}
	}
	if src.ID == "" {
		return slipway.Errorf(slipway.Invalid, "a data source needs an id, such as \"admin\"")
	}
	for field, pem := range map[string]string{"ssl_ca": src.TLSCA, "ssl_cert": src.TLSCert, "ssl_key": src.TLSKey.Reveal()} {
		if len(pem) > maxCertBytes {
			return slipway.Errorf(slipway.Invalid, "data source %q: %s has at most %d KiB", src.ID, field, maxCertBytes>>10)
		}
	}
	if len(src.Extra) > maxExtra {
		return slipway.Errorf(slipway.Invalid, "data source %q: at most %d further connection parameters", src.ID, maxExtra)
	}
	for k, v := range src.Extra {
		if k == "" || len(k)+len(v) > maxSourceBytes || !printable(k+v) {
			return slipway.Errorf(slipway.Invalid, "data source %q: connection parameter %.60q is empty, too long or not printable", src.ID, k)
		}
	}
	return nil
}

func (s *Service) checkHost(e slipway.Engine, src slipway.Source) (slipway.Source, error) {
	if src.Host == "" {
		return src, slipway.Errorf(slipway.Invalid, "data source %q needs a host", src.ID)
	}
	if e == slipway.SQLite {
		return s.checkFolder(src)
	}
	if src.Port != "" {
		if n, err := strconv.Atoi(src.Port); err != nil || n < 1 || n > 65535 {
			return src, slipway.Errorf(slipway.Invalid, "data source %q: port %q is not a number from 1 to 65535", src.ID, src.Port)
		}
	}
	return src, nil
}

// checkFolder returns src with its folder's real path, so that a link made or
// moved later leads nowhere else.
func (s *Service) checkFolder(src slipway.Source) (slipway.Source, error) {
	if !filepath.IsAbs(src.Host) {
		return src, slipway.Errorf(slipway.Invalid, "data source %q: the host of a SQLite instance is the absolute path of a folder", src.ID)
	}
	outside := slipway.Errorf(slipway.Invalid, "data source %q: folder %q is not one that this server may open SQLite databases in; its operator lists those with --sqlite-root", src.ID, src.Host)
	// Before the disk is asked, so that the answer does not tell what exists
	// outside the roots.
	if !s.allowed(filepath.Clean(src.Host)) {
		return src, outside
	}
	real, err := filepath.EvalSymlinks(src.Host)
	if err != nil {
		return src, slipway.Errorf(slipway.Invalid, "data source %q: there is no folder %q that the server can open", src.ID, src.Host)
	}
	if !s.allowed(real) {
		return src, outside
	}
	// A server whose data is on PostgreSQL need not have a folder of its own.
	own, err := filepath.EvalSymlinks(s.cfg.Own)
	if s.cfg.Own != "" && !errors.Is(err, fs.ErrNotExist) && (err != nil || own == real) {
		return src, outside
	}
	if info, err := os.Stat(real); err != nil || !info.IsDir() {
		return src, slipway.Errorf(slipway.Invalid, "data source %q: %q is not a folder", src.ID, src.Host)
	}
	src.Host = real
	return src, nil
}

// allowed reports whether folder is one of the roots or below one, as the root
// is written or as it really is.
func (s *Service) allowed(folder string) bool {
	for _, root := range s.cfg.SQLiteRoots {
		spellings := []string{filepath.Clean(root)}
		if real, err := filepath.EvalSymlinks(root); err == nil {
			spellings = append(spellings, real)
		}
		for _, r := range spellings {
			if rel, err := filepath.Rel(r, folder); err == nil && filepath.IsLocal(rel) {
				return true
			}
		}
	}
	return false
}

// keepSecrets fills in the secrets that next leaves out from the sources of the
// same id in old. A secret is kept only for where it was given for: one who may
// edit an instance could otherwise have a stored password sent to a host of
// their own.
func keepSecrets(old, next []slipway.Source) ([]slipway.Source, error) {
	byID := map[string]slipway.Source{}
	for _, o := range old {
		byID[o.ID] = o
	}
	filled := make([]slipway.Source, 0, len(next))
	for _, n := range next {
		o, ok := byID[n.ID]
		missing := n.Password == "" && o.Password != "" || n.TLSKey == "" && n.TLSCert != "" && o.TLSKey != ""
		if ok && missing {
			if !samePlace(o, n) {
				return nil, slipway.Errorf(slipway.Invalid, "data source %q: give the password (and TLS key) again when the host, port, user, TLS or connection parameters change; stored ones are not sent elsewhere", n.ID)
			}
			if n.Password == "" {
				n.Password = o.Password
			}
			if n.TLSKey == "" && n.TLSCert != "" {
				n.TLSKey = o.TLSKey
			}
		}
		filled = append(filled, n)
	}
	return filled, nil
}

// samePlace reports whether n sends credentials where o does, no less guarded.
func samePlace(o, n slipway.Source) bool {
	if o.Host != n.Host || o.Port != n.Port || o.Username != n.Username || len(o.Extra) != len(n.Extra) {
		return false
	}
	for k, v := range o.Extra {
		if n.Extra[k] != v {
			return false
		}
	}
	return o.TLS == n.TLS && o.VerifyTLS == n.VerifyTLS && o.TLSCA == n.TLSCA
}
