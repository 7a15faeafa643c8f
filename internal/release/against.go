package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// noteCode is the code of findings that no rule and no engine made.
const noteCode = 1

// A check is one set of files on its way through its targets.
type check struct {
	s       *Service
	project slipway.Project
	files   []file
	texts   [][]byte // what each file's bytes are as text; nil where they are none, which the review tells

	mu      sync.Mutex // guards reviews
	reviews map[reviewKey]func() []reviewed
}

// A verdict is what a check found on one target.
type verdict struct {
	results []slipway.CheckResult // a result for each file that is not silent, in order
	pending int
}

// against checks the files against one target.
func (c *check) against(ctx context.Context, t target) verdict {
	if t.problem != nil {
		return c.unreachable(t, t.problem)
	}
	e := c.s.engines[t.on.Engine]
	ledger, err := c.ledger(ctx, e, t)
	if err != nil {
		return c.unreachable(t, err)
	}
	standings, err := slipway.Stand(c.plain(), ledger)
	if err != nil {
		return c.unreachable(t, err)
	}
	results := make([]slipway.CheckResult, len(c.files))
	var pending []int
	for i, st := range standings {
		results[i] = slipway.CheckResult{File: c.files[i].Path, Target: t.Name()}
		switch st.State {
		case slipway.FilePending:
			pending = append(pending, i)
			if st.Late {
				results[i].Advices = append(results[i].Advices, c.late(st)...)
			}
		case slipway.FileChanged:
			results[i].Advices = append(results[i].Advices, c.changed(ctx, t, i, st))
		}
	}
	v := verdict{results: results, pending: len(pending)}
	c.addReviews(ctx, results, t.on.Engine, pending)
	c.addFindings(ctx, results, e, t, pending)
	return v
}

func (c *check) ledger(ctx context.Context, e engine.Engine, t target) ([]slipway.Revision, error) {
	ctx, cancel := context.WithTimeout(ctx, c.s.cfg.Patience)
	defer cancel()
	return e.Revisions(ctx, t.admin(), t.Database)
}

// plain returns the files as slipway.Stand takes them.
func (c *check) plain() []slipway.File {
	list := make([]slipway.File, len(c.files))
	for i, f := range c.files {
		list[i] = slipway.File{Path: f.Path, Version: f.Version, SHA256: f.SHA256}
	}
	return list
}

func (t target) admin() slipway.Source {
	src, _ := t.on.Admin() // every stored instance has one
	return src
}

// unreachable is the verdict on a target that could not be asked. It stands
// under the first file: a report places findings in files.
func (c *check) unreachable(t target, err error) verdict {
	why := slipway.MessageOf(err)
	if errors.Is(err, context.DeadlineExceeded) {
		why = fmt.Sprintf("it did not answer within %s", c.s.cfg.Patience)
	}
	return verdict{results: []slipway.CheckResult{{
		File: c.files[0].Path, Target: t.Name(),
		Advices: []slipway.Advice{{
			Level: slipway.AdviceError, Code: noteCode, Title: "Target cannot be checked",
			Content: fmt.Sprintf("%s could not be asked what is applied to it, so nothing was checked for it: %s", t.Name(), why),
		}},
	}}}
}

// changed is the finding on a file whose version is applied with other bytes.
// The rollout would stop at an edit and passes a reformat.
func (c *check) changed(ctx context.Context, t target, i int, st slipway.Standing) slipway.Advice {
	what := fmt.Sprintf("The file %q with version %q was applied to the database at %s", st.File.Path, st.File.Version, st.Revision.Applied.UTC().Format(time.RFC3339))
	if c.texts[i] != nil && st.Revision.TextSHA != "" && textSHA(t.on.Engine, c.texts[i]) == st.Revision.TextSHA {
		return slipway.Advice{
			Level: slipway.AdviceWarning, Code: noteCode, Title: "Applied file has been reformatted",
			Content: what + "; only its comments or spacing have changed since. It is not run again",
		}
	}
	return slipway.Advice{
		Level: slipway.AdviceError, Code: noteCode, Title: "Applied file has been modified",
		Content: fmt.Sprintf("%s, and its content has been modified since; a rollout refuses it. Restore the file and put the change into a new one. Applied SHA256: %s, Release SHA256: %s%s",
			what, st.Revision.SHA256, st.File.SHA256, c.difference(ctx, t, i, st)),
	}
}

// late is the finding on a file whose version comes too late, if its project
// minds.
func (c *check) late(st slipway.Standing) []slipway.Advice {
	a := slipway.Advice{
		Level: slipway.AdviceError, Code: noteCode, Title: "Out of order",
		Content: fmt.Sprintf("Version %q comes before %q, which is applied already: this file would run after files that were written to run after it", st.File.Version, st.Highest),
	}
	switch c.project.OrderPolicy() {
	case slipway.LateAllowed:
		return nil
	case slipway.LateWarned:
		a.Level = slipway.AdviceWarning
		a.Content += ". Give it a higher version unless that is meant"
	default:
		a.Content += "; a rollout refuses it. Give it a higher version, or let the project take versions out of order"
	}
	return []slipway.Advice{a}
}

// addFindings adds what the target's engine says of the pending files.
func (c *check) addFindings(ctx context.Context, results []slipway.CheckResult, e engine.Engine, t target, pending []int) {
	var files []engine.ExamineFile
	var at []int
	for _, i := range pending {
		if c.texts[i] != nil {
			files = append(files, engine.ExamineFile{Path: c.files[i].Path, Version: c.files[i].Version, Statement: c.files[i].Statement})
			at = append(at, i)
		}
	}
	if len(files) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, c.s.cfg.Patience)
	defer cancel()
	findings, err := e.Examine(ctx, t.admin(), t.Database, files)
	if err != nil {
		results[at[0]].Advices = append(results[at[0]].Advices, slipway.Advice{
			Level: slipway.AdviceError, Code: noteCode, Title: "Target cannot be checked",
			Content: fmt.Sprintf("%s could not be asked what it makes of the files: %s", t.Name(), slipway.MessageOf(err)),
		})
		return
	}
	byPath := map[string]engine.Finding{}
	for _, f := range findings {
		byPath[f.Path] = f
	}
	for _, i := range at {
		f := byPath[c.files[i].Path]
		results[i].Affected = f.Affected
		for _, a := range f.Advices {
			if !told(results[i].Advices, a) {
				results[i].Advices = append(results[i].Advices, a)
			}
		}
	}
}

// told reports whether a syntax error is in the list already: the review and
// the engine may both have parsed the file, and one finding is enough.
func told(list []slipway.Advice, a slipway.Advice) bool {
	return a.Code == engine.SyntaxCode && slices.ContainsFunc(list, func(b slipway.Advice) bool { return b.Code == engine.SyntaxCode })
}

// dialects says how the files of an engine are cut.
var dialects = map[slipway.Engine]sqltext.Dialect{
	slipway.Postgres: sqltext.Postgres,
	slipway.SQLite:   sqltext.SQLite,
}

// textSHA tells an edit from a reformat: it is equal for texts that differ in
// comments and spacing alone.
func textSHA(e slipway.Engine, text []byte) string {
	sum := sha256.Sum256(sqltext.Normalize(dialects[e], text))
	return hex.EncodeToString(sum[:])
}
