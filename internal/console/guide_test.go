package console_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/iam"
)

// TestGuideStepOneInABrowser follows the guide's first step by the labels that
// it names.
func TestGuideStepOneInABrowser(t *testing.T) {
	w := newWorld(t)
	b := w.tab(t, adminEmail)
	b.open("/")
	b.see("IAM & Admin")
	b.click("Users & Groups")
	b.click("Add User")
	b.at("/users/new")
	b.fill("Email", "nobody")
	b.click("Workload Identity")
	b.fill("Name", "GitLab Deploy")
	b.fill("Email", "gitlab-deploy")
	b.see("@workload.bytebase.com")
	b.choose("Platform", "GitLab CI")
	b.fill("Group / Username", "my-group")
	b.see("Any branch or tag of every project in my-group and its subgroups on gitlab.com may sign in")
	b.fill("Project", "my-project")
	b.see("Any branch or tag of my-group/my-project on gitlab.com may sign in.", "project_path:my-group/my-project:*")
	b.choose("Allowed Branches/Tags", "Specific tag")
	b.see("Any tag of my-group/my-project on gitlab.com may sign in")
	b.choose("Allowed Branches/Tags", "All branches and tags")
	b.click("GitOps Service Agent")
	b.see("Any branch or tag of my-group/my-project on gitlab.com may sign in as GitOps Service Agent in every project.")
	b.click("Advanced settings GitLab URL, audience, subject pattern")
	b.fill("Group / Username", "my*")
	b.see("* is not a wildcard here")
	b.fill("Group / Username", "my-group")
	b.fill("GitLab URL", "https://gitlab.corp/")
	b.see("Any branch or tag of my-group/my-project on gitlab.corp may sign in")
	b.fill("GitLab URL", "https://gitlab.com")
	b.see("on gitlab.com may sign in", "Subject pattern", "Audience")
	// What was typed for another type is still there.
	b.click("User")
	if got := script[string](b, `document.querySelector("#f-email").value`); got != "nobody" {
		t.Errorf("the address typed for a user is %q", got)
	}
	b.click("Workload Identity")
	b.shoot("user-new-filled")
	b.click("Confirm")
	b.at("/workload-identities/gitlab-deploy@workload.bytebase.com")
	b.see("GitLab Deploy was added.", "Any branch or tag of my-group/my-project on gitlab.com", "GitOps Service Agent")

	want := slipway.Trust{
		Platform: slipway.GitLab, Issuer: "https://gitlab.com", Audiences: []string{"https://gitlab.com"},
		GitLab: &slipway.GitLabTrust{Group: "my-group", Project: "my-project"},
	}
	if diff := cmp.Diff(want, w.stored("gitlab-deploy").Trust); diff != "" {
		t.Errorf("stored trust (-want +got):\n%s", diff)
	}
	p, err := w.access.Policy(t.Context(), w.admin, slipway.WorkspaceName)
	if err != nil {
		t.Fatal(err)
	}
	granted := false
	for _, binding := range p.Bindings {
		granted = granted || binding.Role == iam.GitOpsServiceAgent && strings.Join(binding.Members, " ") == "workloadIdentity:gitlab-deploy@workload.bytebase.com"
	}
	if !granted {
		t.Errorf("the role was not granted: %+v", p.Bindings)
	}
}

// TestSheetKeepsFocus tabs through a sheet: focus never leaves it, and Escape
// closes it.
func TestSheetKeepsFocus(t *testing.T) {
	w := newWorld(t)
	b := w.tab(t, adminEmail)
	b.open("/users/new")
	b.see("Confirm")
	if at := script[string](b, `document.activeElement.id`); at != "f-title" {
		t.Errorf("the form opens with the focus on %q", at)
	}
	reached := map[string]bool{}
	for range 40 {
		b.do(chromedp.KeyEvent("\t"))
		where := script[string](b, `(() => { const a = document.activeElement; return a === document.body ? "the browser" : a.closest(".sheet") ? (a.innerText || a.name || a.ariaLabel) : "outside: " + a.outerHTML.slice(0, 80); })()`)
		if strings.HasPrefix(where, "outside") {
			t.Fatalf("focus is %s", where)
		}
		reached[where] = true
	}
	for _, name := range []string{"Confirm", "Cancel", "type", "email"} {
		if !reached[name] {
			t.Errorf("the keyboard does not reach %s: %v", name, reached)
		}
	}
	b.do(chromedp.KeyEvent("\u001b"))
	b.at("/users")
}

func TestMenuOnNarrowScreens(t *testing.T) {
	w := newWorld(t)
	b := w.tab(t, adminEmail)
	b.do(chromedp.EmulateViewport(390, 800))
	b.open("/")
	b.click("Menu")
	b.see("Users & Groups")
	b.shoot("menu-390")
	b.click("Users & Groups")
	b.at("/users")
}

// TestIdentityInABrowser uses what scripts add to an identity's pages.
func TestIdentityInABrowser(t *testing.T) {
	w := newWorld(t)
	identity, _ := settle(w)
	b := w.tab(t, adminEmail)
	b.open("/workload-identities/" + identity + "/pipeline")
	b.see("slipway rollout")
	b.click("curl and jq")
	b.see("bytebase-action rollout")
	b.choose("Reviews act as", "GitLab Review")
	b.until(`!document.body.innerText.includes("sql-review runs for")`, "the warning stays")
	script[bool](b, `(() => {
		const write = navigator.clipboard.writeText.bind(navigator.clipboard);
		navigator.clipboard.writeText = (text) => { window.copied = text; return write(text); };
		return true;
	})()`)
	b.click("Copy")
	b.see("Copied")
	if got := script[string](b, `window.copied`); !strings.Contains(got, "gitlab-review@workload.bytebase.com") || !strings.HasPrefix(got, "stages:") {
		t.Errorf("copied %q", got)
	}
	b.look("identity-pipeline-curl")

	b.click("Test a token")
	b.fill("ID token or claims", `{"iss": "https://gitlab.com"}`)
	b.click("Check")
	b.see("Refused")
	b.look("identity-test-refused")
}

// TestPreviewKeepsPasswords holds what typing sends against what it may.
func TestPreviewKeepsPasswords(t *testing.T) {
	w := newWorld(t)
	b := w.tab(t, adminEmail)
	b.open("/users/new")
	script[bool](b, `document.body.addEventListener("htmx:configRequest", e => { window.sent = [...Object.keys(e.detail.parameters)].join(" ") }) ?? true`)
	b.fill("Password", "secret")
	b.until(`window.sent && window.sent.includes("title")`, "no preview was asked for")
	if sent := script[string](b, `window.sent`); strings.Contains(sent, "password") {
		t.Errorf("typing sends %s", sent)
	}
}

// TestTimesAreTheViewers shows the time of an exchange in the zone of whoever
// looks.
func TestTimesAreTheViewers(t *testing.T) {
	w := newWorld(t)
	_, refused := settle(w)
	b := w.tab(t, adminEmail)
	b.do(command(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kathmandu"}))
	b.open("/exchanges/" + refused)
	b.see("refused")
	got := script[string](b, `document.querySelector("time").textContent`)
	want := script[string](b, `new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium", timeZone: "Asia/Kathmandu"}).format(new Date(document.querySelector("time").dateTime))`)
	if got != want || strings.Contains(got, "UTC") {
		t.Errorf("the page says %s, a clock in Kathmandu %s", got, want)
	}
}
