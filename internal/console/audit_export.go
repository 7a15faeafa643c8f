package console

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"slipway"
)

// An auditWriter writes audit entries in a format.
type auditWriter struct {
	contentType, suffix string
	begin               func() error
	entry               func(slipway.AuditEntry) error
	end                 func() error
}

// exportAudit sends what the filter picks as a file, as it is read: only one
// piece of the log is in memory. What goes wrong after the first byte breaks
// the connection off, so that nobody takes half a file for the whole.
func (c *Console) exportAudit(v visit) error {
	f, err := c.auditFilter(v)
	if err != nil {
		return err
	}
	if !f.Form.ok() {
		return slipway.Errorf(slipway.Invalid, "The filter cannot be read; open the Audit Log and mend it there.")
	}
	out := bufio.NewWriterSize(v.w, 32<<10)
	var w auditWriter
	switch v.query("format") {
	case "csv":
		w = csvWriter(out)
	case "jsonl":
		w = jsonWriter(out)
	default:
		return slipway.Errorf(slipway.Invalid, "The format is csv or jsonl.")
	}
	began := false
	begin := func() error {
		began = true
		h := v.w.Header()
		h.Set("Content-Type", w.contentType)
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="slipway-audit-%s.%s"`, c.now().UTC().Format("20060102T150405Z"), w.suffix))
		return w.begin()
	}
	err = c.Access.ExportAudit(v.ctx(), v.who, f.query, func(e slipway.AuditEntry) error {
		if !began {
			if err := begin(); err != nil {
				return err
			}
		}
		return w.entry(e)
	})
	if err == nil && !began {
		err = begin()
	}
	if err == nil {
		err = w.end()
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil && began {
		if v.ctx().Err() == nil {
			c.lg.ErrorContext(v.ctx(), "export broken off", "err", err)
		}
		panic(http.ErrAbortHandler)
	}
	return err
}

// auditColumns are the first line of a CSV export.
var auditColumns = []string{
	"id", "time", "caller", "method", "permission", "resource", "project", "outcome", "message", "address", "user_agent",
	"took_ms", "reference", "ci_project", "ci_ref", "ci_commit", "ci_pipeline", "ci_job", "request",
}

func csvWriter(out *bufio.Writer) auditWriter {
	w := csv.NewWriter(out)
	return auditWriter{
		contentType: "text/csv; charset=utf-8; header=present", suffix: "csv",
		begin: func() error { return w.Write(auditColumns) },
		entry: func(e slipway.AuditEntry) error {
			job := slipway.Job{}
			if e.Caller.Job != nil {
				job = *e.Caller.Job
			}
			cells := []string{
				fmt.Sprint(e.ID), e.Time.Format(time.RFC3339Nano), callerName(e.Caller), e.Method, e.Permission, e.Resource, e.Project,
				outcomeWord(e), e.Message, e.Caller.Origin.IP, e.Caller.Origin.UserAgent, fmt.Sprintf("%.3f", e.Latency.Seconds()*1000),
				e.Reference, job.ProjectPath, job.Ref, job.SHA, job.PipelineID, job.JobID, e.Request,
			}
			for i, cell := range cells {
				cells[i] = harmless(cell)
			}
			return w.Write(cells)
		},
		end: func() error {
			w.Flush()
			return w.Error()
		},
	}
}

// harmless returns a cell that no spreadsheet takes for a formula. Names of
// branches, user agents and more are what strangers wrote.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// An auditLine is an entry as a line of JSON.
type auditLine struct {
	ID         int64           `json:"id"`
	Time       time.Time       `json:"time"`
	Caller     string          `json:"caller,omitempty"`
	Method     string          `json:"method"`
	Permission string          `json:"permission,omitempty"`
	Resource   string          `json:"resource,omitempty"`
	Project    string          `json:"project,omitempty"`
	Outcome    string          `json:"outcome"`
	Message    string          `json:"message,omitempty"`
	Address    string          `json:"address,omitempty"`
	UserAgent  string          `json:"user_agent,omitempty"`
	TookMS     float64         `json:"took_ms"`
	Reference  string          `json:"reference,omitempty"`
	Job        *slipway.Job    `json:"job,omitempty"`
	Request    json.RawMessage `json:"request,omitempty"`
	Response   json.RawMessage `json:"response,omitempty"`
}

func jsonWriter(out *bufio.Writer) auditWriter {
	e := json.NewEncoder(out)
	return auditWriter{
		contentType: "application/jsonl; charset=utf-8", suffix: "jsonl",
		begin: func() error { return nil },
		entry: func(a slipway.AuditEntry) error {
			return e.Encode(auditLine{
				ID: a.ID, Time: a.Time, Caller: callerName(a.Caller), Method: a.Method, Permission: a.Permission, Resource: a.Resource,
				Project: a.Project, Outcome: outcomeWord(a), Message: a.Message, Address: a.Caller.Origin.IP, UserAgent: a.Caller.Origin.UserAgent,
				TookMS: a.Latency.Seconds() * 1000, Reference: a.Reference, Job: a.Caller.Job, Request: rawJSON(a.Request), Response: rawJSON(a.Response),
			})
		},
		end: func() error { return nil },
	}
}

func rawJSON(text string) json.RawMessage {
	if text == "" || !json.Valid([]byte(text)) {
		return nil
	}
	return json.RawMessage(text)
}

func callerName(p slipway.Principal) string {
	if p.IsZero() {
		return ""
	}
	return p.Member()
}

func outcomeWord(e slipway.AuditEntry) string { return strings.ToLower(auditOutcome(e).Text) }
