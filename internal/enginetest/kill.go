package enginetest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/engine"
)

// childVariable marks a process that Main has started to be killed.
const childVariable = "SLIPWAY_ENGINETEST_CHILD"

// An errand is what a child does: lock the database and apply the files.
type errand struct {
	Source   slipway.Source
	Password string // a Secret does not marshal
	Database string
	Files    []errandFile
}

type errandFile struct{ Version, Text string }

// Main runs a test binary's tests, or, in a process that one of them started,
// its errand. Each package that calls Run calls it from TestMain.
func Main(m *testing.M, open func() engine.Engine) {
	text := os.Getenv(childVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	if err := do(context.Background(), open(), text); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("done")
	os.Exit(0)
}

func do(ctx context.Context, e engine.Engine, text string) error {
	var job errand
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return fmt.Errorf("read the errand: %w", err)
	}
	job.Source.Password = slipway.Secret(job.Password)
	s, err := e.Lock(ctx, job.Source, job.Database, engine.Holder{TaskRun: "child", Fence: 1})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close(ctx) }()
	fmt.Println("session", s.ID())
	for _, f := range job.Files {
		if _, err := s.Apply(ctx, revision(f.Version, f.Text), []byte(f.Text), func(l slipway.LogEntry) { fmt.Println(line(l)) }); err != nil {
			return err
		}
	}
	return nil
}

// killAfter starts a child on the files, kills it with SIGKILL when it has
// printed the n-th line of its log or has ended, and returns its session.
func (b *bench) killAfter(n int, files []errandFile) string {
	b.t.Helper()
	job, err := json.Marshal(errand{Source: b.Source, Password: b.Source.Password.Reveal(), Database: b.Name, Files: files})
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(job))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	session := ""
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "session "); ok {
			session = id
		}
		if strings.HasPrefix(lines.Text(), "error ") {
			b.t.Errorf("the child says: %s", lines.Text())
		}
		if n--; n <= 0 {
			break
		}
	}
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()
	if session == "" {
		b.t.Fatal("the child did not name its session")
	}
	return session
}

func testKill(t *testing.T, kit Kit) {
	t.Run("change 4: kill -9 in the middle of a statement", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		b.give(s) // the child needs it
		session := b.killAfter(4, []errandFile{{"2", "INSERT INTO shelf (book) VALUES ('first'); " + kit.Slow + ";"}})
		if err := b.eng.End(t.Context(), b.Source, b.Name, session); err != nil {
			t.Fatalf("end the killed process's session: %v", err)
		}
		b.wantQuery("SELECT count(*) FROM shelf", "0")
		b.apply(b.lock(), "2", "INSERT INTO shelf (book) VALUES ('first');")
		b.wantQuery("SELECT count(*) FROM shelf", "1")
	})

	t.Run("change 1, 3: kill -9 anywhere loses no file and repeats none", func(t *testing.T) {
		b := newBench(t, kit)
		var files []errandFile
		add := func(text string) {
			files = append(files, errandFile{fmt.Sprint(len(files) + 1), text})
		}
		add(shelf)
		for i := range 8 {
			add(fmt.Sprintf("INSERT INTO shelf (book) VALUES ('%d a'); INSERT INTO shelf (book) VALUES ('%[1]d b');", i))
		}
		add("INSERT INTO shelf (book) VALUES ('x'); " + kit.Alone + "; INSERT INTO shelf (book) VALUES ('y');")
		add("INSERT INTO shelf (book) VALUES ('z');")
		for n := 2; n < 62; n += 4 {
			session := b.killAfter(n%13+2, files)
			if err := b.eng.End(t.Context(), b.Source, b.Name, session); err != nil {
				t.Fatal(err)
			}
		}
		s := b.lock()
		for _, f := range files {
			b.apply(s, f.Version, f.Text)
		}
		b.wantVersions("1 2 3 4 5 6 7 8 9 10 11")
		b.wantQuery("SELECT count(*) FROM shelf", "19")
		b.wantQuery("SELECT count(DISTINCT book) FROM shelf", "19")
	})
}
