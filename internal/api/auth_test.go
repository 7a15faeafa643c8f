package api_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/api"
	"slipway/internal/gate"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
	"slipway/internal/signer"
	"slipway/internal/store"
)

// A front is the API over a real access.Service and store, with a GitLab.
type front struct {
	t      *testing.T
	url    string
	st     *store.Store
	access *access.Service
	gitlab *idtokentest.Issuer
	admin  string // bearer token
}

const password = "correct horse battery"

func newFront(t *testing.T, cfg access.Config) *front {
	t.Helper()
	lg := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	st, err := store.Open(t.Context(), lg, store.Config{Dir: t.TempDir(), Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &front{t: t, st: st, gitlab: idtokentest.New(t, nil)}
	verifier := idtoken.New(lg, idtoken.Config{PrivateIssuers: []string{f.gitlab.URL()}, RootCAs: f.gitlab.Roots()})
	f.access, err = access.New(lg, st, gate.New(lg, st, nil), verifier, signer.New(storedKeys{st}, nil), cfg)
	if err != nil {
		t.Fatal(err)
	}
	h, err := api.New(lg, api.Deps{Authenticator: f.access, Access: f.access}, api.Config{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

// newAdminFront is a front with an administrator signed in.
func newAdminFront(t *testing.T) *front {
	t.Helper()
	f := newFront(t, access.Config{AdminEmail: "admin@example.com", AdminPassword: password})
	if _, _, err := f.access.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := f.do("POST", "/v1/auth/login", "", `{"email":"admin@example.com","password":"`+password+`"}`, 200)
	f.admin = got["token"].(string)
	return f
}

type storedKeys struct{ st *store.Store }

func (k storedKeys) SigningKeys(ctx context.Context) ([]signer.Key, error) {
	list, err := k.st.SigningKeys(ctx)
	var out []signer.Key
	for _, key := range list {
		out = append(out, signer.Key(key))
	}
	return out, err
}

func (k storedKeys) AddSigningKey(ctx context.Context, key signer.Key) error {
	return k.st.Update(ctx, func(tx *store.Tx) error { return tx.AddSigningKey(ctx, store.SigningKey(key)) })
}

func (k storedKeys) DropSigningKeys(ctx context.Context, before time.Time) error {
	return k.st.Update(ctx, func(tx *store.Tx) error { return tx.DropSigningKeys(ctx, before) })
}

// do sends a request and returns the answer, which must have the status.
func (f *front) do(method, path, token, body string, status int) map[string]any {
	f.t.Helper()
	got, _ := f.ask(method, path, token, body, status)
	return got
}

func (f *front) ask(method, path, token, body string, status int) (map[string]any, http.Header) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil || resp.StatusCode != status {
		f.t.Fatalf("%s %s answered %d %s, want status %d", method, path, resp.StatusCode, raw, status)
	}
	return got, resp.Header
}

// same compares an answer with a transcript, in which "<…>" stands for any text.
func same(t *testing.T, what, want string, got map[string]any) {
	t.Helper()
	var wanted map[string]any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	any := cmp.FilterValues(func(a, b string) bool { return a == "<…>" || b == "<…>" }, cmp.Comparer(func(a, b string) bool { return a != "" && b != "" }))
	if diff := cmp.Diff(wanted, got, any); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestSignInTranscripts(t *testing.T) {
	f := newAdminFront(t)
	got, header := f.ask("POST", "/v1/auth/login", "", `{"email":"admin@example.com","password":"`+password+`"}`, 200)
	user := `{"name":"users/admin@example.com","state":"ACTIVE","email":"admin@example.com","title":"Admin",
		"profile":{"lastLoginTime":"<…>","lastChangePasswordTime":"<…>"},"workspace":"workspaces/default"}`
	same(t, "login", `{"token":"<…>","user":`+user+`}`, got)
	if header.Get("Cache-Control") != "no-store" {
		t.Error("an answer with a credential may be cached")
	}
	token := got["token"].(string)
	same(t, "users/me", user, f.do("GET", "/v1/users/me", token, "", 200))
	same(t, "wrong password", `{"code":16,"message":"invalid email or password","status":"<…>"}`, optional(f.do("POST", "/v1/auth/login", "", `{"email":"admin@example.com","password":"nope"}`, 401)))
	same(t, "a workload as a person", `{"code":3,"message":"email for end users cannot end with workload.bytebase.com","status":"<…>"}`,
		optional(f.do("GET", "/v1/users/gitlab-shop@workload.bytebase.com", token, "", 400)))
	same(t, "no credential", `{"code":16,"message":"access token not found","status":"<…>"}`, optional(f.do("GET", "/v1/users/me", "", "", 401)))
	f.do("POST", "/v1/auth/logout", token, `{}`, 200)
	f.do("GET", "/v1/users/me", token, "", 401)
	f.do("POST", "/v1/auth/login", "", `{"email":"a@example.com","password":"x","idpName":"idps/x"}`, 501)
}

// optional fills in what an error's body may have beside code and message.
func optional(body map[string]any) map[string]any {
	if body["status"] == nil {
		body["status"] = "-"
	}
	delete(body, "details")
	return body
}

func TestSignupTakesTheSetupToken(t *testing.T) {
	f := newFront(t, access.Config{})
	token, needed, err := f.access.Setup(t.Context())
	if err != nil || !needed {
		t.Fatalf("Setup: needed %t, %v", needed, err)
	}
	body := `{"email":"first@example.com","password":"` + password + `","title":"First"}`
	f.do("POST", "/v1/auth/signup", "", body, 401)
	f.do("POST", "/v1/auth/signup", "slpu_guess", body, 401)
	got := f.do("POST", "/v1/auth/signup", token, body, 200)
	me := f.do("GET", "/v1/users/me", got["token"].(string), "", 200)
	if me["title"] != "First" {
		t.Errorf("signed up as %v", me)
	}
	f.do("POST", "/v1/auth/signup", token, strings.ReplaceAll(body, "first", "second"), 403)
}

func TestTooManyTries(t *testing.T) {
	f := newFront(t, access.Config{SignIn: access.Rate{Burst: 1, PerSecond: 0.1}, Exchange: access.Rate{Burst: 1, PerSecond: 0.1}})
	f.do("POST", "/v1/auth/login", "", `{"email":"a@example.com","password":"x"}`, 401)
	_, header := f.ask("POST", "/v1/auth/login", "", `{"email":"a@example.com","password":"x"}`, 429)
	if s := header.Get("Retry-After"); s != "10" && s != "9" {
		t.Errorf("Retry-After %q of a sign-in, want 10", s)
	}
	f.do("POST", "/v1/auth:exchangeToken", "", `{"email":"a@workload.bytebase.com","token":"x"}`, 401)
	_, header = f.ask("POST", "/v1/auth:exchangeToken", "", `{"email":"a@workload.bytebase.com","token":"x"}`, 429)
	if s := header.Get("Retry-After"); s != "10" && s != "9" {
		t.Errorf("Retry-After %q of an exchange, want 10", s)
	}
}

// identity is the request and the answer of the transcripts, with f's issuer.
func (f *front) identity(title string) string {
	return strings.NewReplacer("ISSUER", f.gitlab.URL(), "TITLE", title).Replace(`{"title":"TITLE","workloadIdentityConfig":{"providerType":"GITLAB",
		"issuerUrl":"ISSUER","allowedAudiences":["https://bytebase.example.test"],
		"subjectPattern":"project_path:acme/shop:ref_type:branch:ref:main"}}`)
}

func (f *front) answered(title string) string {
	more := `{"name":"workloadIdentities/gitlab-shop@workload.bytebase.com","state":"ACTIVE","email":"gitlab-shop@workload.bytebase.com","createTime":"<…>",`
	return more + strings.TrimPrefix(f.identity(title), "{")
}

func TestIdentityAndExchangeTranscripts(t *testing.T) {
	f := newAdminFront(t)
	const name = "/v1/workloadIdentities/gitlab-shop@workload.bytebase.com"
	const create = "/v1/workspaces/-/workloadIdentities?workloadIdentityId=gitlab-shop"
	same(t, "create", f.answered("GitLab shop"), f.do("POST", create, f.admin, f.identity("GitLab shop"), 200))
	same(t, "create again", `{"code":6,"message":"workload identity with email \"gitlab-shop@workload.bytebase.com\" already exists","status":"<…>"}`,
		optional(f.do("POST", create, f.admin, `{"title":"dup"}`, 409)))
	list := f.do("GET", "/v1/workspaces/-/workloadIdentities?pageSize=100", f.admin, "", 200)
	same(t, "list", `{"workloadIdentities":[`+f.answered("GitLab shop")+`]}`, list)
	same(t, "title", f.answered("GitLab shop CI"), f.do("PATCH", name+"?updateMask=title", f.admin, `{"title":"GitLab shop CI"}`, 200))

	exchange := func(job idtokentest.Job, email string, status int) map[string]any {
		job.Audience = "https://bytebase.example.test"
		return f.do("POST", "/v1/auth:exchangeToken", "", `{"token":"`+f.gitlab.Token(t, job)+`","email":"`+email+`"}`, status)
	}
	const email = "gitlab-shop@workload.bytebase.com"
	got := exchange(idtokentest.Job{Project: "acme/shop"}, email, 200)
	same(t, "exchange", `{"accessToken":"<…>","expireTime":"<…>","tokenType":"Bearer"}`, got)
	token := got["accessToken"].(string)
	same(t, "users/me of a job", `{"name":"users/gitlab-shop@workload.bytebase.com","state":"ACTIVE","email":"gitlab-shop@workload.bytebase.com",
		"title":"GitLab shop CI","profile":{},"workspace":"workspaces/default"}`, f.do("GET", "/v1/users/me", token, "", 200))
	denied := f.do("GET", name, token, "", 403)
	if m := denied["message"].(string); !strings.Contains(m, "bb.workloadIdentities.get") || !strings.Contains(m, "workloadIdentity:"+email) {
		t.Errorf("refusal names no permission or caller: %q", m)
	}

	// Better than the transcripts on purpose: one refusal for all reasons.
	reference := regexp.MustCompile(`^token not accepted \(reference ([A-Z2-7]{16})\): it says iss "`)
	for why, bad := range map[string]map[string]any{
		"another project":  exchange(idtokentest.Job{Project: "acme/other"}, email, 401),
		"no such identity": exchange(idtokentest.Job{Project: "acme/shop"}, "nobody@workload.bytebase.com", 401),
	} {
		m := reference.FindStringSubmatch(bad["message"].(string))
		if m == nil || bad["code"] != 16.0 {
			t.Errorf("%s: %v", why, bad)
			continue
		}
		x := f.do("GET", "/v1/exchanges/"+m[1], f.admin, "", 200)
		if x["name"] != "exchanges/"+m[1] || x["reason"] == "" || len(x["checks"].([]any)) == 0 {
			t.Errorf("%s: exchange %v", why, x)
		}
	}
	x := f.do("GET", `/v1/exchanges?filter=identity%20==%20"gitlab-shop@workload.bytebase.com"%20%26%26%20allowed%20==%20false`, f.admin, "", 200)
	only := x["exchanges"].([]any)
	if len(only) != 1 || only[0].(map[string]any)["claims"].(map[string]any)["project_path"] != "acme/other" {
		t.Errorf("refused exchanges of the identity: %v", x)
	}
	f.do("GET", "/v1/exchanges", token, "", 403)
	f.do("POST", "/v1/auth:exchangeToken", "", `{"token":"x","email":"y","foo":1}`, 400)

	f.do("DELETE", name, f.admin, "", 200)
	f.do("GET", "/v1/users/me", token, "", 401)
}

// TestIdentityFields: the fields of our own, and clients that do not know them.
func TestIdentityFields(t *testing.T) {
	f := newAdminFront(t)
	const name = "/v1/workloadIdentities/fields@workload.bytebase.com"
	config := `"providerType":"GITLAB","issuerUrl":"https://gitlab.example.com","allowedAudiences":["https://gitlab.example.com","https://db.example.com"]`
	made := f.do("POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId=fields", f.admin,
		`{"title":"Fields","workloadIdentityConfig":{`+config+`,"gitlab":{"group":"my-group","project":"app","refs":[{"type":"BRANCH","pattern":"main"}]}}}`, 200)
	shown := made["workloadIdentityConfig"].(map[string]any)
	if shown["subjectPattern"] != "project_path:my-group/app:ref_type:branch:ref:main" {
		t.Errorf("clients that know patterns only are shown %v", shown["subjectPattern"])
	}
	// Such a client sends the whole configuration back, without what it does not know.
	delete(shown, "gitlab")
	body, err := json.Marshal(map[string]any{"title": "Renamed", "workloadIdentityConfig": shown})
	if err != nil {
		t.Fatal(err)
	}
	got := f.do("PATCH", name+"?updateMask=title,workloadIdentityConfig", f.admin, string(body), 200)
	made["title"] = "Renamed"
	made["workloadIdentityConfig"] = f.do("GET", name, f.admin, "", 200)["workloadIdentityConfig"]
	if g, _ := made["workloadIdentityConfig"].(map[string]any)["gitlab"].(map[string]any); g["group"] != "my-group" {
		t.Errorf("the fields were lost: %v", made)
	}
	if diff := cmp.Diff(made, got); diff != "" {
		t.Errorf("after the round trip (-want +got):\n%s", diff)
	}
	w, err := f.st.WorkloadIdentity(t.Context(), "fields@workload.bytebase.com")
	if err != nil || w.Revision != 1 || w.Trust.SubjectPattern != "" {
		t.Errorf("nothing was changed, and stored is %+v, %v", w, err)
	}
	f.do("PATCH", name+"?updateMask=workloadIdentityConfig.subjectPattern", f.admin, `{"workloadIdentityConfig":{"subjectPattern":"project_path:my-group/app:ref_type:branch:*"}}`, 200)
	w, err = f.st.WorkloadIdentity(t.Context(), w.Email)
	if err != nil || w.Revision != 2 || w.Trust.GitLab == nil || len(w.Trust.Audiences) != 2 || w.Trust.SubjectPattern == "" {
		t.Errorf("a pattern on top: stored is %+v, %v", w, err)
	}
	for because, bad := range map[string]string{
		"a field that is none":  `?updateMask=email`,
		"a field of the config": `?updateMask=workloadIdentityConfig.x`,
	} {
		if got := f.do("PATCH", name+bad, f.admin, `{"title":"x"}`, 400); !strings.Contains(got["message"].(string), "update_mask") {
			t.Errorf("%s: %v", because, got)
		}
	}
	f.do("POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId=gh", f.admin, `{"workloadIdentityConfig":{"providerType":"GITHUB","issuerUrl":"https://x.example.com","allowedAudiences":["https://y.example.com"]}}`, 400)
}

func TestPolicyTranscripts(t *testing.T) {
	f := newAdminFront(t)
	err := f.st.Update(t.Context(), func(tx *store.Tx) error {
		return tx.CreateProject(t.Context(), slipway.Project{ID: "shop-project", Title: "Shop", Created: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	f.do("POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId=gitlab-shop", f.admin, f.identity("GitLab shop"), 200)
	const bindings = `[{"role":"roles/projectOwner","members":["user:admin@example.com"]},
		{"role":"roles/gitopsServiceAgent","members":["workloadIdentity:gitlab-shop@workload.bytebase.com"]}]`
	answer := strings.ReplaceAll(bindings, `]}`, `],"condition":{}}`)
	const set = "/v1/projects/shop-project:setIamPolicy"
	got := f.do("POST", set, f.admin, `{"policy":{"bindings":`+bindings+`}}`, 200)
	same(t, "set", `{"bindings":`+answer+`,"etag":"<…>"}`, got)
	same(t, "get", `{"bindings":`+answer+`,"etag":"<…>"}`, f.do("GET", "/v1/projects/shop-project:getIamPolicy", f.admin, "", 200))
	same(t, "etag from before", `{"code":10,"message":"there is concurrent update to the project iam policy, please refresh and try again","status":"<…>"}`,
		optional(f.do("POST", set, f.admin, `{"policy":{"bindings":`+bindings+`},"etag":"999"}`, 409)))
	f.do("POST", set, f.admin, `{"policy":{"bindings":`+bindings+`},"etag":"`+got["etag"].(string)+`"}`, 200)
	f.do("POST", set, f.admin, `{"policy":{"bindings":[],"etag":"1"},"etag":"2"}`, 400)
	f.do("GET", "/v1/workspaces/-:getIamPolicy", f.admin, "", 200)
	f.do("GET", "/v1/workspaces/w1:getIamPolicy", f.admin, "", 404)
	f.do("POST", "/v1/workspaces/-:setIamPolicy", f.admin, `{"policy":{"bindings":[]}}`, 400)

	logs := f.do("POST", "/v1/auditLogs:search", f.admin, `{"filter":"method == \"/bytebase.v1.ProjectService/SetIamPolicy\" && severity == \"ERROR\""}`, 200)["auditLogs"].([]any)
	if len(logs) != 1 || logs[0].(map[string]any)["status"].(map[string]any)["code"] != 10.0 || logs[0].(map[string]any)["user"] != "users/admin@example.com" {
		t.Errorf("failed writes of the policy on record: %v", logs)
	}
	f.do("POST", "/v1/projects/shop-project/auditLogs:search", f.admin, `{"orderBy":"create_time desc"}`, 200)
	f.do("POST", "/v1/auditLogs:search", f.admin, `{"orderBy":"user"}`, 400)
}

func TestPeopleAccountsAndRoles(t *testing.T) {
	f := newAdminFront(t)
	f.do("POST", "/v1/users", f.admin, `{"email":"ann@example.com","title":"Ann","password":"`+password+`","phone":"+1 555"}`, 200)
	ann := f.do("POST", "/v1/auth/login", "", `{"email":"ann@example.com","password":"`+password+`"}`, 200)["token"].(string)
	if got := f.do("PATCH", "/v1/users/ann@example.com?updateMask=title", ann, `{"title":"Ann B."}`, 200); got["title"] != "Ann B." || got["phone"] != "+1 555" {
		t.Errorf("a new title: %v", got)
	}
	f.do("GET", "/v1/users", ann, "", 403)
	page := f.do("GET", "/v1/users?pageSize=1", f.admin, "", 200)
	if len(page["users"].([]any)) != 1 || page["nextPageToken"] == nil {
		t.Errorf("first page: %v", page)
	}
	if got := f.do("GET", `/v1/users?filter=name.matches("ann")`, f.admin, "", 200)["users"].([]any); len(got) != 1 {
		t.Errorf("looked for ann: %v", got)
	}
	f.do("DELETE", "/v1/users/ann@example.com", f.admin, "", 200)
	f.do("GET", "/v1/users/me", ann, "", 401)
	f.do("POST", "/v1/users/ann@example.com:undelete", f.admin, `{}`, 200)
	f.do("DELETE", "/v1/users/admin@example.com", f.admin, "", 400)

	made := f.do("POST", "/v1/workspaces/-/serviceAccounts?serviceAccountId=robot", f.admin, `{"title":"Robot"}`, 200)
	key, _ := made["serviceKey"].(string)
	if key == "" || made["email"] != "robot@service.bytebase.com" {
		t.Fatalf("service account: %v", made)
	}
	if got := f.do("GET", "/v1/serviceAccounts/robot@service.bytebase.com", f.admin, "", 200); got["serviceKey"] != nil {
		t.Errorf("the key is shown again: %v", got)
	}
	in := f.do("POST", "/v1/auth/login", "", `{"email":"robot@service.bytebase.com","password":"`+key+`"}`, 200)
	if got := f.do("GET", "/v1/users/me", in["token"].(string), "", 200); got["email"] != "robot@service.bytebase.com" {
		t.Errorf("users/me of a service account: %v", got)
	}
	if got := f.do("PATCH", "/v1/serviceAccounts/robot@service.bytebase.com?updateMask=serviceKey", f.admin, `{}`, 200); got["serviceKey"] == nil || got["serviceKey"] == key {
		t.Errorf("a new key: %v", got)
	}

	f.do("POST", "/v1/roles?roleId=auditor", f.admin, `{"title":"Auditor","permissions":["bb.auditLogs.search"]}`, 200)
	same(t, "a custom role", `{"name":"roles/auditor","title":"Auditor","description":"Reads along","permissions":["bb.auditLogs.search"],"type":"CUSTOM"}`,
		f.do("PATCH", "/v1/roles/auditor?updateMask=description", f.admin, `{"description":"Reads along"}`, 200))
	if got := f.do("GET", "/v1/roles/gitopsServiceAgent", f.admin, "", 200); got["type"] != "BUILT_IN" || len(got["permissions"].([]any)) != 10 {
		t.Errorf("the GitOps role: %v", got)
	}
	if got := f.do("GET", "/v1/roles", f.admin, "", 200)["roles"].([]any); len(got) != 9 {
		t.Errorf("%d roles, want 8 predefined and one", len(got))
	}
	f.do("DELETE", "/v1/roles/auditor", f.admin, "", 200)
	f.do("GET", "/v1/roles/auditor", f.admin, "", 404)
}
