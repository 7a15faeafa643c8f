package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"slipway/internal/cli"
	"slipway/internal/pb"
)

// A fake answers the client's calls with what a test needs that a real server
// cannot be made to do at will: to be away, to end a token in the middle, to
// fail in a given place. It runs nothing.
type fake struct {
	pb.UnimplementedAuthServiceHandler
	pb.UnimplementedUserServiceHandler
	pb.UnimplementedReleaseServiceHandler
	pb.UnimplementedPlanServiceHandler
	pb.UnimplementedRolloutServiceHandler
	pb.UnimplementedExchangeServiceHandler

	url string

	mu       sync.Mutex
	calls    []string         // methods, in order
	agents   map[string]bool  // User-Agent headers seen
	token    string           // the one that is accepted
	exchange int              // how many ID tokens were exchanged
	endAfter int              // calls after which an exchanged token ends, once
	away     map[string]int   // method → how many calls still find the server away
	refuse   map[string]error // method → its answer
	check    *pb.CheckReleaseResponse
	release  *pb.CreateReleaseRequest
	checked  *pb.CheckReleaseRequest
	stages   []*pb.Stage
	script   map[string][]*pb.TaskRun // target → what its run goes through, a step a look
	runs     map[string]*pb.TaskRun   // by task
	approval pb.ApprovalStatus
	hold     func(stage string) error // asked before tasks run
	onLook   func(n int)              // called at each look at the runs
	looks    int
	canceled []string
}

func serve(t *testing.T) *fake {
	t.Helper()
	f := &fake{
		token: "good", agents: make(map[string]bool), away: make(map[string]int), refuse: make(map[string]error),
		script: make(map[string][]*pb.TaskRun), runs: make(map[string]*pb.TaskRun), check: &pb.CheckReleaseResponse{},
	}
	server := connect.NewServer(f.guard)
	pb.RegisterAuthServiceHandler(server, f)
	pb.RegisterUserServiceHandler(server, f)
	pb.RegisterReleaseServiceHandler(server, f)
	pb.RegisterPlanServiceHandler(server, f)
	pb.RegisterRolloutServiceHandler(server, f)
	pb.RegisterExchangeServiceHandler(server, f)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server)
	h := httptest.NewServer(mux)
	t.Cleanup(h.Close)
	f.url = h.URL
	return f
}

// guard checks the token, counts, and is away when the test says so.
func (f *fake) guard(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		info, _ := connect.CallInfoForServerContext(ctx)
		method := spec.Procedure[strings.LastIndexByte(spec.Procedure, '/')+1:]
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls = append(f.calls, method)
		f.agents[info.RequestHeader().Get("User-Agent")] = true
		if f.away[method] > 0 {
			f.away[method]--
			return connect.NewError(connect.CodeUnavailable, "the store is away")
		}
		if err := f.refuse[method]; err != nil {
			return err
		}
		if method != "ExchangeToken" && method != "Login" {
			if info.RequestHeader().Get("Authorization") != "Bearer "+f.token {
				return connect.NewError(connect.CodeUnauthenticated, "the access token is not valid")
			}
			if f.endAfter > 0 {
				if f.endAfter--; f.endAfter == 0 {
					f.token = "ended"
				}
			}
		}
		return next(ctx, spec, stream)
	}
}

func (f *fake) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if c == method {
			n++
		}
	}
	return n
}

func (f *fake) ExchangeToken(_ context.Context, req *pb.ExchangeTokenRequest) (*pb.ExchangeTokenResponse, error) {
	if req.GetToken() != "id-token" {
		return nil, connect.NewError(connect.CodeUnauthenticated, "the ID token was refused (reference ABC234)")
	}
	f.exchange++
	f.token = fmt.Sprintf("exchanged-%d", f.exchange)
	return &pb.ExchangeTokenResponse{AccessToken: f.token, ExpireTime: &timestamppb.Timestamp{Seconds: 1795375351}}, nil
}

func (f *fake) Login(_ context.Context, req *pb.LoginRequest) (*pb.LoginResponse, error) {
	if req.GetPassword() != "secret-word" {
		return nil, connect.NewError(connect.CodeUnauthenticated, "invalid email or password")
	}
	return &pb.LoginResponse{Token: f.token}, nil
}

func (f *fake) GetCurrentUser(context.Context, *emptypb.Empty) (*pb.User, error) {
	return &pb.User{Email: "gitlab-deploy@workload.bytebase.com", Title: "GitLab\x1b[2J Deploy"}, nil
}

func (f *fake) CheckRelease(_ context.Context, req *pb.CheckReleaseRequest) (*pb.CheckReleaseResponse, error) {
	f.checked = req
	return f.check, nil
}

func (f *fake) CreateRelease(_ context.Context, req *pb.CreateReleaseRequest) (*pb.Release, error) {
	f.release = req
	return &pb.Release{Name: req.GetParent() + "/releases/release_20261122-RC00", Files: req.GetRelease().GetFiles()}, nil
}

func (f *fake) plan(specs []*pb.Plan_Spec) *pb.Plan {
	return &pb.Plan{Name: "projects/shop/plans/101", Title: "release_20261122-RC00", Specs: specs, ApprovalStatus: f.approval}
}

func (f *fake) CreatePlan(_ context.Context, req *pb.CreatePlanRequest) (*pb.Plan, error) {
	return f.plan(req.GetPlan().GetSpecs()), nil
}

