package e2e_test

import (
	"encoding/base64"
	"strings"
)

// nameCalls name what is not there, or what no name can be.
func nameCalls(w *world) []badCall {
	long := strings.Repeat("a", 300)
	get := func(name, path string, status int, says ...string) badCall {
		return badCall{"name: " + name, "GET", "/v1/" + path, "", status, says, nil}
	}
	project := func(name, query, body string, status int, says ...string) badCall {
		return badCall{"project: " + name, "POST", "/v1/projects?" + query, body, status, says, nil}
	}
	return []badCall{
		get("no such project", "projects/nothing", 404, `"nothing"`),
		get("capitals", "projects/My-Project", 404, "My-Project"),
		get("a slash, escaped", "projects/a%2Fb", 404, "a/b"),
		get("two dots", "projects/..", 404, `..`),
		get("a NUL", "projects/a%00b", 404, `project`),
		get("not UTF-8", "projects/%ff", 400, "UTF-8"),
		get("a quote", "projects/a'b", 404, `a'b`),
		get("300 letters", "projects/"+long, 404, "aaaa"),
		get("no such instance", "instances/nothing", 404, "nothing"),
		get("no such database", "instances/test/databases/nothing", 404, "nothing"),
		get("no such user", "users/nobody@example.com", 404, "nobody@example.com"),
		get("no such identity", "workloadIdentities/nobody@workload.bytebase.com", 404, "nobody"),
		get("no such role", "roles/nothing", 404, "nothing"),
		get("no such release", "projects/my-project/releases/nothing", 404, "nothing"),
		get("no such plan", "projects/my-project/plans/99", 404, "99"),
		get("a plan that is no number", "projects/my-project/plans/x", 404, "x"),
		get("a plan beyond 64 bits", "projects/my-project/plans/99999999999999999999", 404, "99999999999999999999"),
		get("no such setting", "settings/NOTHING", 404, "NOTHING"),
		get("no such exchange", "exchanges/nothing", 404, "NOTHING"),
		{"name: another parent's form", "GET", "/v1/instances/test/databases/mydb/revisions/x", "", 404, []string{"x"}, nil},
		project("no id", "", `{"title": "x"}`, 400, "project id"),
		project("an id in capitals", "projectId=Shop", `{"title": "x"}`, 400, "Shop"),
		project("an id with a space", "projectId=a%20b", `{"title": "x"}`, 400, "a b"),
		project("an id that begins with a dash", "projectId=-a", `{"title": "x"}`, 400, "-a"),
		project("an id of 300 letters", "projectId="+long, `{"title": "x"}`, 400, "project id"),
		project("an id that is taken", "projectId=my-project", `{"title": "x"}`, 409, "my-project"),
		project("no title", "projectId=new", `{}`, 400, "title"),
		project("a title of 300 letters", "projectId=new", `{"title": "`+long+`"}`, 400, "title"),
		project("a title with a line break", "projectId=new", `{"title": "a\nb"}`, 400, "title"),
		project("a title with a NUL", "projectId=new", `{"title": "a\u0000b"}`, 400, "title"),
	}
}

// pageCalls ask for pages, orders and fields that there are not.
func pageCalls() []badCall {
	get := func(name, path string, says ...string) badCall {
		return badCall{"list: " + name, "GET", "/v1/" + path, "", 400, says, nil}
	}
	patch := func(name, path, body string, says ...string) badCall {
		return badCall{"mask: " + name, "PATCH", "/v1/" + path, body, 400, says, nil}
	}
	return []badCall{
		get("a negative page", "projects?pageSize=-1", "page_size"),
		get("a page of words", "projects?pageSize=ten", "pageSize", "ten"),
		get("a page beyond 32 bits", "projects?pageSize=99999999999", "pageSize"),
		get("a page token that is made up", "projects?pageToken=x", "page_token"),
		get("a page token of 1 MiB, nearly", "projects?pageToken="+strings.Repeat("A", 50_000), "page_token"),
		get("a filter that is cut", "projects?filter=name+==", "filter"),
		get("a filter of an unknown field", `projects?filter=nam+==+"a"`, "filter", "nam"),
		get("a filter of another type", `instances?filter=engine+==+5`, "filter", "engine"),
		get("a filter that calls a function", `projects?filter=name.size()+==+1`, "filter"),
		get("an order of an unknown field", "projects?orderBy=nothing", "order_by", "one order"),
		{"list: a filter of the audit log", "POST", "/v1/auditLogs:search", `{"filter": "nam == 1"}`, 400, []string{"filter", "nam"}, nil},
		patch("an unknown field", "projects/my-project?updateMask=titel", `{"title": "x"}`, "update_mask", "titel"),
		patch("what only the server sets", "projects/my-project?updateMask=name", `{"title": "x"}`, "update_mask", "name"),
		patch("a deep unknown field", "instances/test?updateMask=title.x", `{"title": "x"}`, "update_mask", "title.x"),
		patch("of capitals", "projects/my-project?updateMask=TITLE", `{"title": "x"}`, "update_mask"),
	}
}

