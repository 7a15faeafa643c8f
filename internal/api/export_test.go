package api

import (
	"fmt"
	"strings"
)

// What the black-box tests of this package reach inside for.
var (
	Serve     = serve
	Caller    = caller
	PageOf    = pageOf
	PageToken = pageToken
	MaskOf    = maskOf
	Codes     = codes
	MaxBytes  = maxBytes
)

// FilterTerms parses text for fields of every sort and spells out the terms.
func FilterTerms(text string) (string, error) {
	terms, err := parseFilter(text, map[string]filterField{
		"name":        textField(equals, matches, contains),
		"engine":      textField(equals, oneOf),
		"assigned":    flagField(),
		"create_time": timeField(),
		"labels":      labelField(),
	})
	var b strings.Builder
	for _, t := range terms {
		value := fmt.Sprintf("%q", t.text)
		switch {
		case t.list != nil:
			value = fmt.Sprintf("%q", t.list)
		case t.field == "assigned":
			value = fmt.Sprint(t.flag)
		case !t.time.IsZero():
			value = t.time.String()
		}
		fmt.Fprintf(&b, "%s[%s] %s %s; ", t.field, t.key, t.op, value)
	}
	return strings.TrimSuffix(b.String(), "; "), err
}