func (f *fake) GetPlan(context.Context, *pb.GetPlanRequest) (*pb.Plan, error) {
	return f.plan(nil), nil
}

func (f *fake) rollout() *pb.Rollout {
	return &pb.Rollout{Name: "projects/shop/plans/101/rollout", Stages: f.stages}
}

func (f *fake) CreateRollout(context.Context, *pb.CreateRolloutRequest) (*pb.Rollout, error) {
	return f.rollout(), nil
}

func (f *fake) GetRollout(context.Context, *pb.GetRolloutRequest) (*pb.Rollout, error) {
	return f.rollout(), nil
}

// stage adds a stage with a task for each target, all in the given status.
func (f *fake) stage(id string, status pb.Task_Status, targets ...string) {
	name := "projects/shop/plans/101/rollout/stages/" + id
	st := &pb.Stage{Name: name, Id: id, Environment: "environments/" + id}
	for _, target := range targets {
		st.Tasks = append(st.Tasks, &pb.Task{
			Name: fmt.Sprintf("%s/tasks/%d", name, 100*len(f.stages)+len(st.Tasks)+101), Target: target, Status: status,
		})
	}
	f.stages = append(f.stages, st)
}

func (f *fake) task(match func(*pb.Task) bool) *pb.Task {
	for _, st := range f.stages {
		for _, task := range st.GetTasks() {
			if match(task) {
				return task
			}
		}
	}
	return nil
}

func (f *fake) BatchRunTasks(_ context.Context, req *pb.BatchRunTasksRequest) (*pb.BatchRunTasksResponse, error) {
	if f.hold != nil {
		if err := f.hold(req.GetParent()); err != nil {
			return nil, err
		}
	}
	for _, name := range req.GetTasks() {
		f.task(func(task *pb.Task) bool { return task.GetName() == name }).Status = pb.Task_PENDING
		f.runs[name] = &pb.TaskRun{Name: name + "/taskRuns/9", Status: pb.TaskRun_PENDING}
	}
	return &pb.BatchRunTasksResponse{}, nil
}

// ListTaskRuns moves each active run of the stage one step along its script,
// which ends with DONE; a test that gives none gets that at once.
func (f *fake) ListTaskRuns(_ context.Context, req *pb.ListTaskRunsRequest) (*pb.ListTaskRunsResponse, error) {
	f.looks++
	if f.onLook != nil {
		f.onLook(f.looks)
	}
	answer := &pb.ListTaskRunsResponse{}
	for _, st := range f.stages {
		for _, task := range st.GetTasks() {
			if run := f.runs[task.GetName()]; run != nil && st.GetName()+"/tasks/-" == req.GetParent() {
				answer.TaskRuns = append(answer.TaskRuns, f.step(task, run))
			}
		}
	}
	return answer, nil
}

func (f *fake) step(task *pb.Task, run *pb.TaskRun) *pb.TaskRun {
	if task.GetStatus() != pb.Task_PENDING && task.GetStatus() != pb.Task_RUNNING || slices.Contains(f.canceled, run.GetName()) {
		return run
	}
	next := &pb.TaskRun{Status: pb.TaskRun_DONE, FilesDone: 1, FilesTotal: 1}
	if steps := f.script[task.GetTarget()]; len(steps) > 0 {
		next, f.script[task.GetTarget()] = steps[0], steps[1:]
	}
	next.Name = run.GetName()
	f.runs[task.GetName()] = next
	task.Status = pb.Task_Status(pb.Task_Status_value[next.GetStatus().String()])
	return next
}

func (f *fake) GetTaskRunLog(context.Context, *pb.GetTaskRunLogRequest) (*pb.TaskRunLog, error) {
	return &pb.TaskRunLog{Entries: []*pb.TaskRunLogEntry{{CommandExecute: &pb.TaskRunLogEntry_CommandExecute{
		Response: &pb.TaskRunLogEntry_CommandExecute_CommandResponse{AllAffectedRows: []int64{2, 40}},
	}}}}, nil
}

func (f *fake) BatchCancelTaskRuns(_ context.Context, req *pb.BatchCancelTaskRunsRequest) (*pb.BatchCancelTaskRunsResponse, error) {
	f.canceled = append(f.canceled, req.GetTaskRuns()...)
	f.task(func(task *pb.Task) bool { return task.GetName() == req.GetParent() }).Status = pb.Task_CANCELED
	f.runs[req.GetParent()].Status = pb.TaskRun_CANCELED
	return &pb.BatchCancelTaskRunsResponse{}, nil
}

// A result is how a run of the client ended.
type result struct {
	code           int
	stdout, stderr string
}

// A folder is a checkout with migration files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs the client with args[0] as the name it is called by.
func run(t *testing.T, dir string, env map[string]string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Main(cli.Program{
		Args: args, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: dir,
		Getenv: func(name string) string { return env[name] }, Version: "1.2.3", Commit: "abc",
	})
	return result{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

// want reports when a run did not end with code, or did not say each of words
// on either stream.
func (r result) want(t *testing.T, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.code, code, r.stdout, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stdout+r.stderr, w) {
			t.Errorf("nothing said %q\nstdout:\n%s\nstderr:\n%s", w, r.stdout, r.stderr)
		}
	}
}
