package rest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"

	"slipway"
	"slipway/internal/api/rest"
	"slipway/internal/pb"
)

// A recorder serves every method of the contract and keeps what reached it.
type recorder struct {
	procedure string
	request   proto.Message
}

// newHandler routes the whole contract to rec.
func newHandler(t testing.TB, rec *recorder) http.Handler {
	t.Helper()
	// Errors of the transport are slipway's; package api makes them connect's.
	codes := map[slipway.Kind]connect.Code{slipway.Invalid: connect.CodeInvalidArgument, slipway.Canceled: connect.CodeCanceled}
	server := connect.NewServer(func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			err := next(ctx, spec, stream)
			if code, ok := codes[slipway.KindOf(err)]; ok && err != nil {
				return connect.NewError(code, slipway.MessageOf(err))
			}
			return err
		}
	})
	for _, pkg := range []protoreflect.FullName{"bytebase.v1", "slipway.v1"} {
		protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(f protoreflect.FileDescriptor) bool {
			for i := range f.Services().Len() {
				for j := range f.Services().Get(i).Methods().Len() {
					server.Register(record(rec, f.Services().Get(i).Methods().Get(j)))
				}
			}
			return true
		})
	}
	h, err := rest.New(server, rest.Config{MaxBytes: func(connect.Spec) int { return 1 << 20 }})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func record(rec *recorder, md protoreflect.MethodDescriptor) connect.Method {
	message := func(d protoreflect.MessageDescriptor) proto.Message {
		mt, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
		if err != nil {
			panic(err)
		}
		return mt.New().Interface()
	}
	procedure := "/" + string(md.Parent().FullName()) + "/" + string(md.Name())
	return connect.Method{
		Spec: connect.Spec{Procedure: procedure, Schema: md},
		Handler: func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
			req := message(md.Input())
			if err := stream.Receive(req); err != nil {
				return err
			}
			rec.procedure, rec.request = procedure, req
			return stream.Send(message(md.Output()))
		},
	}
}

