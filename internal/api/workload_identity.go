package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/pb"
	"slipway/internal/trust"
)

// identities serves WorkloadIdentityService.
type identities struct {
	pb.UnimplementedWorkloadIdentityServiceHandler
	access *access.Service
}

// CreateWorkloadIdentity makes a workload identity.
func (h identities) CreateWorkloadIdentity(ctx context.Context, req *pb.CreateWorkloadIdentityRequest) (*pb.WorkloadIdentity, error) {
	project, err := ownerOf(req.GetParent())
	if err != nil {
		return nil, err
	}
	t, err := trustFromPB(slipway.Trust{}, req.GetWorkloadIdentity().GetWorkloadIdentityConfig(), mask{configPath})
	if err != nil {
		return nil, err
	}
	w, err := h.access.CreateWorkloadIdentity(ctx, caller(ctx), access.NewWorkloadIdentity{
		ID: req.GetWorkloadIdentityId(), Project: project, Title: req.GetWorkloadIdentity().GetTitle(), Trust: t,
	})
	return answer(w, err, identityToPB)
}

// GetWorkloadIdentity returns a workload identity.
func (h identities) GetWorkloadIdentity(ctx context.Context, req *pb.GetWorkloadIdentityRequest) (*pb.WorkloadIdentity, error) {
	email, err := one("workloadIdentities/*", req.GetName())
	if err != nil {
		return nil, err
	}
	w, err := h.access.WorkloadIdentity(ctx, caller(ctx), email)
	return answer(w, err, identityToPB)
}

// ListWorkloadIdentities lists the workload identities of a project, or the
// workspace's own.
func (h identities) ListWorkloadIdentities(ctx context.Context, req *pb.ListWorkloadIdentitiesRequest) (*pb.ListWorkloadIdentitiesResponse, error) {
	page, q, err := accountsOf(req)
	if err != nil {
		return nil, err
	}
	list, next, err := h.access.WorkloadIdentities(ctx, caller(ctx), q, page)
	if err != nil {
		return nil, err
	}
	return &pb.ListWorkloadIdentitiesResponse{WorkloadIdentities: each(list, identityToPB), NextPageToken: pageToken(req, next)}, nil
}

// Paths of the configuration in an update mask.
const (
	configPath   = "workload_identity_config"
	providerPath = configPath + ".provider_type"
	issuerPath   = configPath + ".issuer_url"
	audiencePath = configPath + ".allowed_audiences"
	patternPath  = configPath + ".subject_pattern"
	gitlabPath   = configPath + ".gitlab"
)

// UpdateWorkloadIdentity changes what the mask names and nothing else: an edit
// of the title leaves the trust as it is, byte for byte.
func (h identities) UpdateWorkloadIdentity(ctx context.Context, req *pb.UpdateWorkloadIdentityRequest) (*pb.WorkloadIdentity, error) {
	given := req.GetWorkloadIdentity()
	email, err := one("workloadIdentities/*", given.GetName())
	if err != nil {
		return nil, err
	}
	changes, err := maskOf(req.GetUpdateMask(), given, "title", configPath, providerPath, issuerPath, audiencePath, patternPath, gitlabPath)
	if err != nil {
		return nil, err
	}
	var c access.WorkloadIdentityChange
	c.Title = masked(changes, "title", given.GetTitle())
	if len(changes) > 1 || len(changes) == 1 && c.Title == nil {
		c.Trust = func(stored slipway.Trust) (slipway.Trust, error) {
			return trustFromPB(stored, given.GetWorkloadIdentityConfig(), changes)
		}
	}
	w, err := h.access.UpdateWorkloadIdentity(ctx, caller(ctx), email, c)
	return answer(w, err, identityToPB)
}

// DeleteWorkloadIdentity deactivates a workload identity.
func (h identities) DeleteWorkloadIdentity(ctx context.Context, req *pb.DeleteWorkloadIdentityRequest) (*emptypb.Empty, error) {
	email, err := one("workloadIdentities/*", req.GetName())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, h.access.DeleteWorkloadIdentity(ctx, caller(ctx), email)
}

// UndeleteWorkloadIdentity lets jobs become a workload identity again.
func (h identities) UndeleteWorkloadIdentity(ctx context.Context, req *pb.UndeleteWorkloadIdentityRequest) (*pb.WorkloadIdentity, error) {
	email, err := one("workloadIdentities/*", req.GetName())
	if err != nil {
		return nil, err
	}
	w, err := h.access.UndeleteWorkloadIdentity(ctx, caller(ctx), email)
	return answer(w, err, identityToPB)
}

