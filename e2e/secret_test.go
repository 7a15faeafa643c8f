package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"slipway/internal/dbtest"
	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

// TestSecrets goes through the whole guide, and through what goes wrong on the
// way, with secrets that can be recognised. Afterwards none of them is in the
// server's log, in any answer of the API, in /metrics, in the files that the
// server keeps, or in what the client said.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for _, metadata := range []string{"sqlite", "postgres"} {
		t.Run("metadata "+metadata, func(t *testing.T) {
			t.Parallel()
			var args []string
			metadataURL := ""
			if metadata == "postgres" {
				metadataURL = dbtest.Postgres(t).URL
				args = append(args, "--database-url", metadataURL)
			}
			w := prepareWorld(t, args...)
			w.Start()
			kept := w.useSecrets(t)
			seen := map[string]bool{}
			for _, place := range w.places(t, metadataURL) {
				seen[place.name] = seen[place.name] || bytes.Contains(place.text, []byte(identity))
				for name, secret := range kept {
					if form := found(place.text, secret); form != "" {
						t.Errorf("%s is in %s, %s", name, place.name, form)
					}
				}
			}
			// What is no secret has to be found, or the search sees nothing.
			for _, name := range []string{"the audit log", "the answer to GET exchanges?pageSize=1000", map[string]string{
				"sqlite": "the file slipway.db", "postgres": "the server's database",
			}[metadata]} {
				if !seen[name] {
					t.Errorf("the identity is not in %s", name)
				}
			}
		})
	}
}

// useSecrets does all that takes a secret, well and badly, and returns the
// secrets by what they are.
func (w *world) useSecrets(t *testing.T) map[string]string {
	t.Helper()
	secrets := map[string]string{
		"the administrator's password": servertest.AdminPassword,
		"a person's password":          "Recognisable-Person-Password-1",
		"a person's next password":     "Recognisable-Person-Password-2",
		"a wrong password":             "Recognisable-Wrong-Password-3",
		"a database's password":        "Recognisable-Database-Password-4",
		"a wrong database password":    "Recognisable-Database-Password-5",
		"a TLS key":                    "Recognisable-TLS-Key-6",
	}
	w.project("postgres")
	w.trust()
	w.grant()
	secrets["the administrator's session"] = w.AdminToken()
	w.usePeople(secrets)
	w.useDatabases(t, secrets)
	w.useTokens(t, secrets)
	return secrets
}

// usePeople signs people and a service account in, and fails to.
func (w *world) usePeople(secrets map[string]string) {
	w.T.Helper()
	const ann = "ann@example.com"
	w.person(ann, secrets["a person's password"])
	secrets["a person's session"] = w.SignIn(ann, secrets["a person's password"])
	w.MustCall(secrets["a person's session"], "PATCH", "/v1/users/"+ann+"?updateMask=password", object{"password": secrets["a person's next password"]}, nil)
	secrets["a person's second session"] = w.SignIn(ann, secrets["a person's next password"])
	w.Call("", "POST", "/v1/auth/login", object{"email": ann, "password": secrets["a wrong password"]})
	w.Call("", "POST", "/v1/auth/login", object{"email": secrets["a wrong password"], "password": "x", "no_such_field": secrets["a wrong password"]})
	w.Call("", "POST", "/v1/auth/login", []byte(`{"email": "`+ann+`", "password": "`+secrets["a wrong password"]))
	resp, err := noRedirects().PostForm(w.URL+"/signin", url.Values{"email": {ann}, "password": {secrets["a person's next password"]}})
	if err != nil {
		w.T.Fatal(err)
	}
	_ = resp.Body.Close()
	for _, c := range resp.Cookies() {
		if c.Value != "" { // others are taken away
			secrets["a console session"] = c.Value
		}
	}
	var account struct{ Email, ServiceKey string }
	w.Admin("POST", "/v1/workspaces/-/serviceAccounts?serviceAccountId=robot", object{"title": "Robot"}, &account)
	secrets["a service key"] = account.ServiceKey
	secrets["a service account's session"] = w.SignIn(account.Email, account.ServiceKey)
}

