package slipway

import (
	"net/mail"
	"strings"
	"time"
)

// A PrincipalKind says what sort of caller a principal is. It is the prefix of
// its name in an IAM binding.
type PrincipalKind string

// The kinds of principals.
const (
	UserKind             PrincipalKind = "user"
	ServiceAccountKind   PrincipalKind = "serviceAccount"
	WorkloadIdentityKind PrincipalKind = "workloadIdentity"
	SystemKind           PrincipalKind = "system" // the server itself; no credential makes one
)

// Suffixes of the e-mail addresses of callers that are no people.
const (
	WorkloadIdentityDomain = "workload.bytebase.com"
	ServiceAccountDomain   = "service.bytebase.com"
)

// A Principal is who calls, established from a credential by package access and
// handed on as an explicit argument. The zero Principal is nobody.
type Principal struct {
	Kind   PrincipalKind
	Email  string // lower case
	Title  string
	Job    *Job   // the CI job that exchanged its token; workload identities only
	Origin Origin // where the call came from
}

// System is the server acting on its own account: workers, the first start.
func System() Principal { return Principal{Kind: SystemKind, Email: "system"} }

// Member returns the principal as IAM bindings name it: "user:ann@example.com".
func (p Principal) Member() string { return string(p.Kind) + ":" + p.Email }

// Name returns the principal as creators are named: "users/ann@example.com",
// whatever its kind; clients of the API expect that.
func (p Principal) Name() string { return "users/" + p.Email }

// IsZero reports whether p is nobody.
func (p Principal) IsZero() bool { return p.Kind == "" }

// A Job is the CI job that stands behind a workload identity's call, as
// verified claims of its ID token told. Every field may be empty.
type Job struct {
	Issuer      string `json:"issuer,omitempty"`
	ProjectPath string `json:"project_path,omitempty"` // "my-group/my-project"
	ProjectID   string `json:"project_id,omitempty"`
	Ref         string `json:"ref,omitempty"` // "main"
	RefType     string `json:"ref_type,omitempty"`
	SHA         string `json:"sha,omitempty"`
	PipelineID  string `json:"pipeline_id,omitempty"`
	JobID       string `json:"job_id,omitempty"`
	UserLogin   string `json:"user_login,omitempty"`
	UserEmail   string `json:"user_email,omitempty"`
	Source      string `json:"pipeline_source,omitempty"`
}

// A User is a person.
type User struct {
	Email             string
	Title             string
	Phone             string
	Deleted           bool
	Created           time.Time
	LastLogin         time.Time // zero: never
	PasswordChanged   time.Time
	PasswordHash      string // PHC string, argon2id; "" means no sign-in by password
	MustResetPassword bool
}

// A ServiceAccount is a caller with a long-lived key, for where no ID token is
// to be had.
type ServiceAccount struct {
	Email   string
	Title   string
	Project string // "" means the workspace's
	Deleted bool
	Created time.Time
	KeyHash string // hex SHA-256 of the key, which is random and needs no slow hash
}

// CheckEmail reports why email cannot name a person here, and returns it in
// lower case.
func CheckEmail(email string) (string, error) {
	email = strings.ToLower(email)
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 || strings.ContainsAny(email, " \t\r\n\x00/:\"<>") {
		return "", Errorf(Invalid, "%.80q is not an e-mail address", email)
	}
	for _, d := range []string{WorkloadIdentityDomain, ServiceAccountDomain} {
		if strings.HasSuffix(email, "@"+d) || strings.HasSuffix(email, "."+d) {
			return "", Errorf(Invalid, "email for end users cannot end with %s", d)
		}
	}
	return email, nil
}
