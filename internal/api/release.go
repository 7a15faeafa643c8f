package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"slipway"
	"slipway/internal/pb"
	"slipway/internal/release"
)

// releases serves ReleaseService.
type releases struct {
	pb.UnimplementedReleaseServiceHandler
	verbs *release.Service
}

func newReleases(deps Deps) releases { return releases{verbs: deps.Releases} }

// releaseID reads "projects/*/releases/*".
func releaseID(name string) (project, id string, err error) {
	ids, err := slipway.ParseName("projects/*/releases/*", name)
	if err != nil {
		return "", "", err
	}
	return ids[0], ids[1], nil
}

func (r releases) GetRelease(ctx context.Context, req *pb.GetReleaseRequest) (*pb.Release, error) {
	project, id, err := releaseID(req.GetName())
	if err != nil {
		return nil, err
	}
	got, err := r.verbs.Release(ctx, caller(ctx), project, id)
	return answer(got, err, fromRelease)
}

func (r releases) ListReleases(ctx context.Context, req *pb.ListReleasesRequest) (*pb.ListReleasesResponse, error) {
	project, err := projectID(req.GetParent())
	if err != nil {
		return nil, err
	}
	page, err := pageOf(req)
	if err != nil {
		return nil, err
	}
	terms, err := parseFilter(req.GetFilter(), map[string]filterField{"category": textField(equals)})
	if err != nil {
		return nil, err
	}
	f := release.Filter{ShowDeleted: req.GetShowDeleted()}
	for _, t := range terms {
		f.Category = t.text
	}
	list, next, err := r.verbs.Releases(ctx, caller(ctx), project, f, page)
	if err != nil {
		return nil, err
	}
	return &pb.ListReleasesResponse{Releases: each(list, fromRelease), NextPageToken: pageToken(req, next)}, nil
}

func (r releases) ListReleaseCategories(ctx context.Context, req *pb.ListReleaseCategoriesRequest) (*pb.ListReleaseCategoriesResponse, error) {
	project, err := projectID(req.GetParent())
	if err != nil {
		return nil, err
	}
	list, err := r.verbs.Categories(ctx, caller(ctx), project)
	return answer(list, err, func(l []string) *pb.ListReleaseCategoriesResponse {
		return &pb.ListReleaseCategoriesResponse{Categories: l}
	})
}

func (r releases) CreateRelease(ctx context.Context, req *pb.CreateReleaseRequest) (*pb.Release, error) {
	project, err := projectID(req.GetParent())
	if err != nil {
		return nil, err
	}
	w := req.GetRelease()
	files, err := toFiles(project, w)
	if err != nil {
		return nil, err
	}
	d := release.Draft{
		Project: project, Category: w.GetCategory(), Files: files,
		Template: req.GetReleaseIdTemplate(), Zone: req.GetReleaseIdTimezone(),
	}
	if v := w.GetVcsSource(); v.GetVcsType() != pb.VCSType_VCS_TYPE_UNSPECIFIED || v.GetUrl() != "" {
		d.Source = slipway.VCSSource{Type: v.GetVcsType().String(), URL: v.GetUrl()}
	}
	made, _, err := r.verbs.Create(ctx, caller(ctx), d)
	return answer(made, err, fromRelease)
}

// toFiles reads the files of a release.
func toFiles(project string, w *pb.Release) ([]slipway.File, error) {
	if w.GetType() == pb.Release_DECLARATIVE {
		return nil, slipway.Errorf(slipway.Unimplemented, "release.type: declarative releases are not built; send versioned files")
	}
	files := make([]slipway.File, len(w.GetFiles()))
	for i, f := range w.GetFiles() {
		files[i] = slipway.File{Path: f.GetPath(), Version: f.GetVersion(), Statement: f.GetStatement()}
		if len(f.GetStatement()) > 0 {
			continue
		}
		if files[i].SHA256 = f.GetSheetSha256(); f.GetSheet() != "" {
			sha, err := sheetID(project, f.GetSheet())
			if err != nil {
				return nil, err
			}
			files[i].SHA256 = sha
		}
	}
	return files, nil
}

