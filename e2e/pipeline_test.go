package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

// A ciFile is a .gitlab-ci.yml, as far as a runner of it needs to know.
type ciFile struct {
	stages    []string
	variables map[string]string
	jobs      map[string]ciJob
}

type ciJob struct {
	Stage string
	Rules []struct {
		If      string
		Changes []string
	}
	Variables map[string]string
	IDTokens  map[string]struct{ Aud string } `yaml:"id_tokens"`
	Script    []string
	Artifacts struct{ Reports map[string]string }
}

// readPipelineFile reads the text of a .gitlab-ci.yml. Keys that begin with a
// dot are no jobs.
func readPipelineFile(t *testing.T, text string) ciFile {
	t.Helper()
	var nodes map[string]yaml.Node
	if err := yaml.Unmarshal([]byte(text), &nodes); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	file := ciFile{jobs: map[string]ciJob{}}
	for name, node := range nodes {
		var err error
		switch {
		case name == "stages":
			err = node.Decode(&file.stages)
		case name == "variables":
			err = node.Decode(&file.variables)
		case !strings.HasPrefix(name, "."):
			var job ciJob
			err = node.Decode(&job)
			file.jobs[name] = job
		}
		if err != nil {
			t.Fatalf("%s: %v in:\n%s", name, err, text)
		}
	}
	return file
}

// A happening is what GitLab runs a pipeline for.
type happening struct {
	variables map[string]string // those that rules ask for
	changed   []string          // paths
	token     idtokentest.Job
}

func mergeRequest(branch string, changed ...string) happening {
	return happening{
		map[string]string{"CI_PIPELINE_SOURCE": "merge_request_event", "CI_DEFAULT_BRANCH": "main"},
		changed,
		idtokentest.Job{Project: "my-group/my-project", Ref: branch, Source: "merge_request_event"},
	}
}

func pushToMain(changed ...string) happening {
	return happening{
		map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "main"},
		changed,
		idtokentest.Job{Project: "my-group/my-project"},
	}
}

var comparison = regexp.MustCompile(`^\$(\w+) == (?:"([^"]*)"|\$(\w+))$`)

// wants reports whether a rule of j is for h. It knows the forms that pipelines
// of the console have; another fails the test.
func (j ciJob) wants(t *testing.T, h happening) bool {
	t.Helper()
	for _, rule := range j.Rules {
		m := comparison.FindStringSubmatch(rule.If)
		if m == nil {
			t.Fatalf("the runner of this test does not know the rule %q", rule.If)
		}
		other := m[2]
		if m[3] != "" {
			other = h.variables[m[3]]
		}
		if h.variables[m[1]] != other {
			continue
		}
		if rule.Changes == nil || slices.ContainsFunc(rule.Changes, func(pattern string) bool {
			folder, everything := strings.CutSuffix(pattern, "/**/*")
			if !everything {
				t.Fatalf("the runner of this test does not know the pattern %q", pattern)
			}
			return slices.ContainsFunc(h.changed, func(p string) bool { return strings.HasPrefix(p, folder+"/") })
		}) {
			return true
		}
	}
	return false
}

// runPipeline runs the jobs of a .gitlab-ci.yml that are for h in a repository,
// as a runner does, and returns the name and the output of each that ran, up to
// the first that failed.
func (w *world) runPipeline(t *testing.T, text, repo string, h happening) (map[string]string, error) {
	t.Helper()
	file, outputs := readPipelineFile(t, text), map[string]string{}
	for _, stage := range file.stages {
		for name, job := range file.jobs {
			if job.Stage != stage || !job.wants(t, h) {
				continue
			}
			out, err := w.runJob(t, file, job, repo, h)
			outputs[name] = out
			if err != nil {
				return outputs, fmt.Errorf("%s: %w\n%s", name, err, out)
			}
		}
	}
	return outputs, nil
}

// runJob runs the script of a job in one shell, which stops at the first
// failure. What it promises to report has to be there afterwards.
func (w *world) runJob(t *testing.T, file ciFile, job ciJob, repo string, h happening) (string, error) {
	t.Helper()
	env := []string{
		"PATH=" + servertest.Bin() + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CI=true", "GITLAB_CI=true",
		"CI_PROJECT_DIR=" + repo, "CI_PROJECT_URL=" + w.issuer.URL() + "/my-group/my-project", "CI_COMMIT_SHA=" + commit,
	}
	for name, value := range h.variables {
		env = append(env, name+"="+value)
	}
	for _, variables := range []map[string]string{file.variables, job.Variables} {
		for name, value := range variables {
			env = append(env, name+"="+strings.ReplaceAll(value, "$$", "$"))
		}
	}
	for name, token := range job.IDTokens {
		who := h.token
		who.Audience = token.Aud
		env = append(env, name+"="+w.issuer.Token(t, who))
	}
	cmd := exec.Command("bash", "-eo", "pipefail", "-c", strings.Join(job.Script, "\n"))
	cmd.Dir, cmd.Env = repo, env
	out, err := cmd.CombinedOutput()
	for kind, report := range job.Artifacts.Reports {
		if text, err := os.ReadFile(filepath.Join(repo, report)); err != nil || !strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
			t.Errorf("the job's report %s: %v %.200s", kind, err, text)
		}
	}
	return string(out), err
}

// copyPipeline opens the page of the guide's identity, chooses the flavour, the
// project and its databases, and returns what the button Copy copies.
func (b *tab) copyPipeline(flavour string) string {
	b.t.Helper()
	b.click("Users & Groups")
	b.click("GitLab Deploy")
	b.in("About this identity").click("Pipeline")
	b.in("Flavour").click(flavour)
	b.choose("Project", "My project")
	b.see("instances/prod/databases/mydb")
	marker := map[string]string{"Slipway client": "slipway rollout", "curl and jq": "bytebase-action rollout"}[flavour]
	b.holds(fmt.Sprintf(`document.querySelector("#yaml")?.textContent.includes(%s)`, quoted(marker)), "the file is of the flavour "+flavour)
	evaluate[bool](b, `(() => {
		const write = navigator.clipboard.writeText.bind(navigator.clipboard);
		navigator.clipboard.writeText = (text) => { window.copied = text; return write(text); };
		return true;
	})()`)
	b.click("Copy")
	b.holds("window.copied", "the file is copied")
	return evaluate[string](b, "window.copied")
}
