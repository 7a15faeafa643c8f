package e2e_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

// TestGuideInABrowser is a person who has never seen Slipway: they open the
// link that the first start prints and follow the guide by the words in it.
// They copy the pipeline in both flavours from the identity's page; each reviews
// a merge request and rolls it out while they watch. Then a job of another
// project is refused.
func TestGuideInABrowser(t *testing.T) {
	t.Parallel()
	w, b := newcomer(t)
	b.followGuide()
	w.targets = []string{"instances/prod/databases/mydb"}
	repo := writeRepository(t)
	for i, flavour := range []struct{ name, file string }{
		{"Slipway client", "migrations/shop/v1.10_first_customer.sql"},
		{"curl and jq", "migrations/shop/v1.11_customer_since.sql"},
	} {
		text := b.copyPipeline(flavour.name)
		ran, err := w.runPipeline(t, text, repo, mergeRequest("change", "README.md"))
		if len(ran) > 0 || err != nil {
			t.Errorf("%s: a merge request without a migration runs %v, %v", flavour.name, ran, err)
		}
		if i > 0 {
			write(t, repo, flavour.file, "ALTER TABLE customer ADD COLUMN since TEXT;\n")
		}
		ran, err = w.runPipeline(t, text, repo, mergeRequest("change", flavour.file))
		if err != nil || len(ran) != 1 || ran["sql-review"] == "" {
			t.Fatalf("%s: a merge request runs %v, %v", flavour.name, ran, err)
		}
		b.watchRollout(t, w, i+1, filepath.Base(flavour.file), func() error {
			ran, err := w.runPipeline(t, text, repo, pushToMain(flavour.file))
			if err == nil && (len(ran) != 1 || ran["rollout"] == "") {
				err = fmt.Errorf("a push to main runs %v", ran)
			}
			return err
		})
		w.wantCustomer(t)
	}
	if rows := sqliteRows(t, w.mydb(), "SELECT count(*) FROM pragma_table_info('customer') WHERE name = 'since'"); rows[0][0] != "1" {
		t.Error("the second pipeline changed nothing")
	}
	b.readRefusal(t, w)
}

