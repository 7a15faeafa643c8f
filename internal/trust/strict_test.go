package trust_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/trust"
)

func TestParseObject(t *testing.T) {
	got, err := trust.ParseObject([]byte(" {\"a\": [1, -2.5e+3, \"x\\u00e9\\ud83d\\ude00\\n\\/\"],\n\t\"A\": {\"b\": null}, \"c\": true, \"d\": {}, \"e\": []} "))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": []any{json.Number("1"), json.Number("-2.5e+3"), "xé😀\n/"},
		"A": map[string]any{"b": nil}, "c": true, "d": map[string]any{}, "e": []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ParseObject (-want +got):\n%s", diff)
	}
}

func TestParseObjectRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"A22 a name twice":              `{"sub":"a","sub":"b"}`,
		"A22 a name twice by an escape": `{"sub":"a","s\u0075b":"b"}`,
		"A22 a name twice, nested":      `{"a":[{"b":1,"b":1}]}`,
		"A24 null":                      `null`,
		"A24 array":                     `[]`,
		"A24 string":                    `"x"`,
		"A24 number":                    `1`,
		"A24 nothing":                   ``,
		"A24 trailing garbage":          `{}garbage`,
		"A24 a second object":           `{}{}`,
		"A24 byte order mark":           "\ufeff{}",
		"A24 invalid UTF-8":             "{\"sub\":\"\xff\"}",
		"A24 surrogate in UTF-8":        "{\"sub\":\"\xed\xa0\x80\"}",
		"A24 lone high surrogate":       `{"sub":"\ud800"}`,
		"A24 lone low surrogate":        `{"sub":"\udc00"}`,
		"A24 high surrogate twice":      `{"sub":"\ud800\ud800"}`,
		"A24 high surrogate then text":  `{"sub":"\ud800u0000"}`,
		"no end":                        `{"a":1`,
		"no end in a string":            `{"a":"x`,
		"no end in an escape":           `{"a":"\`,
		"no end in a \\u":               `{"a":"\u00`,
		"no hex":                        `{"a":"\u00g0"}`,
		"signed hex":                    `{"a":"\u+0ff"}`,
		"unknown escape":                `{"a":"\x"}`,
		"control character":             "{\"a\":\"\n\"}",
		"trailing comma":                `{"a":1,}`,
		"trailing comma in an array":    `{"a":[1,]}`,
		"no colon":                      `{"a" 1}`,
		"no quotes":                     `{a:1}`,
		"leading zero":                  `{"a":01}`,
		"leading plus":                  `{"a":+1}`,
		"bare minus":                    `{"a":-}`,
		"no digits behind the point":    `{"a":1.}`,
		"no digits in the exponent":     `{"a":1e}`,
		"NaN":                           `{"a":NaN}`,
		"word cut short":                `{"a":tru}`,
		"word in capitals":              `{"a":True}`,
		"comment":                       `{"a":1/**/}`,
		"vertical tab":                  "{\v}",
		"too deep":                      `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			if v, err := trust.ParseObject([]byte(data)); err == nil {
				t.Errorf("ParseObject(%q) = %v, want an error", data, v)
			}
		})
	}
}

// FuzzParseObject compares with the standard library, which accepts more: what
// we accept means the same there, and is written back as something we accept.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,{"b":"\ud83d\ude00"}],"c":null}`, `{"a":1,"a":2}`, `{"a":-0.0e-1}`, "\ufeff{}", `{"a":"\u0000"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := trust.ParseObject(data)
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var want map[string]any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("accepted %q, which encoding/json refuses: %v", data, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-encoding/json +ours):\n%s", data, diff)
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		back, err := trust.ParseObject(again)
		if err != nil {
			t.Fatalf("refused %q: %v", again, err)
		}
		if diff := cmp.Diff(got, back); diff != "" {
			t.Fatalf("%q changed on the way through JSON:\n%s", data, diff)
		}
	})
}
