package console_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"slipway"
	"slipway/internal/console"
	"slipway/internal/iam"
	"slipway/internal/idtokentest"
	"slipway/internal/store"
)

// TestHomeLeadsThroughTheGuide does the steps one by one and follows the link of
// each.
func TestHomeLeadsThroughTheGuide(t *testing.T) {
	w := newWorld(t)
	v := w.visitor(adminEmail)
	// state wants the chips of the steps, in order, and the link of the next.
	state := func(chips, link, url string) {
		t.Helper()
		p := v.get("/")
		p.expect(t, http.StatusOK, times(4, "ol.steps li"))
		got := ""
		for _, c := range find(p.root, "ol.steps .chip") {
			got += text(c) + "; "
		}
		if got != chips {
			t.Errorf("steps are %q, want %q", got, chips)
		}
		if link == "" {
			return
		}
		next := p.follow(link)
		if next.status != http.StatusOK || next.url.RequestURI() != url {
			t.Errorf("%s leads to %s with status %d, want %s", link, next.url, next.status, url)
		}
	}
	state("Next; To do; To do; To do; ", "Add Instance : Connect a database", "/instances/new")
	w.project("shop")
	w.database("test", "shop", "shop")
	state("Done; Next; To do; To do; ", "Add User : Create a workload identity", "/users/new?type=workload-identity")
	deploy := w.identity("deploy", "Deploy", w.trust())
	state("Done; Done; Next; To do; ", "Members : Assign roles", "/projects/shop/members")
	w.grant("projects/shop", iam.GitOpsServiceAgent, "workloadIdentity:"+deploy)
	state("Done; Done; Done; Next; ", "Pipeline : Configure the pipeline", "/workload-identities/"+deploy+"/pipeline")
	w.exchange(deploy, idtokentest.Job{})
	state("Done; Done; Done; Done; ", "", "")
	w.rollout("shop", map[string]string{"1_a.sql": "CREATE TABLE a (x INT);"}, slipway.DatabaseRef{Instance: "test", Database: "shop"})
	v.get("/").expect(t, http.StatusOK, times(0, "ol.steps"), says("Needs attention", "Waiting", "1 database to go"))
}

func TestHomeShowsWhatNeedsAttention(t *testing.T) {
	y := newYard(t)
	deploy := "gitlab-deploy@workload.bytebase.com"
	for range 3 {
		y.exchange(deploy, idtokentest.Job{Ref: "feature"})
	}
	y.exchange(deploy, idtokentest.Job{})
	y.exchange("nobody@workload.bytebase.com", idtokentest.Job{})
	y.must(y.st.Update(t.Context(), func(tx *store.Tx) error { // older than a day
		return tx.AddExchange(t.Context(), slipway.Exchange{Reference: "OLD", Time: time.Now().Add(-25 * time.Hour), Identity: "old@workload.bytebase.com"})
	}))
	y.must(os.Rename(filepath.Join(y.root, "test"), filepath.Join(y.root, "away")))
	if _, err := y.things.SyncInstance(t.Context(), y.admin, "test"); err == nil {
		t.Fatal("an instance that is away was synced")
	}

	p := y.visitor(adminEmail).get("/")
	p.expect(t, http.StatusOK, in("main .card", times(4, "tbody tr")),
		in("main table", says("SQLite test", "No answer", "GitLab Deploy", "3 refused", "the last for: Ref", "nobody@workload.bytebase.com", "1 refused", "1 failed"), lacks("old@")),
		says("Latest rollouts", "Latest changes"))
	p.follow("GitLab Deploy").expect(t, http.StatusOK, in("h1", says("refused")))
	p.follow("SQLite test").expect(t, http.StatusOK, in(".says.bad", says("did not answer")))

	// The charts say in numbers what they draw.
	chart := in(".chart", is2("Exchanges"), in("desc", is("1 let in, 5 refused in 14 days; at most 5 in one.")), times(14, "g"), times(14, "tbody tr"))
	p.expect(t, http.StatusOK, chart)

	// A project's viewer sees the project's rollouts, and nothing of the rest.
	vera := y.person(viewerEmail)
	y.grant("projects/shop", iam.ProjectViewer, vera.Member())
	v := y.visitor(vera.Email)
	v.get("/").expect(t, http.StatusOK, says("1 failed", "Latest rollouts", "Rollouts by day"), lacks("SQLite test", "refused", "Exchanges", "Latest changes"))
	bob := y.person("bob@example.com")
	y.visitor(bob.Email).get("/").expect(t, http.StatusOK, says("Nothing to see yet"), lacks("Rollouts by day", "Needs attention"))
}

func TestHomeWhenAllIsWell(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	ref := w.database("test", "shop", "shop")
	w.run(w.rollout("shop", map[string]string{"1_a.sql": "CREATE TABLE a (x INT);"}, ref), "test")
	w.visitor(adminEmail).get("/").expect(t, http.StatusOK, says("Nothing needs you.", "no job was refused"), lacks("Needs attention"))
}

// is2 wants the element to begin with a heading.
func is2(want string) check { return in("h2", is(want)) }

func TestChart(t *testing.T) {
	day := time.Date(2026, 11, 9, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		why  string
		days [][2]int
		says string
		bars string // heights of each day's parts, from the top of the first
	}{
		{"nothing", [][2]int{{0, 0}, {0, 0}}, "0 in, 0 out in 2 days; at most 0 in one.", "0+0 0+0"},
		{"the highest fills the chart", [][2]int{{3, 1}, {1, 1}}, "4 in, 2 out in 2 days; at most 4 in one.", "75+25 25+25"},
		{"one among very many is seen", [][2]int{{10000, 1}}, "10000 in, 1 out in 1 days; at most 10001 in one.", "99+2"},
	} {
		heights := ""
		c := console.NewChart(day, tc.days...)
		for _, d := range c.Days {
			heights += fmt.Sprintf(" %d+%d", d.H[0], d.H[1])
			if d.Y[1] < 0 || d.Y[0] < d.Y[1] || d.Y[0]+d.H[0] > 100 {
				t.Errorf("%s: a bar stands outside: %+v", tc.why, d)
			}
		}
		if c.Says() != tc.says || heights[1:] != tc.bars {
			t.Errorf("%s: %q with bars %s, want %q with %s", tc.why, c.Says(), heights, tc.says, tc.bars)
		}
	}
}

// fortnight fills two weeks with exchanges.
func (y yard) fortnight() {
	y.must(y.st.Update(y.t.Context(), func(tx *store.Tx) error {
		for day := range 14 {
			for n := range 3 + day*day%11 {
				x := slipway.Exchange{
					Reference: fmt.Sprintf("D%dN%d", day, n), Time: time.Now().AddDate(0, 0, -day).Add(-time.Minute), Allowed: n%7 != 3 || day == 0,
					Identity: "gitlab-deploy@workload.bytebase.com",
				}
				if err := tx.AddExchange(y.t.Context(), x); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// newBusyYard is a yard with two weeks of exchanges behind it, in which
// something needs attention.
func newBusyYard(t testing.TB) yard {
	y := newYard(t)
	y.fortnight()
	y.exchange("gitlab-deploy@workload.bytebase.com", idtokentest.Job{Ref: "feature"})
	y.must(os.Rename(filepath.Join(y.root, "test"), filepath.Join(y.root, "away")))
	if _, err := y.things.SyncInstance(t.Context(), y.admin, "test"); err == nil {
		t.Fatal("an instance that is away was synced")
	}
	return y
}