// TestGuideWithoutScripts follows the guide's steps in a browser that runs no
// JavaScript, and the job that they let in works.
func TestGuideWithoutScripts(t *testing.T) {
	t.Parallel()
	w, b := newcomer(t)
	b.do(devtools(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	b.followGuide()
	w.targets = []string{"instances/prod/databases/mydb"}
	if out, err := w.job(t, writeRepository(t), "rollout", idtokentest.Job{Project: "my-group/my-project"}); err != nil {
		t.Fatalf("rollout: %v\n%s", err, out)
	}
	w.wantCustomer(t)
}

// newcomer starts a server where nobody is, beside a folder with a database,
// and opens a browser.
func newcomer(t *testing.T) (*world, *tab) {
	t.Helper()
	b := openBrowser(t)
	w := prepareWorld(t)
	w.Env = w.Env[:1] // PATH alone: nobody is the administrator
	folder := filepath.Join(w.root, "prod")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "mydb.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.Start()
	b.w = w
	return w, b
}

// followGuide does what a person does before and in the guide's steps 1 and 2.
func (b *tab) followGuide() {
	b.t.Helper()
	link := regexp.MustCompile(`http://\S+/setup\?token=\S+`).FindString(b.w.Log.String())
	b.do(chromedp.Navigate(link))
	b.fill("Name", "Ada Admin")
	b.fill("Email", servertest.AdminEmail)
	b.fill("Password", servertest.AdminPassword)
	b.click("Make the account")
	b.see("Ada Admin")

	b.click("Projects")
	b.click("Add Project")
	b.fill("Name", "My project")
	b.fill("Project ID", "my-project")
	b.click("Confirm")
	b.see("My project is there.")

	b.click("Instances")
	b.click("Add Instance")
	b.click("SQLite")
	b.fill("Name", "Production")
	b.fill("Instance ID", "prod")
	b.choose("Environment", "Prod")
	b.fill("Folder", filepath.Join(b.w.root, "prod"))
	b.click("Confirm")
	b.see("Production is there.")
	b.click("Sync")
	b.see("It answers. 1 database found.", "mydb")

	b.click("Projects")
	b.click("My project")
	b.in("About this project").click("Databases")
	b.click("Take Over Databases")
	b.click("mydb")
	b.click("Confirm")
	b.see("1 database taken over.", "instances/prod/databases/mydb")

	b.stepOne()
	b.stepTwo()
}

// stepOne is the guide's "Create a workload identity".
func (b *tab) stepOne() {
	b.t.Helper()
	b.see("IAM & Admin")
	b.click("Users & Groups")
	b.click("Add User")
	b.in("Type").click("Workload Identity")
	b.fill("Name", "GitLab Deploy")
	b.fill("Email", "gitlab-deploy")
	b.see("@workload.bytebase.com")
	b.choose("Platform", "GitLab CI")
	b.fill("Group / Username", "my-group")
	b.fill("Project", "my-project")
	b.choose("Allowed Branches/Tags", "All branches and tags")
	b.in("Roles").click("GitOps Service Agent")
	b.click("Advanced settings")
	b.fill("GitLab URL", b.w.issuer.URL())
	b.see("Audience", "Subject pattern")
	b.click("Confirm")
	b.see("GitLab Deploy was added.", identity, "Any branch or tag of my-group/my-project on", "GitOps Service Agent")
}

// stepTwo is the guide's "Assign roles".
func (b *tab) stepTwo() {
	b.t.Helper()
	b.click("Projects")
	b.click("My project")
	b.in("About this project").click("Settings")
	b.in("Settings").click("Members")
	b.click("Grant Access")
	b.fill("Email", identity)
	b.in("Roles").click("GitOps Service Agent")
	b.click("Confirm")
	b.see("GitLab Deploy", identity)
}

// watchRollout opens the page of the nth rollout, which deploy makes and
// somebody's transaction holds up, and sees it end there, with that file last, on
// the page as it was loaded.
func (b *tab) watchRollout(t *testing.T, w *world, nth int, file string, deploy func() error) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.mydb()+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	inTheWay, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = inTheWay.Rollback() }()
	done := make(chan error, 1)
	go func() { done <- deploy() }()

	b.click("Projects")
	b.click("My project")
	b.in("About this project").click("Rollouts")
	b.until("the list has the rollout", func() bool {
		if evaluate[bool](b, fmt.Sprintf(`document.querySelectorAll("main tbody tr").length === %d`, nth)) {
			return true
		}
		b.do(chromedp.Reload()) // lists do not follow
		return false
	})
	b.open(evaluate[string](b, `document.querySelector("main tbody a").pathname`))
	b.see("Running 1", "0 of 1 database")
	evaluate[bool](b, `window.loadedOnce = true`)
	if err := inTheWay.Rollback(); err != nil {
		t.Fatal(err)
	}
	b.see("Done 1", "Running 0", "1 of 1 database", file)
	if !evaluate[bool](b, `window.loadedOnce === true`) {
		t.Error("the page of the rollout was loaded again")
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// readRefusal has a job of another project be refused and reads why.
func (b *tab) readRefusal(t *testing.T, w *world) {
	t.Helper()
	out, err := w.job(t, t.TempDir(), "rollout", idtokentest.Job{Project: "my-group/other"})
	if err == nil {
		t.Fatalf("a job of another project came in:\n%s", out)
	}
	b.click("Users & Groups")
	b.click("GitLab Deploy")
	b.in("About this identity").click("Exchanges")
	b.see("Refused Project")
	b.open(evaluate[string](b, `[...document.querySelectorAll("main tbody tr")].find(r => r.innerText.includes("Refused")).querySelector("a").pathname`))
	b.see("refused", "Nothing was issued", "my-group/other", "my-group/my-project")
}

func (w *world) mydb() string { return filepath.Join(w.root, "prod", "mydb.db") }

// wantCustomer checks that the migrations of writeRepository ran, once.
func (w *world) wantCustomer(t *testing.T) {
	t.Helper()
	if rows := sqliteRows(t, w.mydb(), "SELECT email FROM customer"); len(rows) != 1 || rows[0][0] != "ada@example.com" {
		t.Errorf("customers are %v", rows)
	}
}

// A tab is a page in a real browser.
type tab struct {
	t   testing.TB
	w   *world
	ctx context.Context
}

const chromiumPath = "/usr/bin/chromium"

// openBrowser starts a browser of the test's own, with one empty tab. It skips
// the test where there is none, but not in CI.
func openBrowser(t *testing.T) *tab {
	t.Helper()
	if _, err := os.Stat(chromiumPath); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no browser at " + chromiumPath)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromiumPath), chromedp.NoSandbox, chromedp.Flag("disable-gpu", true))
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	b := &tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		if t.Failed() {
			text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
			t.Logf("the browser shows (%v) %s", err, text)
		}
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil { // opens the tab, which lives as long as its context
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(1440, 900))
	return b
}

// devtools is a DevTools command as a step of do.
func devtools[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	for _, step := range steps {
		if err := chromedp.Do(ctx, step); err != nil {
			b.t.Fatalf("browser: %v", err)
		}
	}
}

func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.w.URL + path))
}

