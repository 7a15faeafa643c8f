package console

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/sqltext"
)

// A failureView is an error in its place in the SQL.
type failureView struct {
	slipway.Failure
	SQL   *code
	Where string
}

// failureFile is how much of a file is read to show a failure in it; one behind
// that is shown by its statement alone.
const failureFile = 256 << 10

// failureCode shows where in its file a run failed; where the file can't be
// read, the statement alone.
func (c *Console) failureCode(v visit, release string, f slipway.Failure, engine slipway.Engine) (*code, error) {
	if f.Statement == "" && f.Line == 0 {
		return nil, nil
	}
	label := "Where " + f.Path + " failed"
	if v.held[iam.SheetsGet] && v.held[iam.ReleasesGet] && f.Line > 0 {
		shown, err := c.fileAround(v, release, f, engine, label)
		if shown != nil || err != nil {
			return shown, err
		}
	}
	if f.Statement == "" {
		return nil, nil
	}
	shown := newCode(label, engine, []byte(f.Statement))
	return &shown, nil
}

// fileAround shows the lines of a file around a failure; nil where they are not
// to be had.
func (c *Console) fileAround(v visit, release string, f slipway.Failure, engine slipway.Engine, label string) (*code, error) {
	project := v.r.PathValue("project")
	rel, err := c.Releases.Release(v.ctx(), v.who, project, releaseID(release))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(rel.Files, func(file slipway.File) bool { return file.Path == f.Path })
	if i < 0 {
		return nil, nil
	}
	sheet, err := c.Releases.SheetHead(v.ctx(), v.who, project, rel.Files[i].SHA256, failureFile)
	if err != nil {
		return nil, err
	}
	shown := newCode(label, engine, sheet.Content)
	line, column := spot(sheet.Content, f, dialects[engine])
	if !shown.mark(line, column, "bad") {
		return nil, nil
	}
	shown.around(3)
	return &shown, nil
}

// namesIn finds what a database's message is about: names in quotes, or the one
// behind the last colon.
var namesIn = regexp.MustCompile(`"([^"]+)"|: ([\pL\pN_.]+)$`)

// spot returns where in its file a failure is shown. Where the database told no
// place but that of the statement, it is where the name stands that its message
// speaks of.
func spot(text []byte, f slipway.Failure, d sqltext.Dialect) (line, column int) {
	at := offset(text, f.Line, f.Column)
	if at < 0 || f.Statement == "" {
		return f.Line, f.Column
	}
	statement := ""
	for st, err := range sqltext.Split(d, text[at:]) {
		// The failure tells the statement without its constants.
		if told := sqltext.Mask(d, st, 64); err == nil && st.Start == 0 && strings.HasPrefix(f.Statement, strings.TrimSuffix(told, "…")) {
			statement = st.Text
		}
		break
	}
	for _, m := range namesIn.FindAllStringSubmatch(f.Message, -1) {
		name := cmp.Or(m[1], m[2])
		found := regexp.MustCompile(`(^|[^\pL\pN_])` + regexp.QuoteMeta(name) + `($|[^\pL\pN_])`).FindStringIndex(statement)
		if found == nil {
			continue
		}
		start := found[0] + strings.Index(statement[found[0]:], name)
		return sqltext.Position(text, at+start)
	}
	return f.Line, f.Column
}

// offset returns the byte of a place, or -1 where there is none.
func offset(text []byte, line, column int) int {
	at := 0
	for range line - 1 {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
	}
	for range column - 1 {
		if at >= len(text) || text[at] == '\n' {
			return -1
		}
		_, size := utf8.DecodeRune(text[at:])
		at += size
	}
	return at
}