// accountCalls are about people, groups, roles and policies.
func accountCalls() []badCall {
	secret := recognisable + "password"
	post := func(name, path, body string, status int, says ...string) badCall {
		return badCall{name, "POST", "/v1/" + path, body, status, says, nil}
	}
	return []badCall{
		post("user: no address", "users", `{"title": "x", "password": "`+secret+`"}`, 400, "e-mail address"),
		post("user: an address that is none", "users", `{"email": "nobody", "title": "x", "password": "`+secret+`"}`, 400, "e-mail address", "nobody"),
		post("user: an address with a line break", "users", `{"email": "a\nb@example.com", "title": "x", "password": "`+secret+`"}`, 400, "e-mail address"),
		post("user: a name for an address", "users", `{"email": "Ann <ann@example.com>", "title": "x", "password": "`+secret+`"}`, 400, "e-mail address"),
		post("user: an address of 300 letters", "users", `{"email": "`+strings.Repeat("a", 300)+`@example.com", "title": "x", "password": "`+secret+`"}`, 400, "e-mail address"),
		post("user: no password", "users", `{"email": "new@example.com", "title": "x"}`, 400, "password"),
		post("user: a short password", "users", `{"email": "new@example.com", "title": "x", "password": "short"}`, 400, "password", "12"),
		post("user: a password of 2 KiB", "users", `{"email": "new@example.com", "title": "x", "password": "`+secret+strings.Repeat("x", 2048)+`"}`, 400, "password"),
		post("user: one that is there", "users", `{"email": "ann@example.com", "title": "x", "password": "`+secret+`"}`, 409, "ann@example.com"),
		post("user: the place of a workload", "users", `{"email": "a@workload.bytebase.com", "title": "x", "password": "`+secret+`"}`, 400, "workload.bytebase.com"),
		post("group: an address that is none", "groups?groupEmail=team", `{"title": "x"}`, 400, "team"),
		post("group: a member that is none", "groups?groupEmail=team@example.com", `{"title": "x", "members": [{"member": "ann"}]}`, 400, "ann"),
		post("group: a member who is not there", "groups?groupEmail=team@example.com", `{"title": "x", "members": [{"member": "users/nobody@example.com", "role": "MEMBER"}]}`, 400, "nobody@example.com"),
		post("role: an id that is none", "roles?roleId=A%20B", `{"title": "x", "permissions": ["bb.plans.get"]}`, 400, "A B"),
		post("role: an unknown permission", "roles?roleId=new", `{"title": "x", "permissions": ["bb.plans.fly"]}`, 400, "bb.plans.fly"),
		post("role: one that is predefined", "roles?roleId=projectOwner", `{"title": "x", "permissions": ["bb.plans.get"]}`, 400, "role id", "projectOwner"),
		{"role: changing a predefined one", "PATCH", "/v1/roles/projectOwner?updateMask=permissions", `{"permissions": ["bb.plans.get"]}`, 400, []string{"projectOwner"}, nil},
		{"role: deleting a predefined one", "DELETE", "/v1/roles/projectOwner", "", 400, []string{"projectOwner"}, nil},
		post("policy: none", "projects/my-project:setIamPolicy", `{}`, 400, "policy"),
		post("policy: an old etag", "projects/my-project:setIamPolicy", `{"policy": {"etag": "old"}, "etag": "old"}`, 409, "concurrent update"),
		post("policy: an unknown role", "projects/my-project:setIamPolicy", `{"policy": {"bindings": [{"role": "roles/nothing", "members": ["user:ann@example.com"]}]}}`, 400, "roles/nothing"),
		post("policy: a member that is none", "projects/my-project:setIamPolicy", `{"policy": {"bindings": [{"role": "roles/projectOwner", "members": ["ann"]}]}}`, 400, "ann"),
		post("policy: a member who is not there", "projects/my-project:setIamPolicy", `{"policy": {"bindings": [{"role": "roles/projectOwner", "members": ["user:nobody@example.com"]}]}}`, 400, "nobody@example.com"),
		post("policy: a condition that is none", "projects/my-project:setIamPolicy", `{"policy": {"bindings": [{"role": "roles/projectOwner", "members": ["user:ann@example.com"], "condition": {"expression": "request."}}]}}`, 400, "condition"),
		post("policy: no administrator left", "workspaces/-:setIamPolicy", `{"policy": {"bindings": []}}`, 400, "workspaceAdmin"),
		post("service account: an id that is none", "workspaces/-/serviceAccounts?serviceAccountId=a%20b", `{"title": "x"}`, 400, "a b"),
		{"setting: an environment twice", "PATCH", "/v1/settings/ENVIRONMENT?updateMask=value", `{"value": {"environment": {"environments": [{"id": "test", "title": "a"}, {"id": "test", "title": "b"}]}}}`, 400, []string{"test"}, nil},
		{"setting: an environment without id", "PATCH", "/v1/settings/ENVIRONMENT?updateMask=value", `{"value": {"environment": {"environments": [{"title": "a"}]}}}`, 400, []string{"environment"}, nil},
		{"setting: an environment that instances are in", "PATCH", "/v1/settings/ENVIRONMENT?updateMask=value", `{"value": {"environment": {"environments": [{"id": "test", "title": "a"}]}}}`, 400, []string{"prod"}, nil},
		{"setting: no value", "PATCH", "/v1/settings/ENVIRONMENT?updateMask=value", `{}`, 400, []string{"value"}, nil},
	}
}