// ask evaluates an expression in the page, which works where the page's own
// scripts do not run.
func ask[T any](b *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

func evaluate[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := ask[T](b, expression)
	if err != nil {
		b.t.Fatalf("browser: %s: %v", expression, err)
	}
	return v
}

// until waits for what a page shows.
func (b *tab) until(what string, done func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("browser: in vain until %s", what)
		}
	}
}

// holds waits for an expression to be true, through navigations, which take the
// page away under the question.
func (b *tab) holds(expression, what string) {
	b.t.Helper()
	b.until(what, func() bool {
		yes, err := ask[bool](b, "!!("+expression+")")
		return err == nil && yes
	})
}

// see waits for texts to show.
func (b *tab) see(texts ...string) {
	b.t.Helper()
	for _, s := range texts {
		b.holds(fmt.Sprintf("document.body?.innerText.includes(%s)", quoted(s)), "the page says "+s)
	}
}

// finder marks what a visible text names, as people find it: a control by its
// label, a button, a link, a tick or a segment by what it begins with. Regions
// are named by their labels; without one, what is in a form that stands before
// the page, or in the navigation, is found too.
const finder = `(want, kind, region) => {
  if (document.readyState !== "complete") return false;
  const shown = (e) => e.checkVisibility() && !e.closest("[inert]");
  const lines = (e) => e.innerText.split("\n").map(s => s.replace(/\*\s*$/, "").trim()).filter(Boolean);
  const named = (e) => e.getAttribute("aria-label") === region || e.tagName === "FIELDSET" && lines(e.querySelector("legend"))[0] === region;
  const within = region ? [...document.querySelectorAll("nav, fieldset, [role=region]")].find(e => shown(e) && named(e)) : document;
  if (!within) return false;
  for (const e of within.querySelectorAll(kind === "field" ? "label" : "button, a, summary, label")) {
    const says = lines(e)[0] ?? "";
    if (!shown(e) || says !== want && !(e.tagName === "SUMMARY" && says.startsWith(want))) continue;
    const found = kind === "field" ? e.control : e;
    if (!found) continue;
    document.querySelectorAll("[data-found]").forEach(x => x.removeAttribute("data-found"));
    found.setAttribute("data-found", "");
    return true;
  }
  return false;
}`

// A region is a part of the page that has a label.
type region struct {
	b    *tab
	name string
}

func (b *tab) in(name string) region { return region{b, name} }

// click presses a button, a link, a tick or a segment.
func (r region) click(name string) {
	r.b.t.Helper()
	r.b.locate(name, "thing to click", r.name)
	r.b.do(chromedp.Click(chromedp.CSS("[data-found]"), chromedp.NodeVisible))
}

func (b *tab) click(name string) {
	b.t.Helper()
	b.in("").click(name)
}

// locate marks what has that name, once no part of the page is about to be
// replaced: the mark would go with it.
func (b *tab) locate(name, kind, region string) {
	b.t.Helper()
	b.holds(fmt.Sprintf("!document.querySelector('.htmx-request') && (%s)(%s, %s, %s)", finder, quoted(name), quoted(kind), quoted(region)), "there is a "+kind+" "+name)
}

// fill types text into the field with that label, over what is there.
func (b *tab) fill(label, text string) {
	b.t.Helper()
	b.locate(label, "field", "")
	evaluate[bool](b, `(() => { const e = document.querySelector("[data-found]"); e.focus(); e.select(); return true; })()`)
	b.do(chromedp.KeyEvent(text))
}

// choose picks an option of the select with that label.
func (b *tab) choose(label, option string) {
	b.t.Helper()
	b.locate(label, "field", "")
	found := evaluate[bool](b, fmt.Sprintf(`(() => {
		const s = document.querySelector("[data-found]");
		const o = [...s.options].find(o => o.label === %s);
		if (!o) return false;
		s.value = o.value;
		s.dispatchEvent(new Event("input", {bubbles: true}));
		s.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})()`, quoted(option)))
	if !found {
		b.t.Fatalf("browser: %s has no option %q", label, option)
	}
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return `""` // unreachable unless strings stop being JSON
	}
	return string(text)
}