// useDatabases gives instances a password of their own, right and wrong ones.
func (w *world) useDatabases(t *testing.T, secrets map[string]string) {
	t.Helper()
	role := "slip_" + strings.ToLower(w.targets[0][strings.LastIndexByte(w.targets[0], '_')+1:])
	dbtest.Exec(t, w.urls["test"], "CREATE ROLE "+role+" LOGIN SUPERUSER PASSWORD '"+secrets["a database's password"]+"'")
	t.Cleanup(func() {
		dbtest.Exec(t, w.urls["test"], "REASSIGN OWNED BY "+role+" TO CURRENT_USER; DROP OWNED BY "+role)
		dbtest.Exec(t, w.urls["prod"], "REASSIGN OWNED BY "+role+" TO CURRENT_USER; DROP OWNED BY "+role+"; DROP ROLE "+role)
	})
	u, err := url.Parse(w.urls["test"])
	if err != nil {
		t.Fatal(err)
	}
	source := func(password string) object {
		return object{"dataSources": []object{{
			"id": "admin", "type": "ADMIN", "host": u.Hostname(), "port": u.Port(), "username": role, "password": password,
		}}}
	}
	for _, env := range []string{"test", "prod"} {
		w.Admin("PATCH", "/v1/instances/"+env+"?updateMask=dataSources", source(secrets["a database's password"]), nil)
	}
	wrong := source(secrets["a wrong database password"])
	wrong["title"], wrong["engine"] = "Wrong", "POSTGRES"
	if status, text := w.Call(w.AdminToken(), "POST", "/v1/instances?instanceId=wrong", wrong); status == 200 {
		w.Call(w.AdminToken(), "POST", "/v1/instances/wrong:sync", object{})
	} else if bytes.Contains(text, []byte(secrets["a wrong database password"])) {
		t.Errorf("the answer repeats the password: %s", text)
	}
	tls := source(secrets["a wrong database password"])
	tls["title"], tls["engine"] = "TLS", "POSTGRES"
	tls["dataSources"].([]object)[0]["useSsl"] = true
	tls["dataSources"].([]object)[0]["sslKey"] = secrets["a TLS key"]
	tls["dataSources"].([]object)[0]["sslCert"] = "no certificate"
	w.Call(w.AdminToken(), "POST", "/v1/instances?instanceId=tls", tls)
}

// useTokens runs the guide's jobs, and offers tokens where they don't belong.
func (w *world) useTokens(t *testing.T, secrets map[string]string) {
	t.Helper()
	repo := writeRepository(t)
	main := idtokentest.Job{Project: "my-group/my-project"}
	id := w.issuer.Token(t, main)
	secrets["an ID token"] = id
	secrets["an ID token's signature"] = id[strings.LastIndexByte(id, '.')+1:]
	out, err := w.runScript(t, repo, "rollout", id)
	if err != nil {
		t.Fatalf("rollout: %v\n%s", err, out)
	}
	w.said = append(w.said, out)
	access := w.exchanged(main)
	secrets["an access token"] = access
	secrets["an access token's signature"] = access[strings.LastIndexByte(access, '.')+1:]
	fork := w.issuer.Token(t, idtokentest.Job{Project: "mallory/my-project"})
	secrets["a refused ID token"] = fork
	secrets["a refused ID token's signature"] = fork[strings.LastIndexByte(fork, '.')+1:]
	if out, err = w.runScript(t, repo, "rollout", fork); err == nil {
		t.Fatalf("a fork's rollout went through:\n%s", out)
	}
	w.said = append(w.said, out)

	// Broken, and where it is no credential.
	w.Call("", "POST", "/v1/auth:exchangeToken", object{"token": id + "x", "email": identity})
	w.Call(id, "GET", "/v1/users/me", nil)
	w.Call(access+"x", "GET", "/v1/users/me", nil)
	w.Call(access, "GET", "/v1/projects/my-project/releases?pageToken=x", nil)
	w.Call(w.AdminToken(), "GET", "/v1/users/me?access_token=x", nil)
	for _, args := range [][]string{{"whoami", "--token", access}, {"whoami", "--token", access + "x"}, {"exchange"}} {
		cmd := exec.Command(filepath.Join(servertest.Bin(), "slipway"), args...)
		cmd.Env = []string{"SLIPWAY_URL=" + w.URL, "WORKLOAD_IDENTITY_EMAIL=" + identity, "GITLAB_OIDC_TOKEN=" + id, "HOME=" + t.TempDir()}
		out, _ := cmd.CombinedOutput() // that the second fails is part of it
		w.said = append(w.said, string(out))
	}
}