// trustCalls configure whom nobody should trust.
func trustCalls(w *world) []badCall {
	url := w.issuer.URL()
	identity := func(name, config string, says ...string) badCall {
		return badCall{
			"trust: " + name, "POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId=new",
			`{"title": "x", "workloadIdentityConfig": {` + config + `}}`, 400, says, nil,
		}
	}
	gitlab := func(issuer, audiences, rest string) string {
		return `"providerType": "GITLAB", "issuerUrl": "` + issuer + `", "allowedAudiences": [` + audiences + `], ` + rest
	}
	ours, group := `"`+url+`"`, `"gitlab": {"group": "my-group"}`
	return []badCall{
		identity("no platform", `"issuerUrl": "`+url+`"`, "platform"),
		identity("a platform that is not built", `"providerType": "GITHUB", "issuerUrl": "https://token.actions.githubusercontent.com", "allowedAudiences": ["x"]`, "GitHub"),
		identity("no issuer", gitlab("", ours, group), "issuer"),
		identity("an issuer by http", gitlab("http://gitlab.example.com", ours, group), "issuer", "http://gitlab.example.com", "https"),
		identity("an issuer with a query", gitlab("https://gitlab.example.com?a=b", ours, group), "issuer", "query"),
		identity("an issuer with a password", gitlab("https://u:"+recognisable+"issuer@gitlab.example.com", ours, group), "issuer", "password"),
		identity("an issuer of another platform", gitlab("https://token.actions.githubusercontent.com", ours, group), "GitHub"),
		identity("an issuer that is no URL", gitlab("gitlab", ours, group), "issuer", "gitlab"),
		identity("no audience", gitlab(url, ``, group), "audience"),
		identity("an empty audience", gitlab(url, `""`, group), "audience"),
		identity("a wildcard audience", gitlab(url, `"https://*"`, group), "audience", "https://*"),
		identity("a shared audience", gitlab(url, `"sts.amazonaws.com"`, group), "audience", "sts.amazonaws.com"),
		identity("no group", gitlab(url, ours, `"gitlab": {}`), "group"),
		identity("every group", gitlab(url, ours, `"gitlab": {"group": "*"}`), "group", "*"),
		identity("a group with dots", gitlab(url, ours, `"gitlab": {"group": "a/../b"}`), "group", "a/../b"),
		identity("a project with slashes", gitlab(url, ours, `"gitlab": {"group": "a", "project": "b/c"}`), "project", "b/c"),
		identity("every branch, as a pattern", gitlab(url, ours, `"gitlab": {"group": "a", "refs": [{"type": "BRANCH", "pattern": "*"}]}`), "branch", `"*"`),
		identity("a branch of no type", gitlab(url, ours, `"gitlab": {"group": "a", "refs": [{"pattern": "main"}]}`), "ref"),
		identity("a branch that Git does not allow", gitlab(url, ours, `"gitlab": {"group": "a", "refs": [{"type": "BRANCH", "pattern": "a..b"}]}`), "a..b"),
		identity("a pattern for everybody", gitlab(url, ours, `"subjectPattern": "*"`), "pattern", "*"),
		identity("a pattern with an open end", gitlab(url, ours, `"subjectPattern": "project_path:my-group*"`), "my-group*"),
		identity("a pattern of 2 KiB", gitlab(url, ours, `"subjectPattern": "project_path:`+strings.Repeat("a", 2048)+`"`), "pattern", "1024"),
		{"trust: an id that is none", "POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId=A%20B", `{"title": "x"}`, 400, []string{"A B"}, nil},
		{"trust: an id that is taken", "POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId=gitlab-deploy", `{"title": "x", "workloadIdentityConfig": {` + gitlab(url, ours, group) + `}}`, 409, []string{"gitlab-deploy"}, nil},
	}
}

