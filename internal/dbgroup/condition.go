// Package dbgroup finds the databases that a database group stands for.
//
// It stands between world and verbs, because several verbs take groups for
// databases and all have to find the same ones.
package dbgroup

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"slipway"
	"slipway/internal/store"
)

// Bounds of a condition. It is evaluated for every database of a project; one
// that names a hundred databases costs some hundreds.
const (
	MaxExpr    = 2048   // bytes
	maxPattern = 256    // bytes of what matches takes
	maxCost    = 20_000 // in cel's units
)

// language is CEL with what is known of a database and no macros, so that
// nothing in it loops.
var language = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.ClearMacros(),
		cel.ParserRecursionLimit(64),
		cel.ParserExpressionSizeLimit(MaxExpr),
		cel.Variable("resource.environment_id", cel.StringType),
		cel.Variable("resource.instance_id", cel.StringType),
		cel.Variable("resource.database_name", cel.StringType),
		cel.Variable("resource.database_labels", cel.MapType(cel.StringType, cel.StringType)),
	)
})

// allowed are the functions of conditions, as cel calls them. The rest of the
// language has no use here and costs what it likes.
var allowed = []string{"_&&_", "_||_", "!_", "_==_", "_!=_", "_[_]", "@in", "startsWith", "endsWith", "contains", "matches"}

// A Condition says which databases belong to a group.
type Condition struct{ program cel.Program }

// Compile reads a condition, or says why it cannot be one.
func Compile(expr string) (Condition, error) {
	if strings.TrimSpace(expr) == "" {
		return Condition{}, slipway.Errorf(slipway.Invalid, `condition: it is empty; "true" stands for every database of the project`)
	}
	if len(expr) > MaxExpr {
		return Condition{}, slipway.Errorf(slipway.Invalid, "condition: at most %d bytes, not %d", MaxExpr, len(expr))
	}
	program, err := compile(expr)
	if err != nil {
		return Condition{}, slipway.Errorf(slipway.Invalid, "condition: %w", err)
	}
	c := Condition{program}
	// Evaluated once, it shows what the types cannot.
	if _, err := c.holds(Candidate{}); err != nil {
		return Condition{}, slipway.Errorf(slipway.Invalid, "condition: %w", err)
	}
	return c, nil
}

func compile(expr string) (cel.Program, error) {
	env, err := language()
	if err != nil {
		return nil, fmt.Errorf("build the language of conditions: %w", err) // unreachable unless cel changes
	}
	checked, issues := env.Compile(expr)
	if issues.Err() != nil {
		return nil, worded(issues)
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("it must be true or false, and is of type %s", checked.OutputType())
	}
	var refused error
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind && refused == nil {
			refused = checkCall(e.AsCall())
		}
	}))
	if refused != nil {
		return nil, refused
	}
	return env.Program(checked, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
}

// worded returns the first of what is wrong with a condition, in one line.
func worded(issues *cel.Issues) error {
	list := issues.Errors()
	if len(list) == 0 {
		return issues.Err() // unreachable unless cel changes
	}
	first := list[0]
	words := strings.TrimSuffix(first.Message, " (in container '')")
	return fmt.Errorf("line %d, column %d: %s", first.Location.Line(), first.Location.Column()+1, words)
}

// checkCall reports why a call has no place in a condition. A pattern is a
// literal, which is compiled once, and without counted repetition, which makes
// large programs of small texts.
func checkCall(call ast.CallExpr) error {
	name := call.FunctionName()
	if !slices.Contains(allowed, name) {
		return fmt.Errorf("%q has no place in it; there are ==, !=, in, &&, ||, !, startsWith, endsWith, contains and matches", strings.Trim(name, "_@"))
	}
	if name != "matches" {
		return nil
	}
	arg := call.Args()[len(call.Args())-1]
	if arg.Kind() != ast.LiteralKind {
		return fmt.Errorf("matches takes a text in quotes")
	}
	pattern, _ := arg.AsLiteral().Value().(string)
	if len(pattern) > maxPattern || strings.Contains(pattern, "{") {
		return fmt.Errorf("matches takes a pattern of at most %d bytes without {", maxPattern)
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return fmt.Errorf("matches: %w", err)
	}
	return nil
}

// A Candidate is a database that a condition may hold for.
type Candidate = store.Candidate

// Pick returns those of list for which c holds, in order.
func (c Condition) Pick(list []Candidate) ([]Candidate, error) {
	var picked []Candidate
	for _, d := range list {
		ok, err := c.holds(d)
		if err != nil {
			return nil, slipway.Errorf(slipway.Precondition, "the condition cannot be decided for %s: %w", d.Name(), err)
		}
		if ok {
			picked = append(picked, d)
		}
	}
	return picked, nil
}

func (c Condition) holds(d Candidate) (bool, error) {
	out, _, err := c.program.Eval(&variables{d})
	if err != nil {
		return false, err
	}
	ok, isBool := out.Value().(bool)
	return ok && isBool, nil
}

// variables are what is known of a database, as conditions call it. It takes the
// place of a map, which would be made anew for every database.
type variables struct{ of Candidate }

// ResolveName returns a variable.
func (v *variables) ResolveName(name string) (any, bool) {
	switch name {
	case "resource.environment_id":
		return v.of.Environment, true
	case "resource.instance_id":
		return v.of.Instance, true
	case "resource.database_name":
		return v.of.Database, true
	case "resource.database_labels":
		known := v.of.Labels
		if known == nil {
			known = map[string]string{}
		}
		return labels{types.NewStringStringMap(types.DefaultTypeAdapter, known)}, true
	}
	return nil, false
}

// Parent returns no further variables.
func (*variables) Parent() cel.Activation { return nil }

// labels is a map in which a label that a database does not have is "", so that
// a comparison with it is decided for every database.
type labels struct{ traits.Mapper }

// Find returns the label under key.
func (l labels) Find(key ref.Val) (ref.Val, bool) {
	if v, there := l.Mapper.Find(key); there {
		return v, true
	}
	return types.String(""), true
}

// Get is Find.
func (l labels) Get(key ref.Val) ref.Val {
	v, _ := l.Find(key)
	return v
}
