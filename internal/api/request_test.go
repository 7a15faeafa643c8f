package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"slipway"
	"slipway/internal/api"
	"slipway/internal/pb"
)

func TestFilter(t *testing.T) {
	for _, tc := range []struct{ filter, want string }{
		{``, ``},
		{`  `, ``},
		{`name == "shop"`, `name[] == "shop"`},
		{`name.matches("sh.p")`, `name[] matches "sh.p"`},
		{`name.contains("x") && assigned == true && assigned == false`, `name[] contains "x"; assigned[] == true; assigned[] == false`},
		{`engine in ["POSTGRES", "SQLITE"]`, `engine[] in ["POSTGRES" "SQLITE"]`},
		{`labels["env"] == "prod" && labels.team == "a"`, `labels[env] == "prod"; labels[team] == "a"`},
		{`create_time >= "2026-11-22T01:00:00+01:00"`, `create_time[] >= 2026-11-22 00:00:00 +0000 UTC`},
		{`create_time <= timestamp("2026-11-22T00:00:00Z")`, `create_time[] <= 2026-11-22 00:00:00 +0000 UTC`},
		{`(name == "a" && (engine == "SQLITE"))`, `name[] == "a"; engine[] == "SQLITE"`},
	} {
		if got, err := api.FilterTerms(tc.filter); err != nil || got != tc.want {
			t.Errorf("%s: %s, %v; want %s", tc.filter, got, err, tc.want)
		}
	}
}

// No condition is passed over: what cannot be kept is refused.
func TestFilterRefusals(t *testing.T) {
	const grammar = `filter: it is comparisons joined by &&: field == value, field in [values], field.matches(text), field.contains(text), field >= time, field <= time`
	for _, tc := range []struct{ filter, want string }{
		{`nmae == "shop"`, `filter: there is no field "nmae" to filter by; these are: assigned, create_time, engine, labels, name`},
		{`name.x == "shop"`, `filter: there is no field "name" to filter by; these are: assigned, create_time, engine, labels, name`},
		{`labels == "shop"`, `filter: there is no field "labels" to filter by; these are: assigned, create_time, engine, labels, name`},
		{`"shop" == name`, `filter: there is no field "" to filter by; these are: assigned, create_time, engine, labels, name`},
		{`name in ["a"]`, `filter: name cannot be compared with in; these can be used: ==, matches, contains`},
		{`create_time == "2026-11-22T00:00:00Z"`, `filter: create_time cannot be compared with ==; these can be used: >=, <=`},
		{`create_time >= "yesterday"`, `filter: create_time >=: what follows must be a time, as in "2026-11-22T19:36:28Z"`},
		{`name == 5`, `filter: name ==: what follows must be a text in quotes`},
		{`name == other`, `filter: name ==: what follows must be a text in quotes`},
		{`assigned == "true"`, `filter: assigned ==: what follows must be true or false`},
		{`engine in []`, `filter: engine in: what follows must be a list of texts, as in ["a", "b"]`},
		{`engine in ["a", 5]`, `filter: engine in: what follows must be a list of texts, as in ["a", "b"]`},
		{`name == "a" || name == "b"`, grammar},
		{`!(name == "a")`, grammar},
		{`name != "a"`, grammar},
		{`name`, grammar},
		{`assigned`, grammar},
		{`name.startsWith("a")`, grammar},
		{strings.Repeat(" ", 2048) + `name == "a"`, `filter: it has 2059 bytes; 2048 is the most`},
	} {
		_, err := api.FilterTerms(tc.filter)
		if got := fmt.Sprint(err); got != tc.want || slipway.KindOf(err) != slipway.Invalid {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.filter, got, tc.want)
		}
	}
	for _, broken := range []string{`name ==`, `name == "a`, strings.Repeat("(", 200) + "name" + strings.Repeat(")", 200)} {
		if _, err := api.FilterTerms(broken); slipway.KindOf(err) != slipway.Invalid || !strings.HasPrefix(err.Error(), "filter: ") {
			t.Errorf("%s: %v, want an Invalid that says filter", broken, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`name == "a" && labels["x"] == "y"`)
	f.Add(`create_time >= timestamp("2026-11-22T00:00:00Z")`)
	f.Add(`[1, 2, {}].map(x, x) in engine`)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := api.FilterTerms(text); err != nil && slipway.KindOf(err) != slipway.Invalid {
			t.Errorf("%q: %v is nobody's fault", text, err)
		}
	})
}

