// Package secret knows where the master key comes from. Everything that the
// store encrypts hangs on it, so the key lives in a file of its own, never in
// the database, and is made only where no key can have been before.
package secret

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"slipway"
)

// KeySize is the size of a master key in bytes.
const KeySize = 32

// maxFile bounds the key file: 44 characters and what an editor may add.
const maxFile = 1 << 10

// MasterKey returns the key in file, or, when file is "", in dir/master.key.
// Only the latter is made when it is missing, with mode 0600, in a folder with
// mode 0700. The file holds the key in base64, RFC 4648 §4.
func MasterKey(dir, file string) ([]byte, error) {
	if file != "" {
		return read(file)
	}
	file = filepath.Join(dir, "master.key")
	key, err := read(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, slipway.Errorf(slipway.Invalid, "make the data folder: %w", err)
	}
	return create(file)
}

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, slipway.Errorf(slipway.Invalid, "read the master key: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, slipway.Errorf(slipway.Invalid, "read the master key: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != KeySize {
		// What the file holds may be a key with a slip in it, so it isn't repeated.
		return nil, slipway.Errorf(slipway.Invalid, "the master key in %s is not %d bytes in base64; make one with: openssl rand -base64 %d", file, KeySize, KeySize)
	}
	return key, nil
}

// create makes a key in file. Two servers that start at once get the same one:
// the file appears whole, and who comes second reads it.
func create(file string) ([]byte, error) {
	key := make([]byte, KeySize)
	if _, err := rand.Read(key); err != nil { // unreachable unless the system has no randomness
		return nil, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "master.key.*") // mode 0600
	if err != nil {
		return nil, slipway.Errorf(slipway.Invalid, "make the master key: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, slipway.Errorf(slipway.Invalid, "write the master key: %w", err)
	}
	if err := os.Link(tmp.Name(), file); errors.Is(err, fs.ErrExist) {
		return read(file)
	} else if err != nil {
		return nil, slipway.Errorf(slipway.Invalid, "keep the master key: %w", err)
	}
	if err := syncFolder(filepath.Dir(file)); err != nil {
		return nil, slipway.Errorf(slipway.Invalid, "keep the master key: %w", err)
	}
	return key, nil
}

// syncFolder makes a new name last through a power cut. Without it the store
// could outlive the key that it was sealed with.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
