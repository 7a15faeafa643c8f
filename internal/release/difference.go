package release

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strings"

	"slipway"
	"slipway/internal/sqltext"
)

// Bounds of a difference.
const (
	differenceFile = 1 << 20 // bytes that are read of the applied file
	differenceText = 300     // bytes that are shown of a statement
)

// difference says in words in which statement a file first differs from what
// was applied, "" where the applied file is not the project's to show: a
// baseline may have none, and another project may have applied it.
func (c *check) difference(ctx context.Context, t target, i int, st slipway.Standing) string {
	if c.texts[i] == nil || st.Revision.SHA256 == "" {
		return ""
	}
	sheet, err := c.s.st.SheetPart(ctx, c.project.ID, st.Revision.SHA256, 0, differenceFile)
	if err != nil {
		return ""
	}
	d := dialects[t.on.Engine]
	nextWas, stopWas := iter.Pull2(sqltext.Split(d, bytes.TrimPrefix(sheet.Content, []byte("\ufeff"))))
	defer stopWas()
	nextIs, stopIs := iter.Pull2(sqltext.Split(d, c.texts[i]))
	defer stopIs()
	for {
		was, errWas, had := nextWas()
		is, errIs, has := nextIs()
		switch {
		case errWas != nil || errIs != nil || !had && !has:
			return "" // cut off, or alike as far as it was read
		case had && has && bytes.Equal(sqltext.Normalize(d, []byte(was.Text)), sqltext.Normalize(d, []byte(is.Text))):
			continue
		case !had:
			return fmt.Sprintf(". New at line %d: %s", is.Line, shown(d, is))
		case !has:
			return fmt.Sprintf(". Gone from line %d: %s", was.Line, shown(d, was))
		case shown(d, was) == shown(d, is):
			return fmt.Sprintf(". Line %d was line %d and differs in what is not shown: %s", is.Line, was.Line, shown(d, is))
		}
		return fmt.Sprintf(". Line %d was: %s. It is now, at line %d: %s", was.Line, shown(d, was), is.Line, shown(d, is))
	}
}

// shown is a statement on one line, without its constants.
func shown(d sqltext.Dialect, st sqltext.Statement) string {
	return strings.Join(strings.Fields(sqltext.Mask(d, st, differenceText)), " ")
}