func TestPageTokens(t *testing.T) {
	req := &pb.ListDatabasesRequest{Parent: "projects/shop", PageSize: 20, Filter: `engine == "SQLITE"`}
	req.PageToken = api.PageToken(req, "instances/a/databases/b")
	page, err := api.PageOf(req)
	if diff := cmp.Diff(slipway.Page{Size: 20, After: "instances/a/databases/b"}, page); err != nil || diff != "" {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	if got := api.PageToken(req, ""); got != "" {
		t.Errorf("the end of the list has token %q", got)
	}

	token := req.PageToken
	for _, tc := range []struct {
		name string
		req  *pb.ListDatabasesRequest
		good bool
	}{
		{"another size", &pb.ListDatabasesRequest{Parent: "projects/shop", PageSize: 5, Filter: `engine == "SQLITE"`, PageToken: token}, true},
		{"another filter", &pb.ListDatabasesRequest{Parent: "projects/shop", PageToken: token}, false},
		{"another parent", &pb.ListDatabasesRequest{Parent: "projects/other", Filter: `engine == "SQLITE"`, PageToken: token}, false},
		{"cut", &pb.ListDatabasesRequest{Parent: "projects/shop", Filter: `engine == "SQLITE"`, PageToken: token[:8]}, false},
		{"made up", &pb.ListDatabasesRequest{Parent: "projects/shop", Filter: `engine == "SQLITE"`, PageToken: "2"}, false},
		{"too long", &pb.ListDatabasesRequest{Parent: "projects/shop", Filter: `engine == "SQLITE"`, PageToken: token + strings.Repeat("A", 1<<20)}, false},
	} {
		_, err := api.PageOf(tc.req)
		if (err == nil) != tc.good || err != nil && (slipway.KindOf(err) != slipway.Invalid || !strings.Contains(err.Error(), "page_token")) {
			t.Errorf("%s: %v, want good %v", tc.name, err, tc.good)
		}
	}
	other := &pb.ListProjectsRequest{PageToken: api.PageToken(&pb.ListUsersRequest{}, "a@example.com")}
	if _, err := api.PageOf(other); err == nil {
		t.Error("a token of ListUsers is good for ListProjects")
	}
}

func TestPageSizes(t *testing.T) {
	for _, tc := range []struct {
		asked int32
		want  int
	}{{0, 10}, {1, 1}, {1000, 1000}, {5000, 1000}} {
		page, err := api.PageOf(&pb.ListProjectsRequest{PageSize: tc.asked})
		if err != nil || page.Size != tc.want {
			t.Errorf("page_size %d: %d, %v; want %d", tc.asked, page.Size, err, tc.want)
		}
	}
	_, err := api.PageOf(&pb.ListProjectsRequest{PageSize: -1})
	if got, want := fmt.Sprint(err), "page_size -1: it is 1 to 1000, or 0 for 10"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMask(t *testing.T) {
	identity := &pb.WorkloadIdentity{
		Name: "workloadIdentities/a", Title: "A",
		WorkloadIdentityConfig: &pb.WorkloadIdentityConfig{IssuerUrl: "https://gitlab.com"},
	}
	may := []string{"title", "workload_identity_config", "workload_identity_config.issuer_url", "workload_identity_config.subject_pattern"}
	for _, tc := range []struct {
		name  string
		paths []string
		want  []string
		err   string
	}{
		{"no mask is what is set", nil, []string{"title", "workload_identity_config", "workload_identity_config.issuer_url"}, ""},
		{"everything", []string{"*"}, may, ""},
		{"as in JSON", []string{"workloadIdentityConfig.issuerUrl"}, []string{"workload_identity_config.issuer_url"}, ""},
		{"twice is once", []string{"title", "title"}, []string{"title"}, ""},
		{
			"a field that must not change",
			[]string{"title", "email"},
			nil,
			`update_mask: "email" is not a field that can be changed here; these are: title, workload_identity_config, workload_identity_config.issuer_url, workload_identity_config.subject_pattern`,
		},
		{
			"no field at all",
			[]string{"titel"},
			nil,
			`update_mask: "titel" is not a field that can be changed here; these are: title, workload_identity_config, workload_identity_config.issuer_url, workload_identity_config.subject_pattern`,
		},
	} {
		got, err := api.MaskOf(&fieldmaskpb.FieldMask{Paths: tc.paths}, identity, may...)
		if diff := cmp.Diff(tc.want, []string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		if (err == nil) != (tc.err == "") || err != nil && err.Error() != tc.err {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.err)
		}
	}
}

// Every kind of failure has a code of its own.
func TestCodes(t *testing.T) {
	taken := map[any]slipway.Kind{}
	for _, kind := range slipway.Kinds {
		code, ok := api.Codes[kind]
		if !ok {
			t.Errorf("kind %d has no code", kind)
		}
		if other, ok := taken[code]; ok {
			t.Errorf("kinds %d and %d are both %s", kind, other, code)
		}
		taken[code] = kind
	}
	if len(api.Codes) != len(slipway.Kinds) {
		t.Errorf("%d codes for %d kinds", len(api.Codes), len(slipway.Kinds))
	}
}
