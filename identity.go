package slipway

import "time"

// A Platform is a CI platform whose ID tokens Slipway understands.
type Platform string

// The platforms that can be trusted today.
const GitLab Platform = "GITLAB"

// A WorkloadIdentity is an account that CI jobs act as. A job becomes it by an
// ID token that Trust accepts; it has no password and no key.
type WorkloadIdentity struct {
	Email    string // "gitlab-deploy@workload.bytebase.com"
	Title    string
	Project  string // project id that owns it; "" means the workspace
	Deleted  bool   // deactivated: nothing is exchanged and no token of it works
	Created  time.Time
	Trust    Trust
	Revision int64 // grows with every change of Trust or Deleted; tokens of an older one are refused
}

// Name returns "workloadIdentities/gitlab-deploy@workload.bytebase.com".
func (w WorkloadIdentity) Name() string { return "workloadIdentities/" + w.Email }

// Trust says which ID tokens may become an identity. All conditions must hold.
// It is data as the administrator wrote it, normalised; package trust compiles
// it and refuses what would let everyone in.
type Trust struct {
	Platform       Platform     `json:"platform"`
	Issuer         string       `json:"issuer"`                    // https URL, compared byte for byte with iss
	Audiences      []string     `json:"audiences"`                 // the token's one audience must be among them
	SubjectPattern string       `json:"subject_pattern,omitempty"` // one more condition on sub; "" is none
	GitLab         *GitLabTrust `json:"gitlab,omitempty"`          // set when the fields were given, nil when only a pattern was
	// MaxLifetime bounds exp − iat of the ID token in nanoseconds; 0 is 24 hours.
	// Jobs whose timeout is longer need more: GitLab's tokens last as long.
	MaxLifetime time.Duration `json:"max_lifetime,omitempty"`
}

// GitLabTrust is the conditions on a GitLab job's own claims.
type GitLabTrust struct {
	Group            string    `json:"group"`                       // full path of a group or user name: "top/sub"
	Project          string    `json:"project,omitempty"`           // one segment; "" is every project of the group
	ExcludeSubgroups bool      `json:"exclude_subgroups,omitempty"` // with Project "": direct children only
	Refs             []RefRule `json:"refs,omitempty"`              // none: every branch and tag

	MergeRequests        MergeRequests `json:"merge_requests,omitempty"`
	Sources              []string      `json:"sources,omitempty"`               // pipeline_source, merge requests aside; none: the usual ones
	Protected            bool          `json:"protected,omitempty"`             // protected branches and tags only
	Environments         []string      `json:"environments,omitempty"`          // the job deploys to one of them, "*" as in a RefRule; none: no condition
	ProtectedEnvironment bool          `json:"protected_environment,omitempty"` // and GitLab protects it
	Runner               string        `json:"runner,omitempty"`                // runner_environment: "gitlab-hosted", "self-hosted"; "" is both
	AccessLevel          string        `json:"access_level,omitempty"`          // least user_access_level of who started the pipeline: "maintainer"; "" is any
}

// MergeRequests says whether pipelines of merge requests count. Those of forks
// never do.
type MergeRequests string

// The empty value, the usual one, lets merge requests in where every branch is
// let in, and nowhere else.
const (
	MergeRequestsUsual  MergeRequests = ""
	MergeRequestsLetIn  MergeRequests = "let in"
	MergeRequestsRefuse MergeRequests = "refuse"
)

// A RefRule lets in branches or tags: Type with Pattern. In Pattern "*" stands
// for any characters, "/" included, as in GitLab's protected branches; the
// empty Pattern is every ref of Type.
type RefRule struct {
	Type    RefType `json:"type"`
	Pattern string  `json:"pattern,omitempty"`
}

// A RefType is a kind of Git reference, spelled as in GitLab's ref_type claim.
type RefType string

// The kinds of Git references that a job can run for.
const (
	Branch RefType = "branch"
	Tag    RefType = "tag"
)

// A TrustCheck is one condition held against one token, for whoever configured
// the identity. Neither side ever holds a whole token or a secret.
type TrustCheck struct {
	Name   string `json:"name"`             // "signature", "audience", "project_path" …
	OK     bool   `json:"ok"`               //
	Want   string `json:"want,omitempty"`   // what the configuration expects
	Got    string `json:"got,omitempty"`    // what the token says, cut to 256 bytes
	Reason string `json:"reason,omitempty"` // code of the refusal: "ref_mismatch"; "" when OK
	Advice string `json:"advice,omitempty"` // a sentence on what to do
}

// An Exchange is one attempt to trade an ID token, let in or refused.
type Exchange struct {
	Reference string // what the caller was told, random, 16 characters of base32
	Time      time.Time
	Identity  string // e-mail that was asked for, cut to 254 bytes; it need not exist
	Allowed   bool
	Reason    string // code of the first failed check; "" when allowed
	Checks    []TrustCheck
	Claims    map[string]any // verified claims; nil when the signature was not verified
	TokenID   string         // hex SHA-256 of issuer and jti, never the token
	Job       Job
	Origin    Origin
	Latency   time.Duration
}
