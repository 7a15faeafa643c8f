package e2e_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "slipway/internal/pb" // registers the contract's files
)

// A row of permissions.txt is one binding of a method and who may call it.
type row struct {
	who         string // letters of roles, or "anyone", "people", "everyone"
	where       string // whose grants count: "project" or "workspace"
	permissions []string
	resource    string
	method      string // "PlanService.GetPlan"
	verb, path  string
	body        string
	answer      int // the code that those who may are answered
}

// may reports whether the table lets who call r.
func (r row) may(who actor) bool {
	switch {
	case r.who == "everyone":
		return true
	case who.caller == "":
		return false
	case r.who == "anyone":
		return true
	case r.who == "people":
		return strings.HasPrefix(who.caller, "user:")
	}
	return who.role != 0 && strings.IndexByte(r.who, who.role) >= 0 && r.reaches(who)
}

// bars reports whether who holds what r takes and is refused as no person.
func (r row) bars(who actor) bool {
	return who.role == 'G' && strings.HasSuffix(r.who, "g") && r.reaches(who)
}

// reaches reports whether what who holds counts for r.
func (r row) reaches(who actor) bool { return who.on == "workspace" || who.on == r.where }

// readRows reads permissions.txt, and fails the test unless every binding of
// every method has a row in it and every row is of one.
func readRows(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile("testdata/permissions.txt")
	if err != nil {
		t.Fatal(err)
	}
	bindings := contract()
	if len(bindings) < 100 {
		t.Fatalf("the contract has %d bindings: some are missing", len(bindings))
	}
	var rows []row
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		r := parseRow(t, line)
		bare, _, _ := strings.Cut(r.path, "?")
		at := slices.IndexFunc(bindings, func(b *binding) bool {
			return b.method == r.method && b.verb == r.verb && b.path.MatchString(bare)
		})
		if at < 0 {
			t.Errorf("permissions.txt: no method has the binding of %q", line)
			continue
		}
		bindings[at].named = true
		rows = append(rows, r)
	}
	for _, b := range bindings {
		if !b.named {
			t.Errorf("permissions.txt does not say who may call %s by %s %s", b.method, b.verb, b.template)
		}
	}
	return rows
}

var whoForm = regexp.MustCompile(`^[A-][D-][M-][O-][W-][R-][V-][Gg-]$`)

func parseRow(t *testing.T, line string) row {
	t.Helper()
	cells := strings.Split(line, "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	if len(cells) < 3 || len(cells) > 5 {
		t.Fatalf("permissions.txt: %q has not three to five cells", line)
	}
	cells = append(cells, "", "")
	right := strings.Fields(cells[0])
	verb, path, _ := strings.Cut(cells[2], " ")
	r := row{who: right[0], method: cells[1], verb: verb, path: path, body: cells[3]}
	open := r.who == "anyone" || r.who == "everyone"
	if !open && (len(right) != 4 || r.who != "people" && !whoForm.MatchString(r.who)) || open && len(right) != 1 {
		t.Fatalf("permissions.txt: cannot read who may in %q", line)
	}
	if !open {
		r.where, r.permissions, r.resource = right[1], strings.Split(right[2], ","), right[3]
		if r.where != "project" && r.where != "workspace" {
			t.Fatalf("permissions.txt: where in %q is neither project nor workspace", line)
		}
	}
	if cells[4] != "" {
		number, known := code.Code_value[cells[4]]
		if !known {
			t.Fatalf("permissions.txt: there is no code %s", cells[4])
		}
		r.answer = int(number)
	}
	if r.body == "" && r.verb != http.MethodGet && r.verb != http.MethodDelete {
		r.body = "{}"
	}
	return r
}

var brace = regexp.MustCompile(`\{[a-z]+\}`)

// filled puts what was made for the test in the place of names in braces.
func (m *matrix) filled(t *testing.T, r row, who actor) row {
	t.Helper()
	m.n++
	put := func(text string) string {
		return brace.ReplaceAllStringFunc(text, func(name string) string {
			name = strings.Trim(name, "{}")
			switch name {
			case "n":
				return strconv.Itoa(m.n)
			case "self":
				if email, ok := strings.CutPrefix(who.caller, "user:"); ok {
					return email
				}
				return "bob@example.com"
			case "idtoken":
				return m.issuer.Token(t, mainJob)
			}
			value, ok := m.ids[name]
			if !ok {
				t.Fatalf("permissions.txt: nothing stands for {%s} in %q", name, text)
			}
			return value
		})
	}
	r.path, r.resource, r.body = put(r.path), put(r.resource), put(r.body)
	return r
}

// A binding is one way to call a method over REST.
type binding struct {
	method, verb, template string
	path                   *regexp.Regexp // what the template stands for; braces of permissions.txt are segments
	named                  bool
}

// contract lists every binding of every method that the server has.
func contract() (all []*binding) {
	for _, pkg := range []protoreflect.FullName{"bytebase.v1", "slipway.v1"} {
		protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(f protoreflect.FileDescriptor) bool {
			for i := range f.Services().Len() {
				methods := f.Services().Get(i).Methods()
				for j := range methods.Len() {
					all = append(all, bindingsOf(methods.Get(j))...)
				}
			}
			return true
		})
	}
	return all
}

// bindingsOf lists a method's bindings. One without any is listed with an empty
// template, so that it lacks a row.
func bindingsOf(m protoreflect.MethodDescriptor) (all []*binding) {
	name := string(m.Parent().Name()) + "." + string(m.Name())
	rule, ok := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok || rule == nil {
		return []*binding{{method: name, path: regexp.MustCompile(`^$`)}}
	}
	for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		b := &binding{method: name}
		switch p := r.GetPattern().(type) {
		case *annotations.HttpRule_Get:
			b.verb, b.template = http.MethodGet, p.Get
		case *annotations.HttpRule_Post:
			b.verb, b.template = http.MethodPost, p.Post
		case *annotations.HttpRule_Patch:
			b.verb, b.template = http.MethodPatch, p.Patch
		case *annotations.HttpRule_Delete:
			b.verb, b.template = http.MethodDelete, p.Delete
		}
		bare := regexp.MustCompile(`\{[a-z_.]+=([^}]+)\}`).ReplaceAllString(b.template, "$1")
		b.path = regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(bare), `\*`, `[^/:]+`) + "$")
		all = append(all, b)
	}
	return all
}
