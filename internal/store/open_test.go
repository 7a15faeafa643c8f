package store_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

func put(t testing.TB, s *store.Store, key, value string) {
	t.Helper()
	err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.PutSetting(t.Context(), key, []byte(value)) })
	if err != nil {
		t.Fatal(err)
	}
}

func wantSetting(t testing.TB, s *store.Store, key, want string) {
	t.Helper()
	if got, err := s.Setting(t.Context(), key); err != nil || string(got) != want {
		t.Errorf("setting %s: %q, %v, want %q", key, got, err, want)
	}
}

// places are the two ways to say where a store is.
func places(t *testing.T) map[string]store.Config {
	return map[string]store.Config{
		"SQLite":   {Dir: filepath.Join(t.TempDir(), "data", "slipway")},
		"Postgres": {URL: dbtest.Postgres(t).URL},
	}
}

func TestReopenKeepsData(t *testing.T) {
	for name, cfg := range places(t) {
		t.Run(name, func(t *testing.T) {
			cfg.Key = storetest.Key()
			s, err := store.Open(t.Context(), storetest.Log(t), cfg)
			if err != nil {
				t.Fatal(err)
			}
			put(t, s, "k", "v")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			wantSetting(t, storetest.Open(t, cfg), "k", "v")
		})
	}
}

func TestWrongMasterKey(t *testing.T) {
	for name, cfg := range places(t) {
		t.Run(name, func(t *testing.T) {
			cfg.Key = storetest.Key()
			s, err := store.Open(t.Context(), storetest.Log(t), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			cfg.Key = bytes.Repeat([]byte{8}, store.KeySize)
			_, err = store.Open(t.Context(), storetest.Log(t), cfg)
			if slipway.KindOf(err) != slipway.Precondition || !strings.Contains(slipway.MessageOf(err), "wrong master key") {
				t.Errorf("open with another key: %v", err)
			}
			cfg.Key = cfg.Key[:31]
			if _, err = store.Open(t.Context(), storetest.Log(t), cfg); slipway.KindOf(err) != slipway.Invalid {
				t.Errorf("open with a short key: %v", err)
			}
			cfg.Key = storetest.Key()
			storetest.Open(t, cfg) // the refusals spoilt nothing
		})
	}
}

func TestFolderHasOneServer(t *testing.T) {
	cfg := store.Config{Dir: t.TempDir(), Key: storetest.Key()}
	s, err := store.Open(t.Context(), storetest.Log(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), storetest.Log(t), cfg)
	if slipway.KindOf(err) != slipway.Precondition || !strings.Contains(slipway.MessageOf(err), "in use by another server") {
		t.Errorf("second open of one folder: %v", err)
	}
	put(t, s, "k", "v")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantSetting(t, storetest.Open(t, cfg), "k", "v")
}

// TestPostgresServersShare starts servers on one empty database at the same
// instant: one migrates, all work.
func TestPostgresServersShare(t *testing.T) {
	url := dbtest.Postgres(t).URL
	const n = 4
	type opened struct {
		s   *store.Store
		err error
	}
	results := make(chan opened, n)
	for range n {
		go func() {
			s, err := store.Open(t.Context(), storetest.Log(t), store.Config{URL: url, Key: storetest.Key()})
			results <- opened{s, err}
		}()
	}
	var last *store.Store
	for range n {
		r := <-results
		if r.err != nil {
			t.Errorf("one of %d servers: %v", n, r.err)
			continue
		}
		defer r.s.Close()
		if last != nil {
			put(t, r.s, "k", "v")
			wantSetting(t, last, "k", "v")
		}
		last = r.s
	}
}

// TestCrash copies the files of an open store, which is what a power cut leaves,
// and opens the copy.
func TestCrash(t *testing.T) {
	dir, image := t.TempDir(), t.TempDir()
	s := storetest.Open(t, store.Config{Dir: dir})
	put(t, s, "k", "committed")
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.PutSetting(t.Context(), "k", []byte("not committed")); err != nil {
			return err
		}
		return os.CopyFS(image, os.DirFS(dir))
	})
	if err != nil {
		t.Fatal(err)
	}
	wantSetting(t, storetest.Open(t, store.Config{Dir: image}), "k", "committed")
}

