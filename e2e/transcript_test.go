package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"slipway/internal/dbtest"
	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

// A step is one recorded call with its answer, from testdata/answers.md.
type step struct {
	line     int
	rpc      string // "bytebase.v1.ReleaseService/CheckRelease"; "" for REST
	verb     string
	path     string
	recorded string // status that the recorded server gave: "200", "ok", "permission_denied"
	request  string
	answer   string
	as       string            // whose credential: "admin", "job" or "nobody"
	status   string            // ours where it is another
	until    *regexp.Regexp    // ask again until the answer matches
	ours     map[string]string // keys that only our answer has, and why
	lacks    map[string]string // keys that only the recorded answer has, and why
	used     map[string]bool   // of ours and lacks
	headers  map[string]string // that the answer has
}

// TestTranscripts makes the calls that were recorded from the server that
// clients of this API are written for, in their order, and holds our answers
// against the recorded ones: names, types, values and codes. Each difference
// stands in testdata/answers.md with its reason; one that is not there fails
// the test, and so does one that is no more.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	w := prepareWorld(t)
	w.Start()
	r := &replay{world: w, wire: readWire(t), vars: map[string]string{}}
	r.prepare(t)
	steps := readSteps(t)
	if len(steps) < 57 {
		t.Fatalf("answers.md has %d calls: some are missing", len(steps))
	}
	for _, s := range steps {
		r.replay(t, s)
		if t.Failed() {
			return // what follows stands on what failed
		}
	}
}

// A replay is a world with what was learned from its answers.
type replay struct {
	*world
	wire wire
	vars map[string]string
}

// prepare makes what the recorded server stood on: three databases on one
// server, and a GitLab with jobs in it.
func (r *replay) prepare(t *testing.T) {
	t.Helper()
	for _, env := range []string{"DEV", "STAGING", "PROD"} {
		db := dbtest.Postgres(t)
		r.vars[env] = db.Name
		r.vars["HOST"], r.vars["PORT"] = db.Source.Host, db.Source.Port
		r.vars["DBUSER"], r.vars["DBPASSWORD"] = db.Source.Username, db.Source.Password.Reveal()
	}
	audience := "https://bytebase.example.test"
	r.vars["ISSUER"], r.vars["WORKSPACE"], r.vars["PASSWORD"] = r.issuer.URL(), "workspaces/default", servertest.AdminPassword
	r.vars["URL"], r.vars["SPEC"] = r.URL, "f15fe5ad-a43b-42be-931f-55df1f73528f"
	r.vars["IDTOKEN"] = r.issuer.Token(t, idtokentest.Job{Project: "acme/shop", Audience: audience})
	r.vars["OTHERTOKEN"] = r.issuer.Token(t, idtokentest.Job{Project: "acme/other", Audience: audience})
}

var (
	stepHead  = regexp.MustCompile(`^## (?:RPC (\S+)|(\S+) (\S+)) → (\S+)$`)
	stepNote  = regexp.MustCompile(`^(as|status|until|ours|lacks|edited|header): (.+)$`)
	variableX = regexp.MustCompile(`\$([A-Z]+)`)
)

// readSteps reads testdata/answers.md: a heading for each call, lines about how
// ours differs, then the request, if it has one, and the answer.
func readSteps(t *testing.T) []step {
	t.Helper()
	text, err := os.ReadFile("testdata/answers.md")
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	var blocks []string
	finish := func() {
		if len(steps) == 0 {
			return
		}
		s := &steps[len(steps)-1]
		switch len(blocks) {
		case 2:
			s.request, s.answer = blocks[0], blocks[1]
		case 1:
			s.answer = blocks[0]
		default:
			t.Fatalf("answers.md:%d: the call has %d blocks", s.line, len(blocks))
		}
		blocks = nil
	}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if m := stepHead.FindStringSubmatch(line); m != nil {
			finish()
			steps = append(steps, step{
				line: i + 1, rpc: m[1], verb: m[2], path: m[3], recorded: m[4], as: "admin",
				ours: map[string]string{}, lacks: map[string]string{}, used: map[string]bool{}, headers: map[string]string{},
			})
			continue
		}
		if m := stepNote.FindStringSubmatch(line); m != nil && len(steps) > 0 {
			if err := steps[len(steps)-1].note(m[1], m[2]); err != nil {
				t.Fatalf("answers.md:%d: %v", i+1, err)
			}
			continue
		}
		if line == "```json" {
			end := slices.Index(lines[i:], "```")
			blocks = append(blocks, strings.Join(lines[i+1:i+end], "\n"))
			i += end
		}
	}
	finish()
	return steps
}

