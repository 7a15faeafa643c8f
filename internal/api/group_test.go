package api_test

import (
	"fmt"
	"testing"
)

func TestGroupTranscripts(t *testing.T) {
	f := newAdminFront(t)
	f.do("POST", "/v1/users", f.admin, `{"email":"ann@example.com","title":"Ann","password":"`+password+`"}`, 200)
	f.do("POST", "/v1/workspaces/-/serviceAccounts?serviceAccountId=robot", f.admin, `{"title":"Robot"}`, 200)
	const members = `[{"member":"serviceAccounts/robot@service.bytebase.com","role":"MEMBER"},{"member":"users/ann@example.com","role":"OWNER"}]`
	answered := func(title, members string) string {
		return `{"name":"groups/dba@example.com","email":"dba@example.com","title":"` + title + `","members":` + members + `}`
	}
	same(t, "create", answered("DBAs", members), f.do("POST", "/v1/groups?groupEmail=DBA@example.com", f.admin,
		`{"title":"DBAs","members":[{"member":"user:ann@example.com","role":"OWNER"},{"member":"serviceAccounts/robot@service.bytebase.com"}]}`, 200))
	f.do("POST", "/v1/groups?groupEmail=dba@example.com", f.admin, `{"title":"Again"}`, 409)
	same(t, "get", answered("DBAs", members), f.do("GET", "/v1/groups/dba@example.com", f.admin, "", 200))
	same(t, "list", `{"groups":[`+answered("DBAs", members)+`]}`, f.do("GET", `/v1/groups?filter=title.matches("dba")`, f.admin, "", 200))
	ann := f.do("POST", "/v1/auth/login", "", `{"email":"ann@example.com","password":"`+password+`"}`, 200)["token"].(string)
	if me := f.do("GET", "/v1/users/me", ann, "", 200); fmt.Sprint(me["groups"]) != "[groups/dba@example.com]" {
		t.Errorf("the groups of oneself: %v", me["groups"])
	}
	same(t, "list of none", `{}`, f.do("GET", `/v1/groups?filter=title.matches("nope")`, f.admin, "", 200))
	same(t, "title, members left as they are", answered("Admins", members),
		f.do("PATCH", "/v1/groups/dba@example.com?updateMask=title", f.admin, `{"title":"Admins","members":[]}`, 200))
	same(t, "members", `{"name":"groups/dba@example.com","email":"dba@example.com","title":"Admins"}`,
		f.do("PATCH", "/v1/groups/dba@example.com?updateMask=members", f.admin, `{}`, 200))
	f.do("PATCH", "/v1/groups/dba@example.com?updateMask=email", f.admin, `{"email":"x@example.com"}`, 400)
	f.do("PATCH", "/v1/groups/dba@example.com?updateMask=members", f.admin, `{"members":[{"member":"group:x@example.com"}]}`, 400)

	f.do("POST", "/v1/workspaces/-:setIamPolicy", f.admin, `{"policy":{"bindings":[{"role":"roles/workspaceAdmin","members":["user:admin@example.com"]},{"role":"roles/workspaceDBA","members":["group:dba@example.com"]}]}}`, 200)
	same(t, "delete while bound", `{"code":9,"message":"groups/dba@example.com holds a role on workspaces/default: take it away there first","status":"<…>"}`,
		optional(f.do("DELETE", "/v1/groups/dba@example.com", f.admin, "", 400)))
	f.do("POST", "/v1/workspaces/-:setIamPolicy", f.admin, `{"policy":{"bindings":[{"role":"roles/workspaceAdmin","members":["user:admin@example.com"]}]}}`, 200)
	f.do("DELETE", "/v1/groups/dba@example.com", f.admin, "", 200)
	f.do("GET", "/v1/groups/dba@example.com", f.admin, "", 404)
}
