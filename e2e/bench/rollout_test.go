package bench_test

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/internal/dbtest"
)

// lines are n files of one line each; what stands in every name.
func lines(n int, what string) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%04d_%s.sql", i+1, what)] = fmt.Sprintf("INSERT INTO bench (id, name) VALUES (%d, '%s');\n", i, what)
	}
	return files
}

const benchTable = "CREATE TABLE bench (id int, name text)"

// psql runs every file of a folder in one session, each in a transaction of its
// own, and returns how long that took.
func psql(t testing.TB, port string, db dbtest.Database, dir string) time.Duration {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	slices.Sort(files)
	args := []string{"-X", "-q", "-v", "ON_ERROR_STOP=1"}
	for _, f := range files {
		args = append(args, "-f", f)
	}
	cmd := exec.Command("psql", args...)
	cmd.Env = psqlEnv(db, port)
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%.2000s", err, out)
	}
	return time.Since(begin)
}

func psqlEnv(db dbtest.Database, port string) []string {
	return []string{
		"PGHOST=" + db.Source.Host, "PGPORT=" + port, "PGUSER=" + db.Source.Username,
		"PGPASSWORD=" + db.Source.Password.Reveal(), "PGDATABASE=" + db.Name,
	}
}

func measureRollout(t *testing.T, r *report) {
	s := r.section("Rollout of many small files", rolloutText)
	s.columns("what", "Slipway, whole command", "of it the server's run", "psql, one session", "ratio of the runs (goal at most 1.5)", "round trips per file (goal: one)", "psql's")
	site := newSite(t)

	ours, theirs := dbtest.Durable(t), dbtest.Durable(t)
	for _, db := range []dbtest.Database{ours, theirs} {
		dbtest.Exec(t, db.URL, benchTable)
	}
	dir := site.files(lines(1000, "near"))
	peer := psql(t, theirs.Source.Port, theirs, dir)
	command, run := site.rollout(dir, "near", site.adopt("near", ours.Source.Port, ours, ours.Name), 1000)
	s.row("1,000 files, server next door", command, run, peer, atMost(float64(run)/float64(peer), 1.5), "", "")

	const files = 200
	ours, theirs = dbtest.Durable(t), dbtest.Durable(t)
	for _, db := range []dbtest.Database{ours, theirs} {
		dbtest.Exec(t, db.URL, benchTable)
	}
	dir = site.files(lines(files, "far"))
	far := newProxy(t, net.JoinHostPort(ours.Source.Host, ours.Source.Port), 20*time.Millisecond)
	peer = psql(t, far.port(), theirs, dir)
	peerTrips := far.trips.Load()
	target := site.adopt("far", far.port(), ours, ours.Name)
	before := far.trips.Load()
	command, run = site.rollout(dir, "far", target, files)
	trips := far.trips.Load() - before
	s.row(thousands(files)+" files, a round trip of 20 ms", command, run, peer, atMost(float64(run)/float64(peer), 1.5),
		fmt.Sprintf("%.2f", float64(trips)/files)+verdict(float64(trips)/files < 1.5), fmt.Sprintf("%.2f", float64(peerTrips)/files))
}

// rollout rolls a folder out by the client and returns how long the command took
// and how long the longest task run did, from its start to its end.
func (s *site) rollout(dir, what string, targets []string, files int) (command, run time.Duration) {
	s.t.Helper()
	out, command := s.client(dir, "rollout", "--file-pattern", "*.sql", "--targets", strings.Join(targets, ","))
	if !strings.Contains(out, "done") {
		s.t.Fatalf("rollout of %s says:\n%.3000s", what, out)
	}
	return command, s.longestRun(out)
}

// longestRun reads the task runs of the rollout that a client's output names.
func (s *site) longestRun(out string) time.Duration {
	s.t.Helper()
	_, name, _ := strings.Cut(out, "rollout projects/")
	name, _, _ = strings.Cut("projects/"+name, ":")
	var got struct {
		TaskRuns []struct {
			Status                string
			StartTime, UpdateTime time.Time
		}
	}
	s.admin("GET", "/v1/"+name+"/stages/-/tasks/-/taskRuns", nil, &got)
	var longest time.Duration
	for _, r := range got.TaskRuns {
		if r.Status != "DONE" {
			s.t.Errorf("a run of %s is %s", name, r.Status)
		}
		longest = max(longest, r.UpdateTime.Sub(r.StartTime))
	}
	if longest == 0 {
		s.t.Fatalf("%s has no runs", name)
	}
	return longest
}
