package api

import (
	"maps"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"slipway"
)

// An operator is how a term of a filter compares a field.
type operator string

// The operators, as people write them.
const (
	equals   operator = "=="
	oneOf    operator = "in"
	matches  operator = "matches" // holds the text somewhere, in any case; a plain text, no pattern
	contains operator = "contains"
	atLeast  operator = ">="
	atMost   operator = "<="
)

// A term is one comparison. Of the values the one that belongs to the field's
// sort is set.
type term struct {
	field string
	key   string // of labels["key"]
	op    operator
	text  string   // of a text; also of each label
	list  []string // of a text with oneOf
	flag  bool
	time  time.Time
}

// A filterField says which terms a field may stand in.
type filterField struct {
	sort fieldSort
	ops  []operator
}

type fieldSort int

const (
	textSort fieldSort = iota
	flagSort
	timeSort
	labelSort // field["key"] or field.key
)

// Constructors for the fields of a filter.
func textField(ops ...operator) filterField { return filterField{textSort, ops} }
func flagField() filterField                { return filterField{flagSort, []operator{equals}} }
func timeField() filterField                { return filterField{timeSort, []operator{atLeast, atMost}} }
func labelField() filterField               { return filterField{labelSort, []operator{equals}} }

// maxFilter bounds a filter in bytes.
const maxFilter = 2048

// parseFilter reads a condition in CEL: comparisons joined by &&, of fields
// with literals. "" is no terms. Whatever the handler has no field or operator
// for is an Invalid that names what there is, so that no condition is ignored.
func parseFilter(text string, fields map[string]filterField) ([]term, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(text) > maxFilter {
		return nil, slipway.Errorf(slipway.Invalid, "filter: it has %d bytes; %d is the most", len(text), maxFilter)
	}
	p, err := parser.NewParser(parser.MaxRecursionDepth(64), parser.ErrorReportingLimit(1))
	if err != nil {
		return nil, err
	}
	parsed, errs := p.Parse(common.NewTextSource(text))
	if errs != nil && len(errs.GetErrors()) > 0 {
		return nil, slipway.Errorf(slipway.Invalid, "filter: %.200s", errs.GetErrors()[0].Message)
	}
	f := filterReader{fields: fields}
	if err := f.read(parsed.Expr()); err != nil {
		return nil, err
	}
	return f.terms, nil
}

type filterReader struct {
	fields map[string]filterField
	terms  []term
}

// functions maps CEL's names of what a term may be to ours.
var functions = map[string]operator{
	operators.Equals:        equals,
	operators.In:            oneOf,
	operators.OldIn:         oneOf,
	operators.GreaterEquals: atLeast,
	operators.LessEquals:    atMost,
	"matches":               matches,
	"contains":              contains,
}

func (f *filterReader) read(e ast.Expr) error {
	if e.Kind() == ast.CallKind {
		c := e.AsCall()
		if c.FunctionName() == operators.LogicalAnd {
			for _, side := range c.Args() {
				if err := f.read(side); err != nil {
					return err
				}
			}
			return nil
		}
		if op, ok := functions[c.FunctionName()]; ok {
			left, right := c.Target(), c.Args()
			if !c.IsMemberFunction() && len(right) == 2 {
				left, right = right[0], right[1:]
			}
			if left != nil && len(right) == 1 {
				return f.compare(left, op, right[0])
			}
		}
	}
	return slipway.Errorf(slipway.Invalid, "filter: it is comparisons joined by &&: field == value, field in [values], field.matches(text), field.contains(text), field >= time, field <= time")
}

func (f *filterReader) compare(left ast.Expr, op operator, right ast.Expr) error {
	name, key := path(left)
	field, ok := f.fields[name]
	if !ok || (field.sort == labelSort) != (key != "") {
		return slipway.Errorf(slipway.Invalid, "filter: there is no field %.100q to filter by; these are: %s", name, strings.Join(slices.Sorted(maps.Keys(f.fields)), ", "))
	}
	if !slices.Contains(field.ops, op) {
		return slipway.Errorf(slipway.Invalid, "filter: %s cannot be compared with %s; these can be used: %s", name, op, join(field.ops))
	}
	t := term{field: name, key: key, op: op}
	if !t.set(field.sort, right) {
		return slipway.Errorf(slipway.Invalid, "filter: %s %s: what follows must be %s", name, op, wanted(field.sort, op))
	}
	f.terms = append(f.terms, t)
	return nil
}

// set takes t's value from e and reports whether it is of the right sort.
func (t *term) set(sort fieldSort, e ast.Expr) bool {
	var ok bool
	switch {
	case sort == flagSort:
		var v types.Bool
		v, ok = literal[types.Bool](e)
		t.flag = bool(v)
	case sort == timeSort:
		t.time, ok = instant(e)
	case t.op == oneOf:
		if e.Kind() != ast.ListKind {
			return false
		}
		for _, item := range e.AsList().Elements() {
			v, isText := literal[types.String](item)
			if !isText {
				return false
			}
			t.list = append(t.list, string(v))
		}
		ok = len(t.list) > 0
	default:
		var v types.String
		v, ok = literal[types.String](e)
		t.text = string(v)
	}
	return ok
}

// path returns the field that e names, and the key of a label.
func path(e ast.Expr) (name, key string) {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent(), ""
	case ast.SelectKind:
		if s := e.AsSelect(); s.Operand().Kind() == ast.IdentKind {
			return s.Operand().AsIdent(), s.FieldName()
		}
	case ast.CallKind:
		c := e.AsCall()
		if c.FunctionName() == operators.Index && len(c.Args()) == 2 && c.Args()[0].Kind() == ast.IdentKind {
			if k, ok := literal[types.String](c.Args()[1]); ok {
				return c.Args()[0].AsIdent(), string(k)
			}
		}
	}
	return "", ""
}

// instant reads "2026-11-22T19:36:28Z", bare or as timestamp("…").
func instant(e ast.Expr) (time.Time, bool) {
	if e.Kind() == ast.CallKind {
		c := e.AsCall()
		if c.FunctionName() != "timestamp" || c.IsMemberFunction() || len(c.Args()) != 1 {
			return time.Time{}, false
		}
		e = c.Args()[0]
	}
	text, ok := literal[types.String](e)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	return t.UTC(), err == nil
}

func literal[T any](e ast.Expr) (T, bool) {
	if e.Kind() != ast.LiteralKind {
		var zero T
		return zero, false
	}
	v, ok := e.AsLiteral().(T)
	return v, ok
}

func wanted(sort fieldSort, op operator) string {
	switch {
	case sort == flagSort:
		return "true or false"
	case sort == timeSort:
		return `a time, as in "2026-11-22T19:36:28Z"`
	case op == oneOf:
		return `a list of texts, as in ["a", "b"]`
	}
	return `a text in quotes`
}

func join(ops []operator) string {
	var s []string
	for _, op := range ops {
		s = append(s, string(op))
	}
	return strings.Join(s, ", ")
}