func do(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

func TestBinding(t *testing.T) {
	for _, tc := range []struct {
		name              string
		method, url, body string
		procedure         string
		request           string // in JSON
	}{
		{
			"a word beats a variable", "GET", "/v1/users/me", "",
			"/bytebase.v1.UserService/GetCurrentUser", `{}`,
		},
		{
			"a variable of several segments", "GET", "/v1/users/ann@example.com", "",
			"/bytebase.v1.UserService/GetUser", `{"name": "users/ann@example.com"}`,
		},
		{
			"the word's path with another method goes to the variable", "PATCH", "/v1/users/me", `{"title": "Me"}`,
			"/bytebase.v1.UserService/UpdateUser", `{"user": {"name": "users/me", "title": "Me"}}`,
		},
		{
			"an escaped at sign", "GET", "/v1/users/ann%40example.com", "",
			"/bytebase.v1.UserService/GetUser", `{"name": "users/ann@example.com"}`,
		},
		{
			"custom verb at a word", "POST", "/v1/auth:exchangeToken", `{"token": "x.y.z", "email": "e"}`,
			"/bytebase.v1.AuthService/ExchangeToken", `{"token": "x.y.z", "email": "e"}`,
		},
		{
			"custom verb at a variable", "POST", "/v1/projects/shop:undelete", `{}`,
			"/bytebase.v1.ProjectService/UndeleteProject", `{"name": "projects/shop"}`,
		},
		{
			"custom verb after a collection", "POST", "/v1/projects/shop/releases:check", `{"targets": ["instances/pg/databases/a"]}`,
			"/bytebase.v1.ReleaseService/CheckRelease", `{"parent": "projects/shop", "targets": ["instances/pg/databases/a"]}`,
		},
		{
			"a custom verb with GET", "GET", "/v1/projects/shop:getIamPolicy", "",
			"/bytebase.v1.ProjectService/GetIamPolicy", `{"resource": "projects/shop"}`,
		},
		{
			"a colon that is no verb is part of the name", "GET", "/v1/users/urn:ann", "",
			"/bytebase.v1.UserService/GetUser", `{"name": "users/urn:ann"}`,
		},
		{
			"an escaped colon is no verb", "GET", "/v1/projects/shop%3AgetIamPolicy", "",
			"/bytebase.v1.ProjectService/GetProject", `{"name": "projects/shop:getIamPolicy"}`,
		},
		{
			"no body where none is bound", "POST", "/v1/projects/shop/releases/r1:undelete", "",
			"/bytebase.v1.ReleaseService/UndeleteRelease", `{"name": "projects/shop/releases/r1"}`,
		},
		{
			"an empty object where no body is bound", "POST", "/v1/projects/shop/releases/r1:undelete", " {} ",
			"/bytebase.v1.ReleaseService/UndeleteRelease", `{"name": "projects/shop/releases/r1"}`,
		},
		{
			"body in a field, the rest in the query", "POST", "/v1/projects?projectId=shop", `{"title": "Shop"}`,
			"/bytebase.v1.ProjectService/CreateProject", `{"project": {"title": "Shop"}, "projectId": "shop"}`,
		},
		{
			"query in the spelling of the .proto file", "POST", "/v1/projects?project_id=shop", `{}`,
			"/bytebase.v1.ProjectService/CreateProject", `{"project": {}, "projectId": "shop"}`,
		},
		{
			"the path inside the body's field", "PATCH", "/v1/instances/pg/databases/shop_dev?updateMask=project,environment",
			`{"name": "instances/other/databases/other", "project": "projects/shop"}`,
			"/bytebase.v1.DatabaseService/UpdateDatabase",
			`{"database": {"name": "instances/pg/databases/shop_dev", "project": "projects/shop"}, "updateMask": "project,environment"}`,
		},
		{
			"a mask in either spelling", "PATCH", "/v1/workloadIdentities/a@b?update_mask=workloadIdentityConfig,title", `{}`,
			"/bytebase.v1.WorkloadIdentityService/UpdateWorkloadIdentity",
			`{"workloadIdentity": {"name": "workloadIdentities/a@b"}, "updateMask": "workloadIdentityConfig,title"}`,
		},
		{
			"a boolean", "PATCH", "/v1/settings/ENVIRONMENT?allowMissing=true", `{}`,
			"/bytebase.v1.SettingService/UpdateSetting", `{"setting": {"name": "settings/ENVIRONMENT"}, "allowMissing": true}`,
		},
		{
			"an additional binding", "GET", "/v1/workspaces/-/databases?pageSize=3&filter=project+%3D%3D+%22projects/shop%22", "",
			"/bytebase.v1.DatabaseService/ListDatabases", `{"parent": "workspaces/-", "pageSize": 3, "filter": "project == \"projects/shop\""}`,
		},
		{
			"another of the same method", "GET", "/v1/projects/shop/instances/pg/databases", "",
			"/bytebase.v1.DatabaseService/ListDatabases", `{"parent": "projects/shop/instances/pg"}`,
		},
		{
			"an enum by name", "GET", "/v1/instances/pg/databases/a/changelogs?view=CHANGELOG_VIEW_FULL", "",
			"/bytebase.v1.ChangelogService/ListChangelogs", `{"parent": "instances/pg/databases/a", "view": "CHANGELOG_VIEW_FULL"}`,
		},
		{
			"an enum by number", "GET", "/v1/instances/pg/databases/a/changelogs?view=1", "",
			"/bytebase.v1.ChangelogService/ListChangelogs", `{"parent": "instances/pg/databases/a", "view": "CHANGELOG_VIEW_BASIC"}`,
		},
		{
			"an empty body is an empty message", "POST", "/v1/auth/logout", "",
			"/bytebase.v1.AuthService/Logout", `{}`,
		},
		{
			"a deep name", "GET", "/v1/projects/shop/plans/101/rollout/stages/-/tasks/-/taskRuns", "",
			"/bytebase.v1.RolloutService/ListTaskRuns", `{"parent": "projects/shop/plans/101/rollout/stages/-/tasks/-"}`,
		},
		{
			"a service of our own", "GET", "/v1/exchanges/abcd", "",
			"/slipway.v1.ExchangeService/GetExchange", `{"name": "exchanges/abcd"}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var rec recorder
			w := do(newHandler(t, &rec), tc.method, tc.url, tc.body)
			if w.Code != http.StatusOK || rec.procedure != tc.procedure {
				t.Fatalf("%d %s, reached %q, want %q", w.Code, w.Body, rec.procedure, tc.procedure)
			}
			want := rec.request.ProtoReflect().New().Interface()
			if err := protojson.Unmarshal([]byte(tc.request), want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, rec.request, protocmp.Transform()); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// However a slash inside a name is spelt, it reaches no other resource: what
// is captured names the database "../b" of instance pg, or nothing is found.
func TestSlashesInsideNames(t *testing.T) {
	for _, tc := range []struct {
		url  string
		name string // "" is not found
	}{
		{"/v1/instances/pg/databases/a%2Fb", "instances/pg/databases/a%2Fb"},
		{"/v1/instances/pg/databases/a%2fb", "instances/pg/databases/a%2Fb"},
		{"/v1/instances/pg/databases/a%252Fb", "instances/pg/databases/a%2Fb"},
		{"/v1/instances/pg/databases/..%2Fb", "instances/pg/databases/..%2Fb"},
		{"/v1/instances/pg%2Fdatabases%2Fa/databases/b", "instances/pg%2Fdatabases%2Fa/databases/b"},
		{"/v1/instances/pg/databases/100%2525", "instances/pg/databases/100%25"},
		{"/v1/instances/pg/databases/..", "instances/pg/databases/.."},
		{"/v1/instances/pg/databases/x/../a", ""},
		{"/v1/instances/pg//databases/a", ""},
		{"/v1/instances/pg/databases/", ""},
		{"/v1/instances/pg/databases/a/", ""},
		{"/v1/instances%2Fpg/databases/a", ""},
		{"/v1%2Finstances/pg/databases/a", ""},
	} {
		var rec recorder
		w := do(newHandler(t, &rec), http.MethodGet, tc.url, "")
		if tc.name == "" {
			if w.Code != http.StatusNotFound {
				t.Errorf("%s: %d, reached %s, want 404", tc.url, w.Code, rec.procedure)
			}
			continue
		}
		req, ok := rec.request.(*pb.GetDatabaseRequest)
		if !ok || req.GetName() != tc.name {
			t.Errorf("%s: %d %v, want %s", tc.url, w.Code, rec.request, tc.name)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name, method, url, body string
		status, code            int
		message                 string
	}{
		{"no such path", "GET", "/v1/nothing", "", 404, 5, "there is no method at this path"},
		{"another method's path", "PUT", "/v1/projects/shop", "", 405, 12, `this path takes DELETE, GET, PATCH, not "PUT"`},
		{
			"an unknown query field", "GET", "/v1/projects?pagesize=3", "", 400, 3,
			`query: unknown field "pagesize"; the fields are pageSize, pageToken, showDeleted, filter, orderBy`,
		},
		{"a number that is none", "GET", "/v1/projects?pageSize=ten", "", 400, 3, `query: "pageSize": "ten" is not a whole number of 32 bits`},
		{"a number too large", "GET", "/v1/projects?pageSize=99999999999", "", 400, 3, `query: "pageSize": "99999999999" is not a whole number of 32 bits`},
		{"a boolean that is none", "GET", "/v1/projects?showDeleted=yes", "", 400, 3, `query: "showDeleted": "yes" is not true or false`},
		{"a field twice", "GET", "/v1/projects?pageSize=1&pageSize=2", "", 400, 3, `query: "pageSize" stands there 2 times`},
		{"a field of the path", "GET", "/v1/projects/shop?name=projects/other", "", 400, 3, `query: "name" stands in the path or the body of this method`},
		{"a field of the body", "POST", "/v1/projects?project.title=x", "{}", 400, 3, `query: "project.title" stands in the path or the body of this method`},
		{"a query beside a whole body", "POST", "/v1/auth/login?email=a", "{}", 400, 3, `query: "email": this method takes its fields in the body`},
		{"part of a field without parts", "GET", "/v1/projects?filter.x=1", "", 400, 3, `query: "filter.x" leads into a field that has no parts`},
		{
			"an unknown enum value", "GET", "/v1/instances/a/databases/b/changelogs?view=ALL", "", 400, 3,
			`query: "view": "ALL" is not one of CHANGELOG_VIEW_UNSPECIFIED, CHANGELOG_VIEW_BASIC, CHANGELOG_VIEW_FULL`,
		},
		{
			"an unknown body field", "POST", "/v1/projects?projectId=a", `{"titel": "x"}`, 400, 3,
			`unknown field "titel"; the fields here are ` + projectFields,
		},
		{
			"an unknown field in a list", "POST", "/v1/projects/a/releases:check", `{"release": {"files": [{"path": "a"}, {"sql": "b"}]}}`, 400, 3,
			`unknown field "release.files.sql"; the fields here are path, version, sheet, statement, sheetSha256`,
		},
		{
			"a body where none is taken", "POST", "/v1/projects/a/releases/b:undelete", `{"name": "x"}`, 400, 3,
			`this method takes no body; its fields stand in the path and the query`,
		},
		{"a broken query", "GET", "/v1/projects?filter=%zz", "", 400, 3, `query: it is not field=value, joined by & and escaped by percent signs`},
		{"a path that is not UTF-8", "GET", "/v1/projects/%ff", "", 400, 3, `path: name is not valid UTF-8, escaped by percent signs`},
		{"a query that is not UTF-8", "GET", "/v1/projects?filter=%ff", "", 400, 3, `query: "filter": "\xff" is not valid UTF-8`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := do(newHandler(t, &recorder{}), tc.method, tc.url, tc.body)
			var got struct {
				Code    int
				Message string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%d %q: %v", w.Code, w.Body, err)
			}
			if w.Code != tc.status || got.Code != tc.code || got.Message != tc.message {
				t.Errorf("%d, code %d, %q\nwant %d, code %d, %q", w.Code, got.Code, got.Message, tc.status, tc.code, tc.message)
			}
		})
	}
}

const projectFields = "name, state, title, dataClassificationConfigId, issueLabels, forceIssueLabels, enforceIssueTitle, " +
	"postgresDatabaseTenantMode, allowSelfApproval, executionRetryPolicy, ciSamplingSize, parallelTasksPerRollout, labels, " +
	"enforceSqlReview, requireIssueApproval, requirePlanCheckNoError, allowRequestRole, allowJustInTimeAccess, outOfOrder, maxFailuresPerStage"

// What protojson says of a wrong type varies in its spaces and so is not
// compared whole.
func TestWrongTypesAreNamed(t *testing.T) {
	for _, tc := range []struct{ body, want string }{
		{`{"title": 5}`, "title"},
		{`{"parallelTasksPerRollout": "many"}`, "parallelTasksPerRollout"},
		{`{"title": "a", "title": "b"}`, "title"},
		{`{"title": "a"`, "unexpected"},
		{`[]`, "Project"},
	} {
		w := do(newHandler(t, &recorder{}), http.MethodPost, "/v1/projects?projectId=a", tc.body)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), tc.want) {
			t.Errorf("%s: %d %s, want %q named", tc.body, w.Code, w.Body, tc.want)
		}
	}
}

func TestHeaders(t *testing.T) {
	h := newHandler(t, &recorder{})
	w := do(h, http.MethodPut, "/v1/projects/shop", "")
	if got := w.Header().Get("Allow"); got != "DELETE, GET, PATCH" {
		t.Errorf("Allow: %q", got)
	}
	w = do(h, http.MethodGet, "/v1/projects/shop", "")
	want := http.Header{
		"Content-Type":           {"application/json"},
		"Cache-Control":          {"no-store"},
		"X-Content-Type-Options": {"nosniff"},
	}
	if diff := cmp.Diff(want, w.Result().Header); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBodyLimit(t *testing.T) {
	body := `{"title": "` + strings.Repeat("x", 1<<20) + `"}`
	w := do(newHandler(t, &recorder{}), http.MethodPost, "/v1/projects?projectId=a", body)
	if want := "the request is larger than 1 MiB, the most that this method takes"; w.Code != 400 || !strings.Contains(w.Body.String(), want) {
		t.Errorf("%d %s, want %q", w.Code, w.Body, want)
	}
}

// Whatever a stranger sends, the answer is JSON and never the server's fault.
func FuzzServe(f *testing.F) {
	for _, s := range [][3]string{
		{"GET", "/v1/users/me", ""},
		{"GET", "/v1/instances/pg/databases/a%2Fb?x=%ff", ""},
		{"POST", "/v1/auth:exchangeToken", `{"token": "x"}`},
		{"PATCH", "/v1/settings/ENVIRONMENT?allowMissing=true&updateMask=a,b", `{"value": {"environment": {"environments": [{"color": {"alpha": 1}}]}}}`},
		{"POST", "/v1/projects/a/releases:check", `{"release": {"files": [{"statement": "U0VMRUNUIDE="}]}}`},
		{"GET", "/v1/a:b:c", `null`},
		{"POST", "/v1/projects", "\xb4"},
		{"POST", "/v1/a/tasks:batchRun", `{"runTime": "2026-01-01T00:00:00Z"}`},
	} {
		f.Add(s[0], s[1], s[2])
	}
	var rec recorder
	h := newHandler(f, &rec)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		req, err := http.NewRequest(method, "http://host"+target, strings.NewReader(body))
		if err != nil || req.URL.Host != "host" {
			t.Skip("net/http lets no such request in")
		}
		rec.request = nil
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if !json.Valid(w.Body.Bytes()) || w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
		if got, ok := rec.request.(*pb.GetDatabaseRequest); ok && strings.Count(got.GetName(), "/") != strings.Count(req.URL.EscapedPath(), "/")-2 {
			t.Fatalf("%q became %q: a slash was made or lost", req.URL.EscapedPath(), got.GetName())
		}
	})
}
