package cli_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/pb"
)

func TestFailureShowsTheStatement(t *testing.T) {
	long := "INSERT INTO t VALUES (" + strings.Repeat("1, ", 200) + "oops)"
	big := strings.Repeat("-- filler\n", 5) + "INSERT INTO t\n" + strings.Repeat("  (1),\n", 40) + "  (x);\n"
	for _, tc := range []struct {
		name    string
		text    string // of the file; "" where the client doesn't have it
		failure *pb.TaskRunFailure
		want    string
	}{
		{
			"a wide character takes two columns", "SELECT '日本', x;\n",
			&pb.TaskRunFailure{Line: 1, Column: 14, Statement: "SELECT '…', x", Message: "no column x", Code: "42703"},
			"1 | SELECT '日本', x;\n  |                ^\nno column x (42703)\n",
		},
		{
			"without a column there is no caret", "SELECT 1;\nSELECT\n  2;\n",
			&pb.TaskRunFailure{Line: 2, Statement: "SELECT\n  2", Message: "canceled"},
			"2 | SELECT\n3 |   2;\ncanceled\n",
		},
		{
			"the server tells it without its constants", "SELECT 1;\nSELECT 'a', -- b\n  'c',\n  x;\nSELECT 2;\n",
			&pb.TaskRunFailure{Line: 4, Column: 3, Statement: "SELECT '…',\n  '…',\n  x", Message: "no column x"},
			"2 | SELECT 'a', -- b\n3 |   'c',\n4 |   x;\n  |   ^\nno column x\n",
		},
		{
			"the same statement twice: the one at the line", "SELECT 1;\n\nSELECT 1;\n",
			&pb.TaskRunFailure{Line: 3, Column: 8, Statement: "SELECT 1", Message: "no"},
			"3 | SELECT 1;\n  |        ^\nno\n",
		},
		{
			"a long statement is cut around the place", big,
			&pb.TaskRunFailure{Line: 46, Column: 4, Statement: "INSERT INTO t\n  (1),", Message: "column \"x\" does not exist\nHINT: quote it"},
			"46 |   (1),\n   |    ^\ncolumn \"x\" does not exist\nHINT: quote it\n",
		},
		{
			"a long line is cut around the place", long + ";\n",
			&pb.TaskRunFailure{Line: 1, Column: 623, Statement: long, Message: "no"},
			"1 | …" + long[len(long)-158:] + ";\n  | " + strings.Repeat(" ", 154) + "^\nno\n",
		},
		{
			"without the file, as the server sent it", "",
			&pb.TaskRunFailure{Line: 9, Column: 3, Statement: "a b c", Message: "no"},
			"| a b c\n|   ^\nno\n",
		},
		{
			"a line behind the end of the file", "SELECT 1;\n",
			&pb.TaskRunFailure{Line: 99, Statement: "SELECT 2", Message: "no", Code: "1"},
			"no (1)\n",
		},
		{
			"no words from the database", "SELECT 1;\n", &pb.TaskRunFailure{}, "the database gave no reason\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := serve(t)
			f.stage("test", pb.Task_NOT_STARTED, testDB)
			tc.failure.Path = "m/1.sql"
			files := map[string]string{"m/1.sql": tc.text}
			if tc.text == "" {
				files["m/1.sql"], tc.failure.Path = "SELECT 1", "elsewhere/1.sql"
			}
			f.script[testDB] = []*pb.TaskRun{{Status: pb.TaskRun_FAILED, Failure: tc.failure}}
			r := run(t, folder(t, files), nil, "slipway", "rollout", "--url", f.url, "--token", "good",
				"--project", "shop", "--targets", testDB, "--file-pattern", "m/*.sql")
			r.want(t, 1)
			_, said, _ := strings.Cut(r.stderr, "\n")
			said, _, _ = strings.Cut(said, "  log: ")
			var got strings.Builder
			for l := range strings.Lines(said) {
				got.WriteString(strings.TrimPrefix(l, "  "))
			}
			if diff := cmp.Diff(tc.want, got.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
