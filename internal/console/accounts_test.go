package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

func TestNavigationShowsWhatMayBeSeen(t *testing.T) {
	w := newWorld(t)
	furnish(w)
	w.visitor(adminEmail).get("/").expect(t, http.StatusOK, in("nav.side", says("Overview", "Home", "IAM & Admin", "Users & Groups")),
		in("nav.side a[aria-current=page]", is("Home")))
	w.visitor(viewerEmail).get("/").expect(t, http.StatusOK, in("nav.side", says("Home"), lacks("Users & Groups")))
}

func TestListOfAccounts(t *testing.T) {
	w := newWorld(t)
	settle(w)
	v := w.visitor(adminEmail)
	all := v.get("/users")
	all.expect(t, http.StatusOK, in("h1", is("Users & Groups")), in(".crumbs", is("IAM & Admin / Users & Groups")),
		in("tbody", says("Ada Admin", "Grace Hopper", "Workspace DBA", "Release Train", "Trusts a lot", "Terraform", "Service Account"), lacks("Old Pipeline")))
	all.follow("Workload identities").expect(t, http.StatusOK, in("tbody", says("GitLab Deploy"), lacks("Ada Admin", "Terraform")))
	all.follow("People").expect(t, http.StatusOK, in("tbody", says("Ada Admin"), lacks("GitLab Deploy")))
	all.submit("Search", url.Values{"deactivated": {"yes"}, "q": {"PIPELINE"}}).expect(t, http.StatusOK, times(1, "tbody tr"), in("tbody", says("Old Pipeline", "Deactivated")))
	all.submit("Search", url.Values{"q": {"100%"}}).expect(t, http.StatusOK, in(".empty", says("Nobody fits")))
	v.get("/users?after=!").expect(t, http.StatusBadRequest, in("h1", is("That did not work")))
}

func TestListGoesOnOverPages(t *testing.T) {
	w := newWorld(t)
	for i := range 60 {
		w.identity("bot-"+string(rune('a'+i/10))+string(rune('a'+i%10)), "Bot", w.trust())
	}
	p := w.visitor(adminEmail).get("/users")
	p.expect(t, http.StatusOK, times(50, "tbody tr"))
	next := p.follow("Next page")
	next.expect(t, http.StatusOK, times(11, "tbody tr"))
	next.follow("First page").expect(t, http.StatusOK, times(50, "tbody tr"))
}

func TestAddUser(t *testing.T) {
	w := newWorld(t)
	v := w.visitor(adminEmail)
	form := url.Values{"type": {"user"}, "title": {"Grace Hopper"}, "email": {"Grace@Example.com"}, "password": {"pa55"}}
	p := v.post("/users/new", form)
	p.expect(t, http.StatusBadRequest, in("#f-password-error", says("12 characters")), in("#f-email", value("value", "Grace@Example.com")),
		times(1, ".sheet [autofocus]"), in(".sheet [autofocus]", value("id", "f-password")))
	if strings.Contains(p.body, "pa55") {
		t.Error("the page repeats a password")
	}
	p.submit("Confirm", url.Values{"password": {password}}).expect(t, http.StatusOK, in("h1", is("Grace Hopper")), in(".toast", says("was added")))
	v.post("/users/new", url.Values{"type": {"user"}, "email": {"grace@example.com"}, "password": {password}}).
		expect(t, http.StatusConflict, in("#f-email-error", says("is taken")))
	v.post("/users/new", url.Values{"type": {"user"}, "email": {"ci@workload.bytebase.com"}, "password": {password}}).
		expect(t, http.StatusBadRequest, in("#f-email-error", says("end users")))
	v.post("/users/new", url.Values{"type": {"robot"}}).expect(t, http.StatusBadRequest, in("#f-type-error", says("Choose")), in(".sheet [autofocus]", value("name", "type")))

	grace := v.get("/users/grace@example.com").follow("Edit")
	grace.submit("Confirm", url.Values{"title": {"Rear Admiral"}}).expect(t, http.StatusOK, in("h1", is("Rear Admiral")))
	w.session("grace@example.com") // the password is still the same
	v.get("/users/grace@example.com").follow("Deactivate").submit("Deactivate", nil).
		expect(t, http.StatusOK, in(".facts", says("Deactivated")), in(".toast", says("is deactivated")))
	if _, err := w.access.Login(t.Context(), access.SignIn{Email: "grace@example.com", Password: password}); err == nil {
		t.Error("a deactivated person signed in")
	}
	v.get("/users/grace@example.com").submit("Restore", nil).expect(t, http.StatusOK, in(".facts", says("Active")))
	v.get("/users/"+adminEmail+"/deactivate").submit("Deactivate", nil).
		expect(t, http.StatusConflict, in(".says", says("without an administrator")))
}

var keyForm = regexp.MustCompile(`slpk_[A-Z0-9]+`)

