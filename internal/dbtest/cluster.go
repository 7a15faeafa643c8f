package dbtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// startTimeout is generous: a cold disk on a busy machine needs seconds.
const startTimeout = 30 * time.Second

// guard runs the server as its child and outlives the test binary by the time
// that stopping takes: its standard input is a pipe from the binary, which ends
// even when the binary is killed. So no server and no folder stay behind. A line
// with the name of a signal ends the server by that and leaves the folder.
const guard = `
dir=$1; shift
"$@" </dev/null >>"$dir/log" 2>&1 &
pid=$!
read -r signal
kill -"${signal:-QUIT}" "$pid" 2>/dev/null
wait "$pid"
[ -n "$signal" ] || rm -rf "$dir"
`

// A server is a running cluster. Whoever needs it holds on to it: the guard
// stops it once the leash is closed, and the garbage collector closes a file
// that nothing refers to.
type server struct {
	url   string // of its "postgres" database
	leash io.WriteCloser
}

// A place is a cluster that may be started: its folder, and by whom and where.
type place struct {
	dir, bin string
	password string
	who      *syscall.Credential
	port     int
	settings []string // besides those that every test server has
}

// carefree are the settings of a server that has nothing to lose.
var carefree = []string{"fsync=off", "full_page_writes=off", "synchronous_commit=off"}

// startPostgres makes a cluster in a temporary folder and starts it with
// settings, "fsync=off", besides those that every test server has.
func startPostgres(settings ...string) (server, error) {
	// Another process may take the port between finding and using it.
	var err error
	for range 3 {
		var at place
		if at, err = prepare(""); err != nil {
			return server{}, err
		}
		at.settings = settings
		var s server
		if _, s, err = at.launch(); err == nil {
			return s, nil
		}
		_ = os.RemoveAll(at.dir) // the guard may have been faster
	}
	return server{}, err
}

// prepare makes a cluster in a folder of its own under parent, "" for where
// temporary files are, and finds a port for it.
func prepare(parent string) (at place, err error) {
	if at.bin, err = postgresBinaries(); err != nil {
		return at, err
	}
	if at.who, err = unprivileged(); err != nil {
		return at, err
	}
	if at.dir, err = os.MkdirTemp(parent, "slipway-pg-"); err != nil {
		return at, fmt.Errorf("make a folder for the test server: %w", err)
	}
	if err = at.init(); err != nil {
		_ = os.RemoveAll(at.dir)
		return at, err
	}
	return at, nil
}

func (at *place) init() (err error) {
	if at.who != nil {
		if err := os.Chown(at.dir, int(at.who.Uid), int(at.who.Gid)); err != nil {
			return fmt.Errorf("hand the folder over: %w", err)
		}
	}
	at.password = rand.Text()
	secret := filepath.Join(at.dir, "password")
	if err := os.WriteFile(secret, []byte(at.password), 0o644); err != nil {
		return fmt.Errorf("write the password file: %w", err)
	}
	initdb := exec.Command(filepath.Join(at.bin, "initdb"), "-D", filepath.Join(at.dir, "data"), "-U", "postgres", "--pwfile", secret,
		"-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: at.who}
	initdb.Dir = at.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	at.port, err = freePort()
	return err
}

// launch starts the cluster under its guard.
func (at *place) launch() (*exec.Cmd, server, error) {
	args := []string{"-c", guard, "guard", at.dir, filepath.Join(at.bin, "postgres"), "-D", filepath.Join(at.dir, "data")}
	for _, s := range append([]string{
		"port=" + strconv.Itoa(at.port), "listen_addresses=127.0.0.1", "unix_socket_directories=" + at.dir,
		"shared_buffers=32MB", "max_connections=200", "max_prepared_transactions=5", "autovacuum=off", "jit=off", "log_min_messages=warning",
	}, at.settings...) {
		args = append(args, "-c", s)
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.Dir = at.dir
	// Its own process group: a Ctrl-C at the terminal ends the binary, and the
	// guard then tidies up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: at.who, Setpgid: true}
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, server{}, fmt.Errorf("tie the test server to this process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, server{}, fmt.Errorf("start the test server: %w", err)
	}
	u := fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", at.password, at.port)
	if err := await(u); err != nil {
		out, _ := os.ReadFile(filepath.Join(at.dir, "log"))
		leash.Close()
		_ = cmd.Wait() // killed
		return nil, server{}, fmt.Errorf("start PostgreSQL: %w: %s", err, out)
	}
	return cmd, server{url: u, leash: leash}, nil
}

// await returns when the server answers.
func await(u string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		conn, err := pgconn.Connect(ctx, u)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// postgresBinaries finds the folder that holds initdb and postgres: on the
// path, or the newest where Debian puts them.
func postgresBinaries() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			return filepath.Dir(p), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("initdb is neither on the path nor under /usr/lib/postgresql")
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) })
	return filepath.Dir(newest), nil
}

func major(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

// unprivileged returns who runs the server: PostgreSQL refuses root, so for
// root it is the user postgres or nobody; nil is ourselves.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("read the ids of user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}
