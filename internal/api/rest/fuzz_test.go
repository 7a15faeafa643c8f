package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"

	"slipway"
	"slipway/internal/api/rest"
)

// answers are the codes that a transport itself may give, with their status.
var answers = map[int][]int{3: {400}, 5: {404}, 12: {405, 501}}

// FuzzPath sends any path, query and body to the routes of the whole contract.
// The answer is one of the table, never the server's fault and always JSON; and
// letters that are escaped lead to the same place.
func FuzzPath(f *testing.F) {
	for _, s := range [][4]string{
		{"GET", "users/me", "", ""},
		{"GET", "instances/pg/databases/a%2Fb", "x=%ff", ""},
		{"POST", "auth:exchangeToken", "", `{"token": "x"}`},
		{"PATCH", "settings/ENVIRONMENT", "allowMissing=true&updateMask=a,b", `{"value": {}}`},
		{"POST", "projects/a/releases:check", "", `{"release": {"files": [{"statement": "U0VMRUNUIDE="}]}}`},
		{"GET", "projects", "pageSize=3&filter=a%20==%20%22b%22&showDeleted=true", ""},
		{"DELETE", "projects/%2e%2e/releases/..", "", "{}"},
		{"GET", "instances/a/databases/b/changelogs", "view=1&view=2", ""},
		{"POST", "a/tasks:batchRun", "runTime=2026-01-01T00:00:00Z", `null`},
	} {
		f.Add(s[0], s[1], s[2], []byte(s[3]), uint(len(s[1])/2))
	}
	var rec recorder
	h := newHandler(f, &rec)
	send := func(t *testing.T, method, path, query string, body []byte) (*httptest.ResponseRecorder, proto.Message) {
		req, err := http.NewRequest(method, "http://host/v1/"+path+"?"+query, bytes.NewReader(body))
		if err != nil || req.URL.Host != "host" || req.URL.EscapedPath() != "/v1/"+path {
			t.Skip("net/http lets no such request in")
		}
		rec = recorder{}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w, rec.request
	}
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte, at uint) {
		w, reached := send(t, method, path, query, body)
		if reached == nil {
			wantRefusal(t, w)
		} else if w.Code != http.StatusOK || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("reached %s and answered %d %q", rec.procedure, w.Code, w.Body)
		}
		if len(path) == 0 || !isLetter(path[at%uint(len(path))]) || inEscape(path, int(at%uint(len(path)))) {
			return
		}
		i := at % uint(len(path))
		if strings.LastIndexByte(path, ':') >= 0 && int(i) > strings.LastIndexByte(path, ':') {
			return // a verb is compared as it stands
		}
		again, same := send(t, method, fmt.Sprintf("%s%%%02X%s", path[:i], path[i], path[i+1:]), query, body)
		if again.Code != w.Code || (reached == nil) != (same == nil) {
			t.Fatalf("%q with the letter at %d escaped: %d instead of %d", path, i, again.Code, w.Code)
		}
		if reached != nil && !proto.Equal(reached, same) {
			t.Fatalf("%q with the letter at %d escaped became another request:\n%s", path, i, cmp.Diff(reached, same, protocmp.Transform()))
		}
	})
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// inEscape reports whether the letter at i is a digit of a percent escape.
func inEscape(path string, i int) bool {
	return strings.HasSuffix(path[:i], "%") || i >= 2 && path[i-2] == '%'
}

// wantRefusal fails the test unless w is an error of the table, in words.
func wantRefusal(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var got struct {
		Code    int
		Message string
		Details []any
	}
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	text := w.Body.String()
	if err := d.Decode(&got); err != nil {
		t.Fatalf("%d %q: %v", w.Code, text, err)
	}
	if !slices.Contains(answers[got.Code], w.Code) || got.Message == "" || !utf8.ValidString(got.Message) || len(got.Message) > 4<<10 {
		t.Fatalf("%d %q", w.Code, text)
	}
}

// requests are the messages that the methods of the contract take.
func requests() []protoreflect.MessageType {
	var all []protoreflect.MessageType
	for _, pkg := range []protoreflect.FullName{"bytebase.v1", "slipway.v1"} {
		protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(f protoreflect.FileDescriptor) bool {
			for i := range f.Messages().Len() {
				if mt, err := protoregistry.GlobalTypes.FindMessageByName(f.Messages().Get(i).FullName()); err == nil {
					all = append(all, mt)
				}
			}
			return true
		})
	}
	slices.SortFunc(all, func(a, b protoreflect.MessageType) int {
		return strings.Compare(string(a.Descriptor().FullName()), string(b.Descriptor().FullName()))
	})
	return all
}