// sheetID reads "projects/*/sheets/*" of the given project.
func sheetID(project, name string) (string, error) {
	ids, err := slipway.ParseName("projects/*/sheets/*", name)
	if err != nil {
		return "", err
	}
	if ids[0] != project {
		return "", slipway.Errorf(slipway.Invalid, "%q is not a sheet of project %q", name, project)
	}
	return ids[1], nil
}

func (r releases) UpdateRelease(ctx context.Context, req *pb.UpdateReleaseRequest) (*pb.Release, error) {
	project, id, err := releaseID(req.GetRelease().GetName())
	if err != nil {
		return nil, err
	}
	return nil, r.verbs.Update(ctx, caller(ctx), project, id)
}

func (r releases) DeleteRelease(ctx context.Context, req *pb.DeleteReleaseRequest) (*emptypb.Empty, error) {
	project, id, err := releaseID(req.GetName())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, r.verbs.Delete(ctx, caller(ctx), project, id)
}

func (r releases) UndeleteRelease(ctx context.Context, req *pb.UndeleteReleaseRequest) (*pb.Release, error) {
	project, id, err := releaseID(req.GetName())
	if err != nil {
		return nil, err
	}
	got, err := r.verbs.Undelete(ctx, caller(ctx), project, id)
	return answer(got, err, fromRelease)
}

func (r releases) CheckRelease(ctx context.Context, req *pb.CheckReleaseRequest) (*pb.CheckReleaseResponse, error) {
	project, err := projectID(req.GetParent())
	if err != nil {
		return nil, err
	}
	if req.GetCustomRules() != "" {
		return nil, slipway.Errorf(slipway.Unimplemented, "custom_rules are not built; leave them empty")
	}
	files, err := toFiles(project, req.GetRelease())
	if err != nil {
		return nil, err
	}
	got, err := r.verbs.Check(ctx, caller(ctx), release.Question{Project: project, Files: files, Targets: req.GetTargets()})
	return answer(got, err, fromAnswer)
}

func fromAnswer(a release.Answer) *pb.CheckReleaseResponse {
	return &pb.CheckReleaseResponse{
		AffectedRows: a.Affected, RiskLevel: fromRisk(a.Risk), Pending: int32(a.Pending),
		Results: each(a.Results, func(r slipway.CheckResult) *pb.CheckReleaseResponse_CheckResult {
			return &pb.CheckReleaseResponse_CheckResult{
				File: r.File, Target: r.Target, AffectedRows: r.Affected, RiskLevel: fromRisk(r.Risk),
				Advices: each(r.Advices, fromAdvice),
			}
		}),
	}
}

func fromAdvice(a slipway.Advice) *pb.Advice {
	w := &pb.Advice{
		Status: pb.Advice_Level(pb.Advice_Level_value[string(a.Level)]), Code: int32(a.Code), Title: a.Title, Content: a.Content,
		StartPosition: fromPosition(a.Start), EndPosition: fromPosition(a.End),
	}
	if a.Rule {
		w.RuleType = pb.Advice_PARSER_BASED
	}
	return w
}

func fromPosition(p slipway.Position) *pb.Position {
	if p.Line == 0 {
		return nil
	}
	return &pb.Position{Line: int32(p.Line), Column: int32(p.Column)}
}

func fromRisk(r slipway.RiskLevel) pb.RiskLevel { return pb.RiskLevel(pb.RiskLevel_value[string(r)]) }

func fromRelease(r slipway.Release) *pb.Release {
	w := &pb.Release{
		Name: r.Name(), Category: r.Category, Creator: r.Creator, CreateTime: instantToPB(r.Created), State: stateOf(r.Deleted),
		Type: pb.Release_VERSIONED, Digest: r.Digest,
		Files: each(r.Files, func(f slipway.File) *pb.Release_File {
			return &pb.Release_File{
				Path: f.Path, Version: f.Version, SheetSha256: f.SHA256,
				Sheet: slipway.Sheet{Project: r.Project, SHA256: f.SHA256}.Name(),
			}
		}),
	}
	if r.Job != nil {
		w.Job = jobToPB(*r.Job)
	}
	if r.Source != (slipway.VCSSource{}) {
		w.VcsSource = &pb.Release_VCSSource{VcsType: pb.VCSType(pb.VCSType_value[r.Source.Type]), Url: r.Source.URL}
	}
	return w
}
