package review

import (
	"errors"
	"fmt"

	"slipway"
	"slipway/internal/sqltext"
)

// preflight reports a statement that can't be run from a file at all, and
// whether it is one that no rule need look at.
func (c *check) preflight(st sqltext.Statement) bool {
	switch {
	case st.CopyStdin:
		c.cannotRun(st.Line, codeStdin, "COPY_FROM_STDIN", "COPY … FROM STDIN reads rows from a client program, and there is none: write the rows as INSERT statements")
		return true
	case st.Kind == "USE":
		c.cannotRun(st.Line, codeOther, "OTHER_DATABASE", "USE changes to another database: put what is for that one into a release for it")
		return true
	case c.engine == slipway.SQLite && (st.Kind == "ATTACH" || st.Kind == "DETACH"):
		c.cannotRun(st.Line, codeOther, "OTHER_DATABASE", "%s reaches for another database file: put what is for that one into a release for it", st.Kind)
		return true
	}
	return false
}

// problem reports why a text cannot be cut.
func (c *check) problem(err error) {
	var e *sqltext.Error
	if !errors.As(err, &e) { // unreachable unless sqltext breaks its word
		c.report.tell(syntaxAdvice(1, 0, err.Error()))
		return
	}
	switch e.Problem {
	case sqltext.ClientCommand:
		id := "PSQL_META_COMMAND"
		if c.engine == slipway.SQLite {
			id = "SHELL_COMMAND"
		}
		c.cannotRun(e.Line, codeClient, id, "%s", e.Message)
	case sqltext.Encoding:
		c.cannotRun(e.Line, codeEncoded, "FILE_ENCODING", "%s", e.Message)
	default:
		c.report.tell(syntaxAdvice(e.Line, e.Column, e.Message))
	}
}

func (c *check) cannotRun(line, code int, id, format string, args ...any) {
	c.report.tell(slipway.Advice{
		Level: slipway.AdviceError, Code: code, Title: id,
		Content: fmt.Sprintf(format, args...), Start: slipway.Position{Line: line},
	})
}

// syntaxAdvice is the finding of a parser.
func syntaxAdvice(line, column int, message string) slipway.Advice {
	return slipway.Advice{
		Level: slipway.AdviceError, Code: codeSyntax, Title: "Syntax error",
		Content: fmt.Sprintf("Syntax error at line %d: %s", line, message),
		Start:   slipway.Position{Line: line, Column: column},
	}
}

// notReviewed says that rules did not look. It is a warning, so that a
// pipeline can choose whether that is good enough.
func notReviewed(line int, format string, args ...any) slipway.Advice {
	return slipway.Advice{
		Level: slipway.AdviceWarning, Code: codeMaxSize, Title: "BUILTIN_STATEMENT_MAXIMUM_SQL_SIZE",
		Content: fmt.Sprintf(format, args...), Start: slipway.Position{Line: line},
	}
}
