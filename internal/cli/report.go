package cli

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"

	"slipway"
)

// writeFile writes a report and says so.
func (s *session) writeFile(name, what string, content []byte) error {
	if err := os.WriteFile(s.path(name), content, 0o644); err != nil {
		return failf("write %s: %w", what, err)
	}
	s.voice.notef("%s written to %s", what, name)
	return nil
}

// codeQuality renders GitLab's code quality report. There is a finding in it
// for every finding and nothing else: GitLab shows each in the merge request.
func codeQuality(all []finding) []byte {
	type lines struct {
		Begin int `json:"begin"`
	}
	type location struct {
		Path  string `json:"path"`
		Lines lines  `json:"lines"`
	}
	type issue struct {
		Description string   `json:"description"`
		CheckName   string   `json:"check_name"`
		Fingerprint string   `json:"fingerprint"`
		Severity    string   `json:"severity"`
		Location    location `json:"location"`
	}
	issues := []issue{} // an empty report is [], not null
	for _, f := range all {
		issues = append(issues, issue{
			Description: f.description(),
			CheckName:   f.rule(),
			Fingerprint: f.fingerprint,
			Severity:    f.severity(),
			Location:    location{Path: f.path, Lines: lines{Begin: max(f.Start.Line, 1)}},
		})
	}
	return indented(issues)
}

// severity is the grade in GitLab's words.
func (f finding) severity() string {
	switch {
	case f.syntax():
		return "blocker"
	case f.Level == slipway.AdviceError:
		return "critical"
	}
	return "minor"
}

func indented(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // unreachable unless a report holds what JSON cannot
	}
	return append(b, '\n')
}

// The elements of JUnit XML, as GitLab reads them.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		Classname string        `xml:"classname,attr"`
		File      string        `xml:"file,attr"`
		Failure   *junitFailure `xml:"failure"`
		SystemOut string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",cdata"`
	}
)

// junit renders a suite per database and a case per file. A finding that fails
// the check at the given level is a failure, another is output of its case.
// A case has one failure at most, since not every reader takes more.
func junit(all []finding, files []slipway.File, targets []string, level string) []byte {
	out := junitSuites{Name: "slipway check"}
	for _, t := range targets {
		suite := junitSuite{Name: t, Tests: len(files)}
		for _, f := range files {
			c := caseOf(all, f.Path, t, level)
			if c.Failure != nil {
				suite.Failures++
			}
			suite.Cases = append(suite.Cases, c)
		}
		out.Tests += suite.Tests
		out.Failures += suite.Failures
		out.Suites = append(out.Suites, suite)
	}
	b, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("marshal JUnit: %v", err)) // unreachable unless the elements above are wrong
	}
	return append([]byte(xml.Header), append(b, '\n')...)
}

func caseOf(all []finding, path, target, level string) junitCase {
	c := junitCase{Name: path, Classname: target, File: path}
	plain := &voice{}
	for _, f := range all {
		f, ok := f.on(target)
		switch {
		case f.path != path || !ok:
		case !f.fails(level):
			c.SystemOut += f.text(plain) + "\n"
		case c.Failure == nil:
			c.Failure = &junitFailure{Message: line(f.Content), Type: f.rule(), Text: f.text(plain)}
		default:
			c.Failure.Text += "\n" + f.text(plain)
		}
	}
	return c
}

// fails reports whether f fails a check at level.
func (f finding) fails(level string) bool {
	switch level {
	case checkError:
		return f.Level == slipway.AdviceError
	case checkWarning:
		return true
	}
	return false
}
