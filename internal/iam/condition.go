package iam

import (
	"fmt"
	"regexp"
	"sync"
	"time"

	"cel.dev/cel-go/cel"

	"slipway"
)

// Bounds of a condition. An expiry takes some 50 bytes and costs 2 or 3; the
// rest is room for hours and weekdays.
const (
	maxConditionBytes = 512
	maxConditionCost  = 200
)

// conditions is the language of conditions: CEL with one variable and no
// macros, so that nothing in it loops.
var conditions = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.ClearMacros(),
		cel.ParserRecursionLimit(16),
		cel.ParserExpressionSizeLimit(maxConditionBytes),
		cel.Variable("request.time", cel.TimestampType),
	)
})

// CheckCondition reports why a binding cannot carry the condition. The empty
// one always holds.
func CheckCondition(condition string) error {
	if condition == "" {
		return nil
	}
	p, err := compile(condition)
	if err != nil {
		return slipway.Errorf(slipway.Invalid, "condition %.120q: %w", condition, err)
	}
	// One evaluation shows what the types cannot: a cost over the limit, a
	// timestamp that is none.
	if _, err := eval(p, time.Unix(0, 0)); err != nil {
		return slipway.Errorf(slipway.Invalid, "condition %.120q: %w", condition, err)
	}
	return nil
}

// untilForm is how a condition that only sets an end is written.
var untilForm = regexp.MustCompile(`^\s*request\.time\s*<\s*timestamp\(\s*["']([^"']+)["']\s*\)\s*$`)

// Until returns the condition of a binding that holds before t.
func Until(t time.Time) string {
	return `request.time < timestamp("` + t.UTC().Format(time.RFC3339) + `")`
}

// UntilOf returns when a condition ceases to hold, if that is all it says.
func UntilOf(condition string) (time.Time, bool) {
	m := untilForm.FindStringSubmatch(condition)
	if m == nil {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, m[1])
	return t.UTC(), err == nil
}

// outlasts reports whether own is sure to hold whenever other does.
func outlasts(own, other string) bool {
	if own == "" || own == other {
		return true
	}
	end, ends := UntilOf(own)
	otherEnd, otherEnds := UntilOf(other)
	return ends && otherEnds && !otherEnd.After(end)
}

// Holds reports whether the condition is true at now. One that cannot be
// evaluated is not.
func Holds(condition string, now time.Time) bool {
	if condition == "" {
		return true
	}
	p, err := compile(condition)
	if err != nil {
		return false
	}
	ok, err := eval(p, now)
	return err == nil && ok
}

func compile(condition string) (cel.Program, error) {
	if len(condition) > maxConditionBytes {
		return nil, fmt.Errorf("at most %d bytes, not %d", maxConditionBytes, len(condition))
	}
	env, err := conditions()
	if err != nil {
		return nil, fmt.Errorf("build the language of conditions: %w", err) // unreachable unless cel changes
	}
	ast, issues := env.Compile(condition)
	if err := issues.Err(); err != nil {
		return nil, err
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("it must be true or false, and is of type %s", ast.OutputType())
	}
	return env.Program(ast, cel.CostLimit(maxConditionCost))
}

func eval(p cel.Program, now time.Time) (bool, error) {
	out, _, err := p.Eval(map[string]any{"request.time": now.UTC()})
	if err != nil {
		return false, err
	}
	ok, isBool := out.Value().(bool)
	return ok && isBool, nil
}
