package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"slipway"
	"slipway/internal/api"
	"slipway/internal/pb"
)

// rows returns the cells of the tables below a heading of docs/api.md, without
// the head.
func rows(t *testing.T, heading string) [][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/api.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var all [][]string
	inside := false
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "|---"):
			inside = true
		case !strings.HasPrefix(line, "| "):
			inside = false
		case inside:
			all = append(all, strings.Split(strings.Trim(line, "| "), " | "))
		}
	}
	return all
}

// The methods that docs/api.md calls not built are those that say so.
func TestDocsListWhatIsNotBuilt(t *testing.T) {
	srv := newWhole(t)
	var want, listed []string
	for _, m := range methods() {
		if strings.HasSuffix(refusal(t, srv, m, "{}"), "this version does not have it built") {
			want = append(want, string(m.Parent().Name())+"."+string(m.Name()))
		}
	}
	for _, row := range rows(t, "Not built") {
		for method := range strings.SplitSeq(row[1], ", ") {
			listed = append(listed, row[0]+"."+method)
		}
	}
	slices.Sort(want)
	slices.Sort(listed)
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("(-reality +docs/api.md):\n%s", diff)
	}
}

// refusal returns the message of the error that a method answers, or "".
func refusal(t *testing.T, srv *httptest.Server, m protoreflect.MethodDescriptor, request string) string {
	t.Helper()
	url := srv.URL + "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer ann-token")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Message string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return answer.Message
}

func methods() (all []protoreflect.MethodDescriptor) {
	for _, pkg := range []protoreflect.FullName{"bytebase.v1", "slipway.v1"} {
		protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(f protoreflect.FileDescriptor) bool {
			for i := range f.Services().Len() {
				for j := range f.Services().Get(i).Methods().Len() {
					all = append(all, f.Services().Get(i).Methods().Get(j))
				}
			}
			return true
		})
	}
	return all
}

// The errors that docs/api.md lists are those there are, with their numbers and
// HTTP statuses.
func TestDocsListTheErrors(t *testing.T) {
	h, err := api.Serve(slog.New(slog.DiscardHandler), ann, api.Config{}, func(s *connect.Server) {
		pb.RegisterSheetServiceHandler(s, failing{})
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	var want, listed []string
	for kind, code := range api.Codes {
		status, _ := send(t, http.MethodGet, fmt.Sprintf("%s/v1/projects/shop/sheets/%d", srv.URL, kind), "ann-token", "")
		want = append(want, fmt.Sprintf("%s %d %d", strings.ToUpper(code.String()), code, status))
	}
	for _, row := range rows(t, "Errors") {
		listed = append(listed, strings.Join(row[:3], " "))
	}
	slices.Sort(want)
	slices.Sort(listed)
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("(-reality +docs/api.md):\n%s", diff)
	}
}

// failing fails as the name that is asked for says.
type failing struct {
	pb.UnimplementedSheetServiceHandler
}

func (failing) GetSheet(_ context.Context, req *pb.GetSheetRequest) (*pb.Sheet, error) {
	for _, kind := range slipway.Kinds {
		if req.GetName() == fmt.Sprintf("projects/shop/sheets/%d", kind) {
			return nil, slipway.Errorf(kind, "no")
		}
	}
	return nil, slipway.Errorf(slipway.NotFound, "no such kind")
}

var theseAre = regexp.MustCompile(`these are: (.*)$`)

// offered returns what a refusal says there is instead, or "none".
func offered(t *testing.T, srv *httptest.Server, method, request string) string {
	t.Helper()
	for _, m := range methods() {
		if string(m.Name()) != method {
			continue
		}
		message := refusal(t, srv, m, request)
		if strings.Contains(message, "this list has none") {
			return "none"
		}
		if found := theseAre.FindStringSubmatch(message); found != nil {
			return found[1]
		}
		t.Errorf("%s %s: %s", method, request, message)
	}
	return ""
}

// The fields that docs/api.md says lists can be filtered by, and updates can
// change, are those that the methods offer.
func TestDocsListFiltersAndMasks(t *testing.T) {
	srv := newWhole(t)
	for _, row := range rows(t, "Lists") {
		for method := range strings.SplitSeq(row[0], ", ") {
			parent := map[string]string{
				"ListDatabases": "projects/a", "ListReleases": "projects/a", "ListServiceAccounts": "projects/a",
				"ListWorkloadIdentities": "projects/a", "ListPlans": "projects/a", "ListRollouts": "projects/a",
			}[method]
			request := `{"filter": "nosuch == \"1\""}`
			if parent != "" {
				request = `{"parent": "` + parent + `", "filter": "nosuch == \"1\""}`
			}
			if got := offered(t, srv, method, request); got != row[1] {
				t.Errorf("%s can be filtered by %s, docs/api.md says %s", method, got, row[1])
			}
		}
	}
	names := map[string]string{
		"project": "projects/a", "instance": "instances/a", "database": "instances/a/databases/b", "setting": "settings/ENVIRONMENT",
		"user": "users/a@example.com", "serviceAccount": "serviceAccounts/a@service.bytebase.com",
		"workloadIdentity": "workloadIdentities/a@workload.bytebase.com", "role": "roles/a", "group": "groups/a@example.com",
		"databaseGroup": "projects/a/databaseGroups/b",
	}
	var listed []string
	for _, row := range rows(t, "Updates") {
		noun := strings.TrimPrefix(row[0], "Update")
		field := strings.ToLower(noun[:1]) + noun[1:]
		listed = append(listed, field)
		request := fmt.Sprintf(`{%q: {"name": %q}, "updateMask": "nosuch"}`, field, names[field])
		if got := offered(t, srv, row[0], request); got != row[1] {
			t.Errorf("%s changes %s, docs/api.md says %s", row[0], got, row[1])
		}
	}
	for field := range names {
		if !slices.Contains(listed, field) {
			t.Errorf("docs/api.md does not say what an update of a %s changes", field)
		}
	}
}

// The fields that docs/api.md calls our own are those from number 1000 up.
func TestDocsListOurOwnFields(t *testing.T) {
	var want, listed []string
	protoregistry.GlobalTypes.RangeMessages(func(mt protoreflect.MessageType) bool {
		d := mt.Descriptor()
		for i := range d.Fields().Len() {
			if f := d.Fields().Get(i); f.Number() >= 1000 && d.ParentFile().Package() == "bytebase.v1" {
				want = append(want, string(d.Name())+"."+string(f.Name()))
			}
		}
		return true
	})
	for _, row := range rows(t, "Fields and methods of our own") {
		listed = append(listed, row[0])
	}
	slices.Sort(want)
	slices.Sort(listed)
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("(-reality +docs/api.md):\n%s", diff)
	}
}