// note reads a line about a call.
func (s *step) note(key, value string) error {
	what, why, ok := strings.Cut(value, " — ")
	if !ok && (key == "status" || key == "ours" || key == "lacks" || key == "edited") {
		return fmt.Errorf("%s: %q gives no reason", key, value)
	}
	switch key {
	case "as":
		s.as = value
	case "status":
		s.status = what
	case "until":
		re, err := regexp.Compile(value)
		s.until = re
		return err
	case "header":
		name, want, _ := strings.Cut(value, ": ")
		s.headers[name] = want
	case "ours":
		for name := range strings.SplitSeq(what, ", ") {
			s.ours[name] = why
		}
	case "lacks":
		for name := range strings.SplitSeq(what, ", ") {
			s.lacks[name] = why
		}
	}
	return nil
}

// replay makes one call and compares.
func (r *replay) replay(t *testing.T, s step) {
	t.Helper()
	at := fmt.Sprintf("answers.md:%d: %s%s %s", s.line, s.rpc, s.verb, s.path)
	token := map[string]string{"admin": "", "nobody": "", "job": r.vars["TOKEN"]}[s.as]
	if s.as == "admin" {
		token = r.AdminToken()
	}
	status, text := 0, []byte(nil)
	ask := func() bool {
		if s.rpc != "" {
			status, text = r.wire.rpc(r.Server, token, s.rpc, []byte(r.expand(s.request)))
		} else {
			var body any
			if s.request != "" {
				body = []byte(r.expand(s.request))
			}
			var resp *http.Response
			resp, text = r.Do(token, s.verb, r.expand(s.path), body)
			status = resp.StatusCode
			for name, want := range s.headers {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: header %s is %q, want %q", at, name, got, want)
				}
			}
		}
		return s.until == nil || s.until.Match(text)
	}
	if s.until != nil {
		servertest.Await(t, at+" answers "+s.until.String(), ask)
	} else {
		ask()
	}
	want := s.recorded
	if s.status != "" {
		want = s.status
	}
	if got := statusWord(s, status, text); got != want {
		t.Errorf("%s: status %s, want %s: %s", at, got, want, text)
		return
	}
	var got, wanted any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Errorf("%s: %v in %s", at, err, text)
		return
	}
	if err := json.Unmarshal([]byte(s.answer), &wanted); err != nil {
		t.Fatalf("%s: the recorded answer: %v", at, err)
	}
	for _, diff := range r.compare(s, "", wanted, got) {
		t.Errorf("%s: %s", at, diff)
	}
	for name := range maps.Keys(s.ours) {
		if !s.used[name] {
			t.Errorf("%s: %s is noted as ours, and is not in the answer", at, name)
		}
	}
	for name := range maps.Keys(s.lacks) {
		if !s.used[name] {
			t.Errorf("%s: %s is noted as lacking, and is in the answer", at, name)
		}
	}
	if t.Failed() {
		t.Logf("%s answered\n%s", at, text)
	}
}

// statusWord is the status as the recording has it.
func statusWord(s step, status int, text []byte) string {
	if s.rpc == "" {
		return strconv.Itoa(status)
	}
	if status == http.StatusOK {
		return "ok"
	}
	var e struct{ Code string }
	_ = json.Unmarshal(text, &e) // no code then, which is not the one that was recorded
	return e.Code
}

func (r *replay) expand(text string) string {
	return variableX.ReplaceAllStringFunc(text, func(v string) string {
		if value, ok := r.vars[v[1:]]; ok {
			return value
		}
		return v
	})
}

var hole = regexp.MustCompile(`^<(?:([A-Z]+)=)?(\w+|~.*)>$`)

// kinds are what may stand in a recorded answer for a value that is another
// each time.
func kinds(kind string) *regexp.Regexp {
	if pattern, ok := strings.CutPrefix(kind, "~"); ok {
		return regexp.MustCompile("^" + pattern + "$")
	}
	return map[string]*regexp.Regexp{
		"time": regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6}|\.\d{9})?Z$`), // RFC 3339 as proto3 JSON writes it
		"jwt":  regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+$`),
		"etag": regexp.MustCompile(`^\d+$`), "version": regexp.MustCompile(`^\d+(\.\d+)+.*$`),
		"uuid": regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), "number": regexp.MustCompile(`^\d+$`),
		"text": regexp.MustCompile(`(?s)^.+$`),
	}[kind]
}