// databaseCalls are about instances and databases.
func databaseCalls(w *world) []badCall {
	secret := recognisable + "database"
	instance := func(name, id, body string, says ...string) badCall {
		return badCall{"instance: " + name, "POST", "/v1/instances?instanceId=" + id, body, 400, says, nil}
	}
	sqlite := func(folder string) string {
		return `{"title": "x", "engine": "SQLITE", "dataSources": [{"id": "admin", "type": "ADMIN", "host": "` + folder + `"}]}`
	}
	postgres := func(source string) string {
		return `{"title": "x", "engine": "POSTGRES", "dataSources": [{"id": "admin", "type": "ADMIN", "password": "` + secret + `", ` + source + `}]}`
	}
	database := func(name, mask, body string, says ...string) badCall {
		return badCall{"database: " + name, "PATCH", "/v1/" + w.targets[0] + "?updateMask=" + mask, body, 400, says, nil}
	}
	return []badCall{
		instance("an id that is none", "A%20B", sqlite(w.root+"/test"), "A B"),
		instance("no engine", "new", `{"title": "x"}`, "engine"),
		instance("an engine that is not built", "new", `{"title": "x", "engine": "ORACLE"}`, "ORACLE"),
		instance("no data source", "new", `{"title": "x", "engine": "SQLITE"}`, "data source"),
		instance("a folder outside", "new", sqlite("/etc"), "/etc"),
		instance("a folder that climbs out", "new", sqlite(w.root+"/../.."), "folder"),
		instance("a folder that is not there", "new", sqlite(w.root+"/nothing"), "nothing"),
		instance("a file for a folder", "new", sqlite(w.root+"/test/mydb.db"), "mydb.db"),
		instance("a folder with a NUL", "new", sqlite(w.root+`/a\u0000b`), "host", "NUL"),
		instance("a relative folder", "new", sqlite("test"), "host", "absolute path"),
		instance("an environment that is not there", "new", `{"title": "x", "engine": "SQLITE", "environment": "environments/nothing", "dataSources": [{"id": "admin", "type": "ADMIN", "host": "`+w.root+`/test"}]}`, "nothing"),
		instance("a port that is no number", "new", postgres(`"host": "127.0.0.1", "port": "x", "username": "a"`), "port"),
		instance("a port too large", "new", postgres(`"host": "127.0.0.1", "port": "99999", "username": "a"`), "port", "99999"),
		instance("no host", "new", postgres(`"port": "5432", "username": "a"`), "host"),
		instance("a host with options", "new", postgres(`"host": "127.0.0.1 sslmode=disable", "port": "5432", "username": "a"`), "host"),
		instance("a certificate that is none", "new", postgres(`"host": "127.0.0.1", "port": "5432", "username": "a", "useSsl": true, "sslCert": "x", "sslKey": "`+secret+`"`), "certificate"),
		{"instance: one that is there", "POST", "/v1/instances?instanceId=test", sqlite(w.root + "/test"), 409, []string{"test"}, nil},
		{"database: a project that is not there", "PATCH", "/v1/" + w.targets[0] + "?updateMask=project", `{"project": "projects/nothing"}`, 404, []string{"nothing"}, nil},
		database("a project that is no name", "project", `{"project": "nothing"}`, "nothing"),
		database("an environment that is not there", "environment", `{"environment": "environments/nothing"}`, "nothing"),
		{"group: an expression that is none", "POST", "/v1/projects/my-project/databaseGroups?databaseGroupId=new", `{"databaseExpr": {"expression": "resource."}}`, 400, []string{"condition", "column 10"}, nil},
		{"group: an expression of an unknown name", "POST", "/v1/projects/my-project/databaseGroups?databaseGroupId=new", `{"databaseExpr": {"expression": "nothing == 1"}}`, 400, []string{"nothing"}, nil},
	}
}

