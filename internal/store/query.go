package store

import (
	"time"

	"slipway"
)

// A UserQuery picks users.
type UserQuery struct {
	Search      string // part of the e-mail address or the title, any case
	ShowDeleted bool   // the deleted ones too
}

// An AccountQuery picks service accounts or workload identities.
type AccountQuery struct {
	Project       string // id; "" is every project and the workspace
	WorkspaceOnly bool   // those that no project owns
	Search        string // part of the e-mail address or the title, any case
	ShowDeleted   bool   // the deleted ones too
}

// A ProjectQuery picks projects.
type ProjectQuery struct {
	Search      string   // part of the id or the title, any case
	ShowDeleted bool     // the deleted ones too
	Only        []string // ids; nil is all, empty is none
}

// An InstanceQuery picks instances.
type InstanceQuery struct {
	Search      string // part of the id or the title, any case
	Environment string // id; "" is any
	Engine      slipway.Engine
	ShowDeleted bool // the deleted ones too
}

// A DatabaseQuery picks databases.
type DatabaseQuery struct {
	Project     string            // id; "" is any
	Only        []string          // ids of projects; nil is all, empty is none
	Instance    string            // id; "" is any
	Environment string            // id, of the database or else of its instance; "" is any
	Search      string            // part of the name, any case
	Labels      map[string]string // all of them must be equal
	ShowDeleted bool              // those that are gone from their server too
	// UnassignedOnly picks those in the default project, AssignedOnly the
	// others.
	UnassignedOnly, AssignedOnly bool
}

// A ReleaseQuery picks releases.
type ReleaseQuery struct {
	Project     string // id
	Category    string // "" is any
	Digest      string // "" is any
	ShowDeleted bool   // the deleted ones too
}

// An ExchangeQuery picks token exchanges.
type ExchangeQuery struct {
	Identity string    // e-mail; "" is any
	Outcome  string    // "allowed", "refused"; "" is both
	Since    time.Time // zero: from the beginning
}

// An AuditQuery picks audit entries. Empty fields pick all.
type AuditQuery struct {
	Caller     string // member: "user:ann@example.com"
	Method     string // whole
	Resource   string // beginning of the resource name
	Project    string // id
	Permission string
	Since      time.Time // this moment or later
	Until      time.Time // before this moment
	OnlyFailed bool
}
