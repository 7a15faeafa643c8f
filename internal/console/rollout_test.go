package console_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/rollout"
	"slipway/internal/store"
)

const (
	good = "CREATE TABLE customer (\n  id INTEGER PRIMARY KEY\n);\n"
	bad  = "-- status\nALTER TABLE custmer ADD COLUMN status TEXT;\n"
)

func TestARolloutIsRunStageByStage(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	test, prod := w.database("test", "shop", "shop"), w.database("prod", "shop", "shop")
	ro := w.rollout("shop", map[string]string{"001_a.sql": good}, test, prod)
	v, at := w.visitor(adminEmail), "/projects/shop/rollouts/1"

	p := v.get(at)
	p.expect(t, http.StatusOK, in("h1", says("Not started")), in(".actions", says("Run Test"), lacks("Run Prod", "Retry", "Cancel")),
		in(".stages", says("Test", "Prod", "after Test", "0 of 1 database")))
	asked := p.follow("Run Test")
	asked.expect(t, http.StatusOK, in("h1", is("Run on instances/test/databases/shop?")))
	p = asked.submit("Run", nil)
	p.expect(t, http.StatusOK, in(".toast", says("1 database is on the way.")), in("h1", says("Waiting")), in(".actions", says("Cancel")))
	if p.url.Path != at {
		t.Errorf("running led to %s", p.url)
	}
	w.work(ro, "test")
	p = v.get(at)
	p.expect(t, http.StatusOK, in(".actions", says("Run Prod"), lacks("Run Test")), in("h1", says("1 of 2 done")))
	v.get(at+"?stage=test").expect(t, http.StatusOK,
		in("pre.log", says("001_a.sql", "CREATE TABLE customer", "committed")), in("tbody", says("1 of 1", "Done")))

	// Asked again by somebody whose page is old, nothing happens twice.
	again := v.post(asked.url.RequestURI(), url.Values{})
	again.expect(t, http.StatusConflict, in(".card", says("nothing left to do")))
}

func TestAFailureStandsInItsPlace(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	ro := w.rollout("shop", map[string]string{"m/001_a.sql": good, "m/002_b.sql": bad}, w.database("test", "shop", "shop"))
	w.run(ro, "test")
	v := w.visitor(adminEmail)
	p := v.get("/projects/shop/rollouts/1")
	p.expect(t, http.StatusOK,
		in("h1", says("1 failed")), in(".actions", says("Retry failed")),
		in("#task .says", says("no such table: custmer", "m/002_b.sql, line 2")),
		in("#task pre.sql", says("-- status", "ALTER TABLE")),
		in("#task .foot", says("1 of 2 files are applied")),
		in("tbody", says("1 of 2")))
	p.follow("Retry failed").submit("Retry", nil)
	w.work(ro, "test")
	p = v.get("/projects/shop/rollouts/1")
	p.expect(t, http.StatusOK, in("#task .tabs", says("Attempt 1", "Attempt 2")), in("#task .muted", says("attempt 2")))
	p.follow("Attempt 1").expect(t, http.StatusOK, in("#task .muted", says("attempt 1")), in("#task pre.log", says("CREATE TABLE customer")))

	skip := p.follow("Skip")
	skip.submit("Skip", nil).expect(t, http.StatusBadRequest, in("#f-reason-error", says("Say why")))
	p = skip.submit("Skip", url.Values{"reason": {"written by hand"}})
	p.expect(t, http.StatusOK, in(".toast", says("1 database is skipped.")), in("tbody", says("Skipped", "written by hand")))
}

func TestWaitingRunsAreCanceled(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	refs := append([]slipway.DatabaseRef{w.database("test", "a", "shop")}, w.more("test", "shop", "b")...)
	w.rollout("shop", map[string]string{"001_a.sql": good}, refs...)
	v := w.visitor(adminEmail)
	p := v.get("/projects/shop/rollouts/1").follow("Run Test").submit("Run", nil)
	ask := p.follow("Cancel")
	ask.expect(t, http.StatusOK, in("h1", is("Cancel what runs on 2 databases?")), in("button.danger"))
	p = ask.submit("Cancel what runs", nil)
	p.expect(t, http.StatusOK, in(".actions", says("Run canceled again"), lacks("Cancel ")), in("tbody", says("Canceled")))
}

// Who may look and not run is offered nothing to run.
func TestViewersAreOfferedNoRuns(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	w.grant("projects/shop", iam.ProjectViewer, w.person(viewerEmail).Member())
	ro := w.rollout("shop", map[string]string{"001_a.sql": bad}, w.database("test", "shop", "shop"))
	w.run(ro, "test")
	w.visitor(viewerEmail).get("/projects/shop/rollouts/1").expect(t, http.StatusOK,
		in("#task", says("no such table")), in("main", lacks("Retry", "Skip", "Run Test", "Cancel")))
}

// An event is a server-sent event.
type event struct{ id, name, data string }

// events reads a stream until it ends.
func (v *visitor) events(ctx context.Context, path, last string) (<-chan event, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.w.url+path, nil)
	if err != nil {
		return nil, err
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := v.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		return nil, fmt.Errorf("status %d, %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	out := make(chan event, 1000)
	go func() {
		defer close(out)
		defer res.Body.Close()
		var e event
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			switch field, value, _ := strings.Cut(lines.Text(), ": "); field {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data += value + "\n"
			case "":
				if e.name != "" {
					out <- e
				}
				e = event{}
			}
		}
	}()
	return out, nil
}

