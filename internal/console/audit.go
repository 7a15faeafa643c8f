package console

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

// An auditFilter is what the audit log is asked for, as the form spells it.
type auditFilter struct {
	Form  form
	query access.AuditQuery
}

type auditPage struct {
	Frame
	Filter    auditFilter
	Methods   []option
	Outcomes  []option
	Rows      []auditRow
	Pager     pager
	MayExport bool
	CSV, JSON string // URLs of the exports of what is shown
}

// An auditRow is an audit entry in a list.
type auditRow struct {
	slipway.AuditEntry
	Who     face
	What    string
	Outcome chip
	URL     string
}

// audit lists audit entries, newest first.
func (c *Console) audit(v visit) error {
	f, err := c.auditFilter(v)
	if err != nil {
		return err
	}
	p := auditPage{Frame: c.frame(v, "Audit Log", "/audit"), Filter: f, MayExport: v.held[iam.AuditLogsExport]}
	if p.Methods, err = c.auditMethods(v); err != nil {
		return err
	}
	p.Outcomes = []option{{Value: "", Label: "Any outcome"}, {Value: "done", Label: "Done"}, {Value: "failed", Label: "Refused or failed"}}
	if f.Form.ok() {
		page, err := v.after(50)
		if err != nil {
			return err
		}
		list, next, err := c.Access.Audit(v.ctx(), v.who, f.query, page)
		if err != nil {
			return err
		}
		p.Pager = v.pager(next)
		if p.Rows, err = c.auditRows(v, list); err != nil {
			return err
		}
	}
	q := v.r.URL.Query()
	q.Del("after")
	q.Set("format", "csv")
	p.CSV = link("/audit/export", q)
	q.Set("format", "jsonl")
	p.JSON = link("/audit/export", q)
	return c.showForm(v, "audit", f.Form, p)
}

// Narrowed reports whether the filter asks for anything.
func (f auditFilter) Narrowed() bool { return f.query != access.AuditQuery{} || !f.Form.ok() }

// auditFilter reads the filter in the URL; what is wrong it blames.
func (c *Console) auditFilter(v visit) (auditFilter, error) {
	f := auditFilter{Form: form{Values: v.r.URL.Query()}}
	q := &f.query
	if who := v.query("who"); who == string(slipway.SystemKind) {
		q.Caller = slipway.System().Member()
	} else if who != "" {
		member, err := c.memberOf(v, who)
		if slipway.KindOf(err) != slipway.Invalid && err != nil {
			return f, err
		}
		f.Form.check("who", err)
		q.Caller = member
	}
	q.Method = v.query("what")
	q.Resource = strings.Trim(v.query("resource"), "/")
	switch v.query("outcome") {
	case "":
	case "done":
		q.OnlyDone = true
	case "failed":
		q.OnlyFailed = true
	default:
		f.Form.blame("outcome", "choose one of these")
	}
	q.Since = f.Form.day("from")
	if q.Until = f.Form.day("to"); !q.Until.IsZero() {
		q.Until = q.Until.AddDate(0, 0, 1)
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		f.Form.blame("to", "this day is before the first")
	}
	return f, nil
}

// day reads a field that holds a day in UTC; empty is the zero time.
func (f *form) day(field string) time.Time {
	text := typed(f.Values, field)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		f.blame(field, "write a day, as in 2027-01-31")
	}
	return t
}

func (c *Console) auditMethods(v visit) ([]option, error) {
	methods, err := c.Access.AuditMethods(v.ctx(), v.who)
	list := []option{{Value: "", Label: "Everything"}}
	for _, m := range methods {
		list = append(list, option{Value: m, Label: methodWords(m)})
	}
	return list, err
}

// methodWords says what a method does: "Create project" for
// "/bytebase.v1.ProjectService/CreateProject".
func methodWords(method string) string {
	if !strings.HasPrefix(method, "/") {
		return "Open " + method // a page
	}
	return strings.ReplaceAll(spaced(method[strings.LastIndexByte(method, '/')+1:]), " iam ", " IAM ")
}

func (c *Console) auditRows(v visit, list []slipway.AuditEntry) ([]auditRow, error) {
	members := make([]string, len(list))
	for i, e := range list {
		members[i] = e.Caller.Member()
	}
	names, err := c.Access.Names(v.ctx(), v.who, members)
	if err != nil {
		return nil, err
	}
	rows := make([]auditRow, len(list))
	for i, e := range list {
		rows[i] = auditRow{
			AuditEntry: e, Who: callerFace(e.Caller), What: methodWords(e.Method), Outcome: auditOutcome(e),
			URL: "/audit/" + strconv.FormatInt(e.ID, 10),
		}
		if n := names[members[i]]; n.Title != "" {
			rows[i].Who.Title = n.Title
		}
	}
	return rows, nil
}

// callerFace returns how a caller is shown who need not exist any more.
func callerFace(p slipway.Principal) face {
	switch p.Kind {
	case "":
		return face{Title: "Nobody known"}
	case slipway.SystemKind:
		return face{Title: "The server"}
	}
	f := faceOf(p.Member())
	if p.Title != "" {
		f.Title = p.Title
	}
	return f
}

func auditOutcome(e slipway.AuditEntry) chip {
	switch {
	case e.OK():
		return chip{"ok", "Done"}
	case e.Kind == slipway.Denied, e.Kind == slipway.Unauthenticated:
		return chip{"bad", "Refused"}
	}
	return chip{"wait", "Failed"}
}

type auditEntryPage struct {
	Frame
	Row               auditRow
	Request, Response string // as JSON for people
	Again             string // URL of what else the caller did
}

// auditEntry opens one entry.
func (c *Console) auditEntry(v visit) error {
	id, err := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	if err != nil {
		return slipway.Errorf(slipway.NotFound, "There is no such entry.")
	}
	e, err := c.Access.AuditEntry(v.ctx(), v.who, id)
	if err != nil {
		return err
	}
	rows, err := c.auditRows(v, []slipway.AuditEntry{e})
	if err != nil {
		return err
	}
	return c.show(v, "audit_entry", auditEntryPage{
		Frame: c.frame(v, rows[0].What, "/audit"), Row: rows[0], Request: indented(e.Request), Response: indented(e.Response),
		Again: link("/audit", url.Values{"who": {e.Caller.Email}}),
	})
}

// indented returns JSON on several lines, and what is none as it is.
func indented(text string) string {
	var b strings.Builder
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if text == "" || d.Decode(&v) != nil {
		return text
	}
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil { // unreachable unless what was decoded does not encode
		return text
	}
	return strings.TrimSpace(b.String())
}