// FuzzBody reads any bytes as any message of the contract. What is refused is
// the caller's mistake, in a few words; what is taken says the same when it is
// written and read again, as JSON and as binary.
func FuzzBody(f *testing.F) {
	all := requests()
	for i, mt := range all {
		if strings.HasSuffix(string(mt.Descriptor().Name()), "Request") {
			f.Add(uint(i), []byte(`{"name": "a", "pageSize": 5, "filter": "x"}`))
		}
		switch mt.Descriptor().Name() {
		case "UpdateSettingRequest":
			f.Add(uint(i), []byte(`{"setting": {"value": {"environment": {"environments": [{"color": {"alpha": 1}}]}}}, "updateMask": "a,b"}`))
		case "CheckReleaseRequest":
			f.Add(uint(i), []byte(`{"release": {"files": [{"statement": "U0VMRUNUIDE=", "titel": 1}]}}`))
		case "BatchRunTasksRequest":
			f.Add(uint(i), []byte(`{"runTime": "2026-01-01T00:00:00Z"}`))
		case "Project":
			f.Add(uint(i), []byte(`{"title": "\ud800", "labels": {"a": "b", "a": "c"}}`))
		}
	}
	f.Fuzz(func(t *testing.T, which uint, data []byte) {
		mt := all[which%uint(len(all))]
		m := mt.New().Interface()
		if err := rest.ReadJSON(data, m); err != nil {
			if slipway.KindOf(err) != slipway.Invalid || slipway.MessageOf(err) == "" || len(slipway.MessageOf(err)) > 4<<10 {
				t.Fatalf("%s from %q: %v", mt.Descriptor().Name(), data, err)
			}
			return
		}
		var text bytes.Buffer
		if err := rest.WriteJSON(&text, m); err != nil {
			t.Fatalf("%s was read from %q and cannot be written: %v", mt.Descriptor().Name(), data, err)
		}
		again := mt.New().Interface()
		if err := rest.ReadJSON(text.Bytes(), again); err != nil || !proto.Equal(m, again) {
			t.Fatalf("%q was written as %q, and that: %v\n%s", data, text.Bytes(), err, cmp.Diff(m, again, protocmp.Transform()))
		}
		binary, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := rest.CheckBinary(binary, mt.New().Interface()); err != nil {
			t.Fatalf("%q as binary: %v", data, err)
		}
		again = mt.New().Interface()
		if err := proto.Unmarshal(binary, again); err != nil || !proto.Equal(m, again) {
			t.Fatalf("%q changed as binary: %v", data, err)
		}
	})
}

// FuzzQuery reads any query into any message without a body. It is refused in
// words that name the query, or what it says can be spelled out again.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{"pageSize=1&pageToken=a", "filter=%ff", "updateMask=a,b", "view=CHANGELOG_VIEW_FULL", "runTime=x", "project.title=a", "showDeleted=TRUE", "a=b;c=d", "&&="} {
		f.Add(q)
	}
	var rec recorder
	h := newHandler(f, &rec)
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"projects", "instances/a/databases/b/changelogs", "workspaces/-/databases"} {
			req, err := http.NewRequest(http.MethodGet, "http://host/v1/"+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.URL.RawQuery = query
			rec = recorder{}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			if rec.request == nil {
				if !strings.Contains(w.Body.String(), "query: ") {
					t.Fatalf("%q: %d %s", query, w.Code, w.Body)
				}
				wantRefusal(t, w)
				continue
			}
			values, err := url.ParseQuery(query)
			if err != nil {
				t.Fatalf("%q was taken: %v", query, err)
			}
			for key := range values {
				name, _, _ := strings.Cut(key, ".")
				d := rec.request.ProtoReflect().Descriptor().Fields()
				if d.ByJSONName(name) == nil && d.ByName(protoreflect.Name(name)) == nil {
					t.Fatalf("%q was taken, and %s has no field %q", query, rec.procedure, key)
				}
			}
		}
	})
}