func TestARolloutIsFollowed(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	ro := w.rollout("shop", map[string]string{"001_a.sql": good}, w.database("test", "shop", "shop"))
	v := w.visitor(adminEmail)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	p := v.get("/projects/shop/rollouts/1")
	at := attr(find(p.root, "[sse-connect]")[0], "sse-connect")
	stream, err := v.events(ctx, at, "")
	if err != nil {
		t.Fatal(err)
	}
	w.run(ro, "test")
	seen := map[string]string{}
	first, ended := true, false
	for e := range stream {
		if first && strings.Contains(e.data, "Not started") && e.name == "head" {
			t.Error("the stream begins with what the page shows already")
		}
		first = false
		seen[e.name], ended = e.data, e.name == "end"
	}
	if !ended {
		t.Error("the stream did not say that it was over")
	}
	for name, want := range map[string]string{"head": "Done", "stages": "1 of 1 database", "states": "Done 1", "task": "committed", "row-1": "1 of 1"} {
		if !strings.Contains(seen[name], want) {
			t.Errorf("the last event %s has no %q: %s", name, want, seen[name])
		}
	}
	again, err := v.events(ctx, "/projects/shop/rollouts/1/events", "")
	if err != nil {
		t.Fatal(err)
	}
	var id string
	for e := range again {
		if e.name == "head" {
			id = e.id
		}
	}
	last, err := v.events(ctx, "/projects/shop/rollouts/1/events", id)
	if err != nil {
		t.Fatal(err)
	}
	for e := range last {
		if e.name != "end" {
			t.Errorf("a browser that has seen all of it gets %s again", e.name)
		}
	}
}

// A rollout to a thousand databases stays a page.
func TestARolloutToAThousandDatabases(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	first := w.database("prod", "shop", "shop")
	ctx := t.Context()
	rel := w.rollout("shop", map[string]string{"001_a.sql": good}, first).Stages[0].Tasks[0].Release
	var ro slipway.Rollout
	err := w.st.Update(ctx, func(tx *store.Tx) error {
		plan, err := tx.CreatePlan(ctx, slipway.Plan{Project: "shop", Title: "wide"})
		if err != nil {
			return err
		}
		stage := slipway.Stage{Environment: "prod"}
		for i := range 1000 {
			ref := slipway.DatabaseRef{Instance: "prod", Database: fmt.Sprintf("tenant_%03d_with_a_name_that_is_rather_long", i)}
			if err := tx.PutDatabase(ctx, slipway.Database{DatabaseRef: ref, Project: "shop"}); err != nil {
				return err
			}
			stage.Tasks = append(stage.Tasks, slipway.Task{Target: ref, Release: rel})
		}
		ro, err = tx.CreateRollout(ctx, slipway.Rollout{Project: "shop", Plan: plan.ID, Title: "wide", Stages: []slipway.Stage{stage}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	v, at := w.visitor(adminEmail), fmt.Sprintf("/projects/shop/rollouts/%d", ro.Plan)
	p := v.get(at)
	p.expect(t, http.StatusOK, times(50, "tbody tr"), in(".stage", says("0 of 1000 databases")), in("nav.pager", says("Next page")))
	if n := len(p.body); n > 100<<10 {
		t.Errorf("the page has %d KiB, want at most 100", n>>10)
	}
	p.follow("Next page").expect(t, http.StatusOK, times(50, "tbody tr"), in("tbody", says("tenant_050"), lacks("tenant_049")))
	v.get(at+"?q=tenant_77").expect(t, http.StatusOK, times(10, "tbody tr"))
	v.get(at+"?state=failed").expect(t, http.StatusOK, in(".empty", says("No database fits")))
	p.follow("Run Prod").submit("Run", nil).expect(t, http.StatusOK, in(".toast", says("1000 databases are on the way.")))
	runs, err := w.rollouts.TaskRuns(ctx, w.admin, rollout.Scope{Project: "shop", Plan: ro.Plan})
	if err != nil || len(runs) != 1000 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	var ms []time.Duration
	for range 20 {
		began := time.Now()
		v.get(at)
		ms = append(ms, time.Since(began))
	}
	t.Logf("a page of it takes %v", ms)
}

func TestARolloutIsWatchedInABrowser(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	ro := w.rollout("shop", map[string]string{"001_a.sql": good}, w.database("test", "shop", "shop"))
	b := w.tab(t, adminEmail)
	b.open("/projects/shop/rollouts/1")
	b.click("Run Test")
	b.click("Run")
	b.see("1 database is on the way.")
	script[bool](b, "window.stays = true")
	w.work(ro, "test")
	b.see("1 of 1 database", "committed")
	b.until("document.querySelector('h1 .chip').textContent === 'Done'", "the heading does not say Done")
	if !script[bool](b, "window.stays === true") {
		t.Error("the page was loaded anew")
	}
	b.until("document.querySelector('svg.segments rect.ok') !== null", "the bar is not green")
}
