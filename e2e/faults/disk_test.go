//go:build linux

package faults_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"slipway/internal/dbtest"
)

// smallDisk mounts a file system of a few megabytes, or says why it may not.
func smallDisk(t *testing.T, megabytes string) (dir, why string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "slipway-disk-") // where others may enter, too
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+megabytes+"m,mode=0755"); err != nil {
		return "", "a small file system cannot be mounted: " + err.Error()
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, ""
}

// fill leaves no room in a folder's file system until the returned function is
// called.
func fill(t testing.TB, dir string) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(block)
	}
	for err = nil; err == nil; {
		_, err = f.Write(block[:512])
	}
	_ = f.Close()
	return func() { _ = os.Remove(name) }
}

// TestFullDisk fills the disk while files go in: that of the SQLite databases,
// of PostgreSQL, of the server's own data. The run ends, or waits; with room
// again, all of it gets done.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault, megabytes string
		rounds           int
		world            func(t *testing.T, disk string) *world
	}{
		{diskSQLite, "4", rounds(1, 12), func(t *testing.T, disk string) *world {
			return worldOn(t, setting{"sqlite", "sqlite"}, nil, disk)
		}},
		{diskPostgres, "160", rounds(1, 12), func(t *testing.T, disk string) *world {
			return worldOn(t, setting{"sqlite", "postgres"}, dbtest.Own(t, disk), t.TempDir())
		}},
		{diskServer, "16", rounds(0, 6), func(t *testing.T, disk string) *world {
			return newWorld(t, setting{"sqlite", "sqlite"}, "--data", filepath.Join(disk, "data"))
		}},
	} {
		if tc.rounds == 0 {
			continue // each waits for a lease to end
		}
		t.Run(tc.megabytes, func(t *testing.T) {
			t.Parallel()
			disk, why := smallDisk(t, tc.megabytes)
			if why != "" {
				results.skip(t, tc.fault, why)
			}
			each(t, tc.fault, tc.rounds, 1, func(t *testing.T) *world {
				return tc.world(t, disk)
			}, func(s *subject, c *score, _ int) {
				s.run()
				<-time.After(rand.N(700 * time.Millisecond))
				free := fill(s.w.T, disk)
				<-time.After(2 * time.Second)
				free()
				if s.w.own != nil && !s.w.own.Answers() { // it gives up where it cannot write its log
					s.w.own.Stop("QUIT")
					if err := s.w.own.Start(); err != nil {
						s.w.T.Fatal(err)
					}
				}
			})
		})
	}
}