func TestKeyOfAServiceAccountIsShownOnce(t *testing.T) {
	w := newWorld(t)
	v := w.visitor(adminEmail)
	p := v.post("/users/new", url.Values{"type": {"service-account"}, "title": {"Terraform"}, "service_id": {"terraform"}, "roles": {iam.WorkspaceDBA}})
	p.expect(t, http.StatusOK, in("h1", is("Key of Terraform")), in(".says", says("shown once")))
	key := keyForm.FindString(p.body)
	login := func(key string) error {
		_, err := w.access.Login(t.Context(), access.SignIn{Email: "terraform@service.bytebase.com", Password: slipway.Secret(key)})
		return err
	}
	if err := login(key); err != nil {
		t.Fatalf("the key that is shown: %v", err)
	}
	account := p.follow("Done")
	account.expect(t, http.StatusOK, in("h1", is("Terraform")), in(".page", says("Workspace DBA")))
	if strings.Contains(account.body, "slpk_") {
		t.Error("the account's page shows the key again")
	}
	reset := account.follow("Reset key").submit("Reset key", nil)
	fresh := keyForm.FindString(reset.body)
	if fresh == "" || fresh == key || login(fresh) != nil || login(key) == nil {
		t.Errorf("after a reset the new key %q works: %v, the old one: %v", fresh, login(fresh), login(key))
	}
	v.get(account.url.Path).follow("Edit").submit("Confirm", url.Values{"title": {"OpenTofu"}}).expect(t, http.StatusOK, in("h1", is("OpenTofu")))
	v.get(account.url.Path).follow("Deactivate").submit("Deactivate", nil)
	if login(fresh) == nil {
		t.Error("a deactivated account signed in")
	}
	v.get(account.url.Path).submit("Restore", nil)
	if err := login(fresh); err != nil {
		t.Errorf("a restored account: %v", err)
	}
}

// TestRolesThatCannotBeGranted adds an identity with a role that whoever adds
// it does not hold: the identity is there, and the page says what is not.
func TestRolesThatCannotBeGranted(t *testing.T) {
	w := newWorld(t)
	var permissions []string
	for _, p := range []iam.Permission{
		iam.UsersList, iam.WorkloadIdentitiesCreate, iam.WorkloadIdentitiesGet, iam.WorkloadIdentitiesList,
		iam.WorkspacesGetIamPolicy, iam.WorkspacesSetIamPolicy, iam.RolesList,
	} {
		permissions = append(permissions, string(p))
	}
	if _, err := w.access.CreateRole(t.Context(), w.admin, slipway.Role{ID: "registrar", Title: "Registrar", Permissions: permissions}); err != nil {
		t.Fatal(err)
	}
	rob := w.person("rob@example.com")
	w.grant(slipway.WorkspaceName, "roles/registrar", rob.Member())
	v := w.visitor(rob.Email)
	v.get("/users/new").expect(t, http.StatusOK, in(".seg", says("Workload Identity"), lacks("Service Account")))
	form := filled(nil)
	form.Set("roles", iam.GitOpsServiceAgent)
	p := v.post("/users/new", form)
	p.expect(t, http.StatusOK, in("h1", says("GitLab Deploy")), in(".says", says("was added, but holds no role", "cannot grant")), times(0, ".toast"))
	if w.stored("gitlab-deploy").Deleted {
		t.Error("the identity is gone")
	}
	v.get(p.url.Path).expect(t, http.StatusOK, in(".page", lacks("but holds no role")))
	v.post("/users/new", url.Values{"type": {"user"}, "email": {"x@example.com"}, "password": {password}}).
		expect(t, http.StatusForbidden, says(string(iam.UsersCreate)))
}

func TestOwnAccount(t *testing.T) {
	w := newWorld(t)
	w.session(adminEmail)
	v := w.visitor(adminEmail)
	p := v.get("/account")
	p.expect(t, http.StatusOK, in("h1", is("Account")), times(1, ".chip.ok"), in(".page", says("This one", "192.0.2.1")))
	p.submit("Save", url.Values{"title": {"Ada Lovelace"}}).expect(t, http.StatusOK, in(".who", says("Ada Lovelace")), in(".toast", is("Saved.")))
	p.submit("Save", url.Values{"title": {" "}}).expect(t, http.StatusBadRequest, in("#f-title-error", says("1 to 200")))

	dark := p.submit("Apply", url.Values{"theme": {"dark"}})
	dark.expect(t, http.StatusOK, in("html", value("data-theme", "dark")))
	w.visitor("").get("/signin").expect(t, http.StatusOK, times(0, "html[data-theme]"))
	dark.submit("Apply", url.Values{"theme": {"auto"}}).expect(t, http.StatusOK, times(0, "html[data-theme]"))
	p.submit("Apply", url.Values{"theme": {`"><script>`}}).expect(t, http.StatusOK, times(0, "html[data-theme]"))

	p.submit("Sign out", nil) // the other session's button comes first in no order that matters
	p = w.visitor(adminEmail).get("/account")
	p.submit("Change password", url.Values{"current": {"wrong"}, "password": {"another password"}}).
		expect(t, http.StatusBadRequest, in("#f-current-error", says("not the current password")))
	p.submit("Change password", url.Values{"current": {password}, "password": {"short"}}).
		expect(t, http.StatusBadRequest, in("#f-password-error", says("12 characters")))
	p.submit("Change password", url.Values{"current": {password}, "password": {"another password"}}).
		expect(t, http.StatusOK, in(".toast", says("password is changed")), times(1, ".chip.ok"))
	p.v.get("/account").submit("Sign out everywhere", nil).expect(t, http.StatusOK, in("h1", is("Sign in")))
	p.v.get("/account").expect(t, http.StatusOK, in("h1", is("Sign in")))
}