// compare tells where got is not what was recorded.
func (r *replay) compare(s step, at string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %v, want an object", at, got)}
		}
		return r.compareObjects(s, at, want, object)
	case []any:
		list, ok := got.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %v, want a list", at, got)}
		}
		return r.compareLists(s, at, want, list)
	case string:
		if _, number := got.(float64); number && want == "<end>" {
			return nil // of a statement in a file
		}
		text, ok := got.(string)
		if !ok {
			return []string{fmt.Sprintf("%s is %v, want a string", at, got)}
		}
		return r.compareTexts(at, want, text)
	}
	if !reflect.DeepEqual(want, got) {
		return []string{fmt.Sprintf("%s is %v, want %v", at, got, want)}
	}
	return nil
}

func (r *replay) compareObjects(s step, at string, want, got map[string]any) (diffs []string) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if _, there := got[key]; there {
			diffs = append(diffs, r.compare(s, at+"."+key, want[key], got[key])...)
			continue
		}
		if s.lacks[key] == "" {
			diffs = append(diffs, fmt.Sprintf("%s lacks %s", at, key))
		}
		s.used[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, there := want[key]; there {
			continue
		}
		if s.ours[key] == "" {
			diffs = append(diffs, fmt.Sprintf("%s has %s as well: %v", at, key, got[key]))
		}
		s.used[key] = true
	}
	return diffs
}

// compareLists wants the same elements in the same order; after "…" there may
// be others.
func (r *replay) compareLists(s step, at string, want, got []any) (diffs []string) {
	open := len(want) > 0 && want[len(want)-1] == "…"
	if open {
		want = want[:len(want)-1]
	}
	if len(got) < len(want) || !open && len(got) != len(want) {
		return []string{fmt.Sprintf("%s has %d elements, want %d", at, len(got), len(want))}
	}
	for i := range want {
		diffs = append(diffs, r.compare(s, fmt.Sprintf("%s[%d]", at, i), want[i], got[i])...)
	}
	return diffs
}

func (r *replay) compareTexts(at, want, got string) []string {
	m := hole.FindStringSubmatch(want)
	if m == nil {
		if want = r.expand(want); want != got {
			return []string{fmt.Sprintf("%s is %q, want %q", at, got, want)}
		}
		return nil
	}
	re := kinds(r.expand(m[2]))
	if re == nil || !re.MatchString(got) {
		return []string{fmt.Sprintf("%s is %q, want %s", at, got, want)}
	}
	if m[1] != "" {
		groups := re.FindStringSubmatch(got)
		r.vars[m[1]] = groups[len(groups)-1]
	}
	return nil
}

// TestDeniedDetail reads the binary detail of a refused call as the client
// does: it is what tells a pipeline's owner which permission is missing.
func TestDeniedDetail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{"sqlite", "sqlite"})
	w.trust()
	facts := readWire(t)
	token := w.exchanged(idtokentest.Job{Project: "my-group/my-project"})
	status, text := facts.rpc(w.Server, token, "bytebase.v1.ReleaseService/CheckRelease", []byte(`{"parent": "projects/my-project"}`))
	var got struct {
		Code    string
		Details []struct{ Type, Value string }
	}
	if err := json.Unmarshal(text, &got); err != nil || status != http.StatusForbidden || got.Code != "permission_denied" || len(got.Details) != 1 {
		t.Fatalf("%d %s: %v", status, text, err)
	}
	if got.Details[0].Type != "bytebase.v1.PermissionDeniedDetail" {
		t.Errorf("the detail is a %s", got.Details[0].Type)
	}
	binary, err := base64.RawStdEncoding.DecodeString(got.Details[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"method":"/bytebase.v1.ReleaseService/CheckRelease","requiredPermissions":["bb.releases.check"],"resources":["projects/my-project"]}`
	if detail := string(facts.json(t, "PermissionDeniedDetail", binary)); detail != want {
		t.Errorf("the detail says %s, want %s", detail, want)
	}
}
