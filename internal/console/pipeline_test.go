package console_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"slipway/internal/console"
)

// A ciJob is what the tests read of a job in a .gitlab-ci.yml.
type ciJob struct {
	Stage    string
	Script   []string
	IDTokens map[string]map[string]string `yaml:"id_tokens"`
}

// Names that YAML would take for something else must arrive as they are.
func TestPipelineHoldsWhatWasChosen(t *testing.T) {
	for _, tc := range []struct {
		name, project string
		targets       []string
	}{
		{"plain names", "shop", []string{"instances/test/databases/shop", "instances/prod/databases/shop"}},
		{"a truth value", "on", []string{"instances/prod/databases/no"}},
		{"nothing at all", "null", nil},
		{"what YAML minds", "shop", []string{`instances/p/databases/a: b # "c" %2F 'd' ü`}},
	} {
		for flavour, prefix := range map[string]string{"client": "SLIPWAY", "curl": "BYTEBASE"} {
			t.Run(tc.name+", "+flavour, func(t *testing.T) {
				text := console.Pipeline{
					URL: "https://slipway.example.com:8443", Identity: "gitlab-deploy@workload.bytebase.com",
					Audience: "https://gitlab.com", Project: tc.project, Targets: tc.targets, Flavour: flavour,
				}.Text()
				var file struct {
					Variables map[string]any
					Review    ciJob `yaml:"sql-review"`
					Rollout   ciJob
				}
				if err := yaml.Unmarshal([]byte(text), &file); err != nil {
					t.Fatalf("%v in:\n%s", err, text)
				}
				delete(file.Variables, "SLIPWAY_FILE_PATTERN")
				want := map[string]any{
					prefix + "_URL":           "https://slipway.example.com:8443",
					prefix + "_PROJECT":       tc.project,
					prefix + "_TARGETS":       strings.Join(tc.targets, ","),
					"WORKLOAD_IDENTITY_EMAIL": "gitlab-deploy@workload.bytebase.com",
				}
				if diff := cmp.Diff(want, file.Variables); diff != "" {
					t.Errorf("variables (-want +got):\n%s", diff)
				}
				token := map[string]map[string]string{"GITLAB_OIDC_TOKEN": {"aud": "https://gitlab.com"}}
				for stage, job := range map[string]ciJob{"review": file.Review, "deploy": file.Rollout} {
					if diff := cmp.Diff(token, job.IDTokens); diff != "" || job.Stage != stage || len(job.Script) == 0 {
						t.Errorf("the job of stage %s: %+v", stage, job)
					}
				}
			})
		}
	}
}