// A place is where a secret could have got to.
type place struct {
	name string
	text []byte
}

// places collects what can be read of the server by anyone, now and later.
func (w *world) places(t *testing.T, metadataURL string) []place {
	t.Helper()
	var all []place
	for _, path := range []string{
		"users", "roles", "instances?showDeleted=true", "instances/test", "projects", "projects/my-project", "settings",
		"workspaces/-/databases", "workspaces/-/workloadIdentities", "workspaces/-/serviceAccounts", "workspaces/-:getIamPolicy",
		"projects/my-project:getIamPolicy", "projects/my-project/releases", "projects/my-project/plans", "projects/my-project/rollouts",
		"projects/my-project/plans/1/rollout/stages/-/tasks/-/taskRuns", "projects/my-project/plans/1/rollout/stages/test/tasks/1/taskRuns/1/log",
		w.targets[0], w.targets[0] + "/revisions", w.targets[0] + "/schema", "workloadIdentities/" + identity, "exchanges?pageSize=1000",
		"serviceAccounts/robot@service.bytebase.com", "users/ann@example.com", "actuator/info",
	} {
		status, text := w.Call(w.AdminToken(), "GET", "/v1/"+path, nil)
		if status != 200 {
			t.Errorf("GET %s answered %d: %s", path, status, text)
		}
		all = append(all, place{"the answer to GET " + path, text})
	}
	status, text := w.Call(w.AdminToken(), "POST", "/v1/auditLogs:search", object{"pageSize": 1000})
	if status != 200 || !bytes.Contains(text, []byte("ExchangeToken")) || !bytes.Contains(text, []byte("CreateInstance")) {
		t.Errorf("the audit log is not what it should be: %d %.300s", status, text)
	}
	all = append(all, place{"the audit log", text})
	for _, path := range []string{"/metrics", "/.well-known/jwks.json"} {
		_, text := w.Call("", "GET", path, nil)
		all = append(all, place{path, text})
	}
	for _, text := range w.said {
		all = append(all, place{"what the client said", []byte(text)})
	}
	if metadataURL != "" {
		all = append(all, place{"the server's database", dump(t, metadataURL)})
	}
	// Twice: SQLite's log of changes is folded into its file at the end.
	all = append(all, w.files(t)...)
	w.Stop(syscall.SIGTERM)
	all = append(all, w.files(t)...)
	return append(all, place{"the server's log", []byte(w.Log.String())})
}

// dump returns every row of a database as text.
func dump(t *testing.T, databaseURL string) []byte {
	t.Helper()
	var text bytes.Buffer
	for _, table := range dbtest.Query(t, databaseURL, `SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
		WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'`) {
		for _, row := range dbtest.Query(t, databaseURL, "SELECT t::text FROM "+table[0]+" t") {
			text.WriteString(row[0] + "\n")
		}
	}
	return text.Bytes()
}

// files reads every file under the data folder. The master key's is left out:
// it is the one secret that is kept as it is.
func (w *world) files(t *testing.T) []place {
	t.Helper()
	var all []place
	err := filepath.WalkDir(w.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "master.key" {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(all, place{"the file " + d.Name(), text})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// found tells in which form a secret is in a text, "" if in none.
func found(text []byte, secret string) string {
	raw := []byte(secret)
	for form, spelled := range map[string]string{
		"as it is": secret, "as base64": base64.StdEncoding.EncodeToString(raw), "as base64url": base64.RawURLEncoding.EncodeToString(raw),
		"as hex": hex.EncodeToString(raw), "escaped for a URL": url.QueryEscape(secret),
	} {
		if bytes.Contains(text, []byte(strings.TrimRight(spelled, "="))) {
			return form
		}
	}
	return ""
}

// noRedirects returns a client that shows a redirection as what it is.
func noRedirects() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