func TestSecretsAreSealed(t *testing.T) {
	const secret = "hunter2-correct-horse"
	dir := t.TempDir()
	url := dbtest.Postgres(t).URL
	seed := bytes.Repeat([]byte("seedseed"), 4)
	for _, cfg := range []store.Config{{Dir: dir}, {URL: url}} {
		s := storetest.Open(t, cfg)
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			ctx := t.Context()
			if err := tx.AddSigningKey(ctx, store.SigningKey{ID: "k", Private: ed25519.NewKeyFromSeed(seed)}); err != nil {
				return err
			}
			return tx.CreateInstance(ctx, slipway.Instance{ID: "pg", Sources: []slipway.Source{{ID: "a", Username: "visible", Password: secret, TLSKey: secret}}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var all []byte
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(all, b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range dbtest.Query(t, url, "SELECT sources FROM instance UNION ALL SELECT sealed::text FROM signing_key") {
		all = append(all, row[0]...)
	}
	if !bytes.Contains(all, []byte("visible")) {
		t.Fatal("the bytes do not hold the instance at all")
	}
	for _, s := range [][]byte{[]byte(secret), seed, seed[:16], storetest.Key()} {
		if bytes.Contains(all, s) {
			t.Errorf("%q stands in the database in plain text", s)
		}
	}
	// A sealed value that was moved to another row does not open there.
	dbtest.Exec(t, url, `INSERT INTO instance SELECT 'other', title, engine, version, environment, link, deleted, labels, created, synced, sources, search FROM instance`)
	s := storetest.Open(t, store.Config{URL: url})
	if i, err := s.Instance(t.Context(), "other"); err == nil {
		t.Errorf("a password moved to another instance opens: %v", i.Sources[0].Password.Reveal())
	}
}

func TestFilesAreTheOwners(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	put(t, storetest.Open(t, store.Config{Dir: dir}), "k", "v")
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v: others can reach it", d.Name(), info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNewerStore(t *testing.T) {
	for name, cfg := range places(t) {
		t.Run(name, func(t *testing.T) {
			cfg.Key = storetest.Key()
			s, err := store.Open(t.Context(), storetest.Log(t), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			const newer = "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)"
			if cfg.URL != "" {
				dbtest.Exec(t, cfg.URL, newer)
			} else if _, err := openSQL(t, "sqlite", filepath.Join(cfg.Dir, "slipway.db")).ExecContext(t.Context(), newer); err != nil {
				t.Fatal(err)
			}
			_, err = store.Open(t.Context(), storetest.Log(t), cfg)
			if slipway.KindOf(err) != slipway.Precondition || !strings.Contains(slipway.MessageOf(err), "newer Slipway") {
				t.Errorf("open of a store that a newer program wrote: %v", err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tc := range []struct {
		why  string
		cfg  store.Config
		kind slipway.Kind
	}{
		{"nowhere to keep anything", store.Config{}, slipway.Invalid},
		{"a URL of something else", store.Config{URL: "mysql://root:topsecret@db/x"}, slipway.Invalid},
		{"a server that is not there", store.Config{URL: "postgres://u:topsecret@127.0.0.1:1/x?connect_timeout=2"}, slipway.Unavailable},
	} {
		tc.cfg.Key = storetest.Key()
		s, err := store.Open(t.Context(), storetest.Log(t), tc.cfg)
		if err == nil {
			s.Close()
		}
		if err == nil || slipway.KindOf(err) != tc.kind {
			t.Errorf("%s: %v of kind %d, want kind %d", tc.why, err, slipway.KindOf(err), tc.kind)
		}
		if err != nil && strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: the error tells the password: %v", tc.why, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Open(ctx, storetest.Log(t), store.Config{Dir: t.TempDir(), Key: storetest.Key()}); !errors.Is(err, context.Canceled) {
		t.Errorf("open with a context that has ended: %v", err)
	}
}

// TestServerAway takes the PostgreSQL database away from under a store.
func TestServerAway(t *testing.T) {
	db := dbtest.Postgres(t)
	s := storetest.Open(t, store.Config{URL: db.URL})
	dbtest.Exec(t, db.AdminURL, `ALTER DATABASE "`+db.Name+`" ALLOW_CONNECTIONS false`)
	dbtest.Exec(t, db.AdminURL, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '`+db.Name+`'`)
	if err := s.Ping(t.Context()); slipway.KindOf(err) != slipway.Unavailable {
		t.Errorf("ping: %v of kind %d, want Unavailable", err, slipway.KindOf(err))
	}
	err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.PutSetting(t.Context(), "k", nil) })
	if slipway.KindOf(err) != slipway.Unavailable {
		t.Errorf("write: %v of kind %d, want Unavailable", err, slipway.KindOf(err))
	}
	dbtest.Exec(t, db.AdminURL, `ALTER DATABASE "`+db.Name+`" ALLOW_CONNECTIONS true`)
	put(t, s, "k", "v") // it comes back by itself
}
