package secret_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"slipway"
	"slipway/internal/secret"
)

func TestMasterKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := secret.MasterKey(dir, "")
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	for i, key := range keys {
		if len(key) != secret.KeySize || !bytes.Equal(key, keys[0]) {
			t.Errorf("start %d has a key of its own", i)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("the data folder holds %v, %v; want master.key alone", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("master.key has mode %v, %v; want 0600", info.Mode(), err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data folder has mode %v, %v; want 0700", info.Mode(), err)
	}
}

func TestMasterKeyRefuses(t *testing.T) {
	for _, tc := range []struct{ name, content string }{
		{"empty", ""},
		{"too short", "c2hvcnQ="},
		{"not base64", strings.Repeat("!", 44)},
		{"too long", strings.Repeat("A", 4096)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(file, []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := secret.MasterKey(t.TempDir(), file)
			if slipway.KindOf(err) != slipway.Invalid || !strings.Contains(err.Error(), file) {
				t.Errorf("got %v, want an Invalid that names the file", err)
			}
			if tc.content != "" && strings.Contains(err.Error(), tc.content) {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
	missing := filepath.Join(t.TempDir(), "nowhere")
	if _, err := secret.MasterKey(t.TempDir(), missing); slipway.KindOf(err) != slipway.Invalid {
		t.Errorf("a given file that is missing: got %v, want an Invalid", err)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("a given file that was missing was made")
	}
}
