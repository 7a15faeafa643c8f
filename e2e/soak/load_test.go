package soak_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// kinds is how many acts there are until they begin anew.
const kinds = 8

// act is one thing that clients of a server do, the nth: a job that trades its
// token and looks, checks or rolls out; a job that is refused; a person who
// looks at the console.
func (s *subject) act(idToken string, n int) {
	var err error
	kind := []string{"roll out", "check", "be refused", "look", "check", "open pages", "look", "be refused"}[n%kinds]
	switch kind {
	case "be refused":
		err = s.call("", "POST", "/v1/auth:exchangeToken", object{"token": idToken + "x", "email": identity}, nil, http.StatusUnauthorized)
	case "open pages":
		err = s.pages()
	default:
		err = s.job(kind, idToken, n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.wrong = append(s.wrong, fmt.Sprintf("act %d, %s: %v", n, kind, err))
		kind = "fail"
	}
	s.counts[kind]++
}

// report fails the test for acts that went wrong, and says what was done.
func (s *subject) report() {
	s.T.Logf("acts: %v", s.counts)
	for _, w := range s.wrong[:min(10, len(s.wrong))] {
		s.T.Error(w)
	}
}

// job is what a pipeline does once it has traded its token.
func (s *subject) job(kind, idToken string, n int) error {
	var out struct{ AccessToken string }
	if err := s.call("", "POST", "/v1/auth:exchangeToken", object{"token": idToken, "email": identity}, &out, http.StatusOK); err != nil {
		return err
	}
	files := []object{{"path": fmt.Sprintf("migrations/%d_x.sql", n+1), "version": fmt.Sprint(n + 1), "statement": statement(n)}}
	switch kind {
	case "check":
		return s.call(out.AccessToken, "POST", "/v1/"+project+"/releases:check", object{"release": object{"files": files}, "targets": s.targets}, nil, http.StatusOK)
	case "look":
		return s.call(out.AccessToken, "GET", "/v1/"+project+"/rollouts", nil, nil, http.StatusOK)
	}
	return s.rollOut(out.AccessToken, files, n)
}

// statement is what the nth act changes, base64 in JSON: a table at first, then
// a row of it, and now and then something that cannot be.
func statement(n int) []byte {
	switch {
	case n == 0:
		return []byte("CREATE TABLE visit (id INTEGER NOT NULL PRIMARY KEY);")
	case fails(n):
		return fmt.Appendf(nil, "INSERT INTO nowhere (id) VALUES (%d);", n)
	}
	return fmt.Appendf(nil, "INSERT INTO visit (id) VALUES (%d);", n)
}

// fails reports whether the nth act rolls out what cannot be.
func fails(n int) bool { return n%40 == 16 }

// rollOut carries a change out, stage by stage.
func (s *subject) rollOut(token string, files []object, n int) error {
	var release, plan struct{ Name string }
	if err := s.call(token, "POST", "/v1/"+project+"/releases", object{"files": files}, &release, http.StatusOK); err != nil {
		return err
	}
	spec := object{
		"id":                   fmt.Sprintf("00000000-0000-4000-8000-%012d", n),
		"changeDatabaseConfig": object{"targets": s.targets, "release": release.Name},
	}
	if err := s.call(token, "POST", "/v1/"+project+"/plans", object{"title": fmt.Sprint("Change ", n), "specs": []object{spec}}, &plan, http.StatusOK); err != nil {
		return err
	}
	var ro rollout
	if err := s.call(token, "POST", "/v1/"+plan.Name+"/rollout", object{}, &ro, http.StatusOK); err != nil {
		return err
	}
	if len(ro.Stages) != 2 || len(ro.Stages[0].Tasks) != 2 {
		return fmt.Errorf("%s has not two stages of two tasks: %+v", plan.Name, ro)
	}
	for i := range ro.Stages {
		var names []string
		for _, t := range ro.Stages[i].Tasks {
			names = append(names, t.Name)
		}
		if err := s.call(token, "POST", "/v1/"+ro.Stages[i].Name+"/tasks:batchRun", object{"tasks": names}, nil, http.StatusOK); err != nil {
			return err
		}
		want := "DONE"
		if fails(n) {
			want = "FAILED"
		}
		if err := s.ended(token, plan.Name, i, want); err != nil || fails(n) {
			return err
		}
	}
	return nil
}

// A rollout is what is read of one.
type rollout struct {
	Stages []struct {
		Name  string
		Tasks []struct{ Name, Status string }
	}
}

// ended waits until the tasks of a stage have ended and compares how.
func (s *subject) ended(token, plan string, stage int, want string) error {
	for deadline := time.Now().Add(time.Minute); ; {
		var ro rollout
		if err := s.call(token, "GET", "/v1/"+plan+"/rollout", nil, &ro, http.StatusOK); err != nil {
			return err
		}
		var now []string
		for _, t := range ro.Stages[stage].Tasks {
			now = append(now, t.Status)
		}
		if !slices.ContainsFunc(now, func(st string) bool { return st == "PENDING" || st == "RUNNING" || st == "NOT_STARTED" }) {
			if slices.ContainsFunc(now, func(st string) bool { return st != want }) {
				return fmt.Errorf("%s: the tasks ended as %v, want %s", plan, now, want)
			}
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: after a minute the tasks are %v", plan, now)
		}
		<-time.After(100 * time.Millisecond)
	}
}

// pages opens pages of the console, and leaves a rollout's while its events
// come.
func (s *subject) pages() error {
	for _, path := range []string{"/", "/" + project, "/" + project + "/rollouts", "/" + project + "/rollouts/1"} {
		if err := s.page(path, 0); err != nil {
			return err
		}
	}
	return s.page("/"+project+"/rollouts/1/events", 300*time.Millisecond)
}

// page reads one as the administrator; one that goes on is left after a while.
func (s *subject) page(path string, leave time.Duration) error {
	req, err := http.NewRequestWithContext(s.T.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		return err
	}
	req.AddCookie(&http.Cookie{Name: "slipway", Value: s.AdminToken()})
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || strings.HasPrefix(resp.Request.URL.Path, "/signin") {
		return fmt.Errorf("GET %s answered %s at %s", path, resp.Status, resp.Request.URL.Path)
	}
	if leave > 0 {
		<-time.After(leave)
		return nil
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// call makes a request of the REST API and decodes the answer into out, which
// may be nil; any status but want is an error.
func (s *subject) call(token, verb, path string, body, out any, want int) error {
	in, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		in = nil
	}
	req, err := http.NewRequestWithContext(s.T.Context(), verb, s.URL+path, bytes.NewReader(in))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s %s answered %d: %s", verb, path, resp.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}
