package slipway

import "time"

// A Role is a named set of permissions.
type Role struct {
	ID          string // "gitopsServiceAgent"; predefined ones are camel case, custom ones kebab case
	Title       string
	Description string
	Permissions []string // "bb.plans.get", sorted
	BuiltIn     bool
}

// Name returns "roles/gitopsServiceAgent".
func (r Role) Name() string { return "roles/" + r.ID }

// A Policy says who holds which roles on the workspace or on one project.
type Policy struct {
	Bindings []Binding
	Etag     string // changes with every write; "" in a write asks for no comparison
}

// A Binding grants a role to members while its condition holds.
type Binding struct {
	Role      string   `json:"role"` // "roles/projectOwner"
	Members   []string `json:"members"`
	Condition string   `json:"condition,omitempty"` // CEL over request.time; "" always holds
	Title     string   `json:"title,omitempty"`     // of the condition
}

// WorkspaceID is the id of the one workspace; "-" means the same.
const WorkspaceID = "default"

// WorkspaceName is the resource name of the workspace.
const WorkspaceName = "workspaces/" + WorkspaceID

// An AuditEntry is one row of the audit log: an administrative act or a denied
// call. Request and Response are JSON without secrets.
type AuditEntry struct {
	ID         int64
	Time       time.Time
	Caller     Principal
	Method     string // "/bytebase.v1.ProjectService/CreateProject"
	Permission string
	Resource   string // "projects/shop"
	Project    string // id, when the resource is in one
	Request    string
	Response   string
	Kind       Kind // meaningless when Message is ""
	Message    string
	Latency    time.Duration
	Reference  string // of a token exchange
}

// OK reports whether the act was allowed and succeeded.
func (e AuditEntry) OK() bool { return e.Message == "" }
