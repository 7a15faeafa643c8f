package console

import (
	"net/http"
	"net/url"
	"slices"

	"slipway"
)

// A form is what somebody typed and what is wrong with it, so that nothing is
// lost when it is shown again. The zero form is empty.
type form struct {
	url.Values
	Wrong  map[string]string // :: field → what is wrong with it
	Error  string            // what is wrong with the whole
	first  string            // field that was blamed first
	status int
}

// blame notes that what is in a field is wrong.
func (f *form) blame(field, words string) {
	if f.Wrong == nil {
		f.Wrong, f.first = map[string]string{}, field
	}
	if f.Wrong[field] == "" {
		f.Wrong[field] = sentence(words)
	}
	f.status = max(f.status, statusOf[slipway.Invalid])
}

// take notes err as what is wrong with the whole form if whoever typed it can
// mend that; other errors it returns.
func (f *form) take(err error) error {
	switch kind := slipway.KindOf(err); kind {
	case slipway.Invalid, slipway.Exists, slipway.Conflict, slipway.Precondition, slipway.Unavailable, slipway.Exhausted:
		f.Error = sentence(slipway.MessageOf(err))
		f.status = statusOf[kind]
		return nil
	}
	return err
}

// ok reports whether nothing is wrong.
func (f form) ok() bool { return f.Error == "" && len(f.Wrong) == 0 }

// Status returns the HTTP status of the page that shows f.
func (f form) Status() int { return max(f.status, http.StatusOK) }

// An option is one of those that a select, a segmented control or a list of
// ticks offers.
type option struct {
	Value, Label string
	Hint         string // stands under the label
	Title        string // shows on hover
	Chosen       bool
}

// A field is one field of a form, as the templates "field", "segments" and
// "ticks" draw it. Templates make one by the functions below:
//
//	{{template "field" (field .Form "email" "Email" | required | suffix "@workload.bytebase.com")}}
type field struct {
	ID, Name, Label, Value string
	Kind                   string // type of the input; "select" and "area" are elements of their own
	Hint, Error            string
	Suffix                 string // stands behind what is typed and belongs to it
	Placeholder            string
	Autocomplete           string
	Class                  string // of the element around it
	Required, Mono, Focus  bool
	Options                []option
	chosen                 []string
	yields                 bool // the focus goes to a field that was typed wrong
}

// newField returns the field of f called name. The first that was typed wrong
// has the focus.
func newField(f form, name, label string) field {
	return field{
		ID: "f-" + name, Name: name, Label: label, Kind: "text",
		Value: f.Get(name), chosen: f.Values[name], Error: f.Wrong[name],
		Focus: f.first == name, yields: f.first != "",
	}
}

// Describes returns the ids of what explains the field.
func (f field) Describes() string {
	ids := ""
	if f.Hint != "" {
		ids = f.ID + "-hint "
	}
	return ids + f.ID + "-error"
}

// fieldFunctions are what templates change a field with; the field comes last,
// as it does through a pipe.
func fieldFunctions() map[string]any {
	return map[string]any{
		"field":        newField,
		"required":     func(f field) field { f.Required = true; return f },
		"mono":         func(f field) field { f.Mono = true; return f },
		"focus":        func(f field) field { f.Focus = f.Focus || !f.yields; return f },
		"kind":         func(kind string, f field) field { f.Kind = kind; return f },
		"hint":         func(text string, f field) field { f.Hint = text; return f },
		"suffix":       func(text string, f field) field { f.Suffix = text; return f },
		"placeholder":  func(text string, f field) field { f.Placeholder = text; return f },
		"autocomplete": func(what string, f field) field { f.Autocomplete = what; return f },
		"class":        func(name string, f field) field { f.Class = name; return f },
		"options":      func(list []option, f field) field { return f.with(list) },
	}
}

// with returns f with the options to choose from, those marked that are chosen.
func (f field) with(list []option) field {
	f.Options = slices.Clone(list)
	for i, o := range f.Options {
		f.Options[i].Chosen = slices.Contains(f.chosen, o.Value)
	}
	return f
}
