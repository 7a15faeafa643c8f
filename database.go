package slipway

import "time"

// An Engine is a kind of database server, spelled as in the API.
type Engine string

// The engines that Slipway changes.
const (
	SQLite   Engine = "SQLITE"
	Postgres Engine = "POSTGRES"
)

// An Instance is a database server under management, or for SQLite a folder.
type Instance struct {
	ID          string
	Title       string
	Engine      Engine
	Version     string // as the server said when it was last asked
	Environment string // id; "" when its databases say for themselves
	Link        string // where people find more about it
	Deleted     bool
	Labels      map[string]string
	Created     time.Time
	Synced      time.Time // when it last answered; zero: never
	SyncError   string    // why it did not when it was asked after that; "" if it was not
	Sources     []Source
}

// Name returns "instances/pg-main".
func (i Instance) Name() string { return "instances/" + i.ID }

// Admin returns the data source that changes are made with.
func (i Instance) Admin() (Source, bool) {
	for _, s := range i.Sources {
		if s.Type == AdminSource {
			return s, true
		}
	}
	return Source{}, false
}

// A SourceType says what a Source is for.
type SourceType string

// The types of sources.
const (
	AdminSource    SourceType = "ADMIN"
	ReadOnlySource SourceType = "READ_ONLY"
)

// A Source is how to reach an instance. Password and TLSKey are secrets: the
// store encrypts them, and no API answer holds them.
type Source struct {
	ID        string
	Type      SourceType
	Host      string // PostgreSQL: host name, address or socket folder. SQLite: the folder that holds NAME.db
	Port      string
	Username  string
	Password  Secret
	Database  string // PostgreSQL: where to connect to list the others; "" is "postgres"
	TLS       bool
	VerifyTLS bool // check the certificate and the host name
	TLSCA     string
	TLSCert   string
	TLSKey    Secret
	Extra     map[string]string // further connection parameters
}

// A Database is a database of an instance.
type Database struct {
	DatabaseRef
	Project     string // id; DefaultProject until one takes it over
	Environment string // its own id; "" means the instance's
	Labels      map[string]string
	Deleted     bool // gone from the server when it was last synced
	Synced      time.Time
	SyncError   string
	Release     string // name of the release that was last rolled out to it
}

// A Secret is a value that prints as REDACTED.
type Secret string

// String returns "REDACTED", or "" for none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "REDACTED"
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText is String, so that no encoder lets a secret out.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal returns the value. Every call of it is a place to look at.
func (s Secret) Reveal() string { return string(s) }

// A Revision is a file that was applied to a database. The truth of it is the
// ledger, the table slipway_revision in that database; the server's rows are a
// copy of it.
type Revision struct {
	ID       string // random, made when the file is applied
	Version  string // as the file name spells it, without a leading v
	Path     string // as the release names the file
	SHA256   string // hex, of the file's raw bytes
	TextSHA  string // hex, of the text without comments and spacing: tells an edit from a reformat
	Release  string // resource name; "" for a baseline
	TaskRun  string // resource name; "" for a baseline
	Applied  time.Time
	Took     time.Duration
	Deleted  time.Time // zero while in force; a deleted revision lets its version run again
	Deleter  string
	Database DatabaseRef
}