// trustFromPB returns stored with what changes names taken from c. What c has
// no field for stays.
func trustFromPB(stored slipway.Trust, c *pb.WorkloadIdentityConfig, changes mask) (slipway.Trust, error) {
	t := stored
	named := func(path string) bool { return changes.has(configPath) || changes.has(path) }
	if named(providerPath) {
		t.Platform = ""
		if c.GetProviderType() != pb.WorkloadIdentityConfig_PROVIDER_TYPE_UNSPECIFIED {
			t.Platform = slipway.Platform(c.GetProviderType().String())
		}
	}
	if named(issuerPath) {
		t.Issuer = c.GetIssuerUrl()
	}
	if named(audiencePath) {
		t.Audiences = c.GetAllowedAudiences()
	}
	if named(patternPath) {
		t.SubjectPattern = c.GetSubjectPattern()
	}
	if named(gitlabPath) {
		g, err := gitlabFromPB(c.GetGitlab())
		if err != nil {
			return t, err
		}
		t.GitLab = g
	}
	return t, nil
}

func gitlabFromPB(c *pb.GitLabTrust) (*slipway.GitLabTrust, error) {
	if c == nil {
		return nil, nil
	}
	g := &slipway.GitLabTrust{
		Group: c.GetGroup(), Project: c.GetProject(),
		ExcludeSubgroups: c.IncludeSubgroups != nil && !c.GetIncludeSubgroups(),
		Sources:          c.GetSources(), Protected: c.GetProtectedRefs(),
		Environments: c.GetEnvironments(), ProtectedEnvironment: c.GetProtectedEnvironment(),
		Runner: c.GetRunner(), AccessLevel: c.GetAccessLevel(),
	}
	switch c.GetMergeRequests() {
	case pb.GitLabTrust_MERGE_REQUESTS_UNSPECIFIED:
	case pb.GitLabTrust_LET_IN:
		g.MergeRequests = slipway.MergeRequestsLetIn
	case pb.GitLabTrust_REFUSE:
		g.MergeRequests = slipway.MergeRequestsRefuse
	default:
		return nil, slipway.Errorf(slipway.Invalid, "gitlab.merge_requests: LET_IN or REFUSE")
	}
	for i, r := range c.GetRefs() {
		rule := slipway.RefRule{Pattern: r.GetPattern()}
		switch r.GetType() {
		case pb.RefRule_BRANCH:
			rule.Type = slipway.Branch
		case pb.RefRule_TAG:
			rule.Type = slipway.Tag
		default:
			return nil, slipway.Errorf(slipway.Invalid, "gitlab.refs[%d].type: say BRANCH or TAG", i)
		}
		g.Refs = append(g.Refs, rule)
	}
	return g, nil
}

// identityToPB returns w as the API shows it. Where no pattern was written,
// clients that know patterns only are shown the one that the fields amount to.
func identityToPB(w slipway.WorkloadIdentity) *pb.WorkloadIdentity {
	c := &pb.WorkloadIdentityConfig{
		ProviderType: pb.WorkloadIdentityConfig_ProviderType(pb.WorkloadIdentityConfig_ProviderType_value[string(w.Trust.Platform)]),
		IssuerUrl:    w.Trust.Issuer, AllowedAudiences: w.Trust.Audiences, SubjectPattern: w.Trust.SubjectPattern,
	}
	if c.SubjectPattern == "" {
		c.SubjectPattern = trust.Pattern(w.Trust)
	}
	if g := w.Trust.GitLab; g != nil {
		c.Gitlab = &pb.GitLabTrust{
			Group: g.Group, Project: g.Project, IncludeSubgroups: new(!g.ExcludeSubgroups),
			Sources: g.Sources, ProtectedRefs: g.Protected,
			Environments: g.Environments, ProtectedEnvironment: g.ProtectedEnvironment,
			Runner: g.Runner, AccessLevel: g.AccessLevel,
		}
		switch g.MergeRequests {
		case slipway.MergeRequestsLetIn:
			c.Gitlab.MergeRequests = pb.GitLabTrust_LET_IN
		case slipway.MergeRequestsRefuse:
			c.Gitlab.MergeRequests = pb.GitLabTrust_REFUSE
		}
		for _, r := range g.Refs {
			rule := &pb.RefRule{Type: pb.RefRule_BRANCH, Pattern: r.Pattern}
			if r.Type == slipway.Tag {
				rule.Type = pb.RefRule_TAG
			}
			c.Gitlab.Refs = append(c.Gitlab.Refs, rule)
		}
	}
	return &pb.WorkloadIdentity{
		Name: w.Name(), State: stateOf(w.Deleted), Email: w.Email, Title: w.Title,
		CreateTime: instantToPB(w.Created), WorkloadIdentityConfig: c,
	}
}