// changeCalls bring files, plans and rollouts that cannot be run.
func changeCalls(w *world) []badCall {
	sql := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	file := func(path, version, text string) string {
		return `{"path": "` + path + `", "version": "` + version + `", "statement": "` + sql(text) + `"}`
	}
	release := func(name, files string, says ...string) badCall {
		return badCall{"release: " + name, "POST", "/v1/projects/my-project/releases", `{"type": "VERSIONED", "files": [` + files + `]}`, 400, says, nil}
	}
	post := func(name, path, body string, status int, says ...string) badCall {
		return badCall{name, "POST", "/v1/" + path, body, status, says, nil}
	}
	return []badCall{
		release("no files", ``, "file"),
		release("a file without version", `{"path": "a.sql", "statement": "`+sql("SELECT 1")+`"}`, "a.sql", "version"),
		release("a version that is none", file("a.sql", "one", "SELECT 1"), "a.sql", "one"),
		release("a version twice", file("a.sql", "1", "SELECT 1")+","+file("b.sql", "01", "SELECT 2"), "a.sql", "b.sql"),
		release("a path twice", file("a.sql", "1", "SELECT 1")+","+file("a.sql", "2", "SELECT 2"), "a.sql"),
		release("no path", file("", "1", "SELECT 1"), "path"),
		release("a path with a line break", file(`a\nb.sql`, "1", "SELECT 1"), "path"),
		release("no statement", file("a.sql", "1", ""), "a.sql"),
		release("a statement that is no base64", `{"path": "a.sql", "version": "1", "statement": "%%%"}`, "statement"),
		release("a NUL in the SQL", file("a.sql", "1", "SELECT 1;\x00"), "a.sql", "NUL"),
		release("SQL that is not UTF-8", file("a.sql", "1", "SELECT '\xe9'"), "a.sql", "UTF-8"),
		release("SQL in UTF-16", file("a.sql", "1", "\xff\xfeS\x00E\x00"), "a.sql", "UTF-16"),
		{"release: a sheet that is not there", "POST", "/v1/projects/my-project/releases", `{"type": "VERSIONED", "files": [` + `{"path": "a.sql", "version": "1", "sheet": "projects/my-project/sheets/nothing"}` + `]}`, 404, []string{"nothing"}, nil},
		release("a sheet of another form", `{"path": "a.sql", "version": "1", "sheet": "nothing"}`, "nothing"),
		post("check: a target that is none", "projects/my-project/releases:check", `{"release": {"files": [`+file("a.sql", "1", "SELECT 1")+`]}, "targets": ["mydb"]}`, 400, "mydb"),
		post("check: a target that is not there", "projects/my-project/releases:check", `{"release": {"files": [`+file("a.sql", "1", "SELECT 1")+`]}, "targets": ["instances/test/databases/nothing"]}`, 404, "nothing"),
		post("check: no release", "projects/my-project/releases:check", `{"targets": ["`+w.targets[0]+`"]}`, 400, "file"),
		post("check: a project that is not there", "projects/nothing/releases:check", `{"release": {"files": [`+file("a.sql", "1", "SELECT 1")+`]}, "targets": ["`+w.targets[0]+`"]}`, 404, "nothing"),
		post("plan: nothing in it", "projects/my-project/plans", `{"title": "x"}`, 400, "spec"),
		post("plan: a release that is not there", "projects/my-project/plans", `{"title": "x", "specs": [{"id": "8d3f2b1e-6c1f-4b58-9f6e-0f4c0b6b7a11", "changeDatabaseConfig": {"release": "projects/my-project/releases/nothing", "targets": ["`+w.targets[0]+`"]}}]}`, 404, "nothing"),
		post("rollout: a plan that is not there", "projects/my-project/plans/99/rollout", `{}`, 404, "99"),
		post("rollout: tasks of none", "projects/my-project/plans/99/rollout/stages/test/tasks:batchRun", `{"tasks": ["projects/my-project/plans/99/rollout/stages/test/tasks/1"]}`, 404, "99"),
		post("rollout: tasks of another form", "projects/my-project/plans/99/rollout/stages/test/tasks:batchRun", `{"tasks": ["tasks/1"]}`, 400, "tasks/1"),
		post("rollout: a time that is none", "projects/my-project/plans/99/rollout/stages/test/tasks:batchRun", `{"tasks": ["x"], "runTime": "soon"}`, 400, "Timestamp", "soon"),
		post("sheet: nothing in it", "projects/my-project/sheets", `{}`, 400, "content"),
		post("sheet: content that is no base64", "projects/my-project/sheets", `{"content": "%%%"}`, 400, "content"),
	}
}
