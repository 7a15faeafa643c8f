package api

import (
	"context"
	"net/url"

	"google.golang.org/protobuf/types/known/emptypb"

	"slipway"
	"slipway/internal/pb"
	"slipway/internal/rollout"
)

// revisions serves RevisionService.
type revisions struct {
	pb.UnimplementedRevisionServiceHandler
	verbs *rollout.Service
}

func newRevisions(deps Deps) revisions { return revisions{verbs: deps.Rollouts} }

// ledgerOf reads the name of a database, followed by what ends says.
func ledgerOf(name, ends string) (rollout.Place, []string, error) {
	at, ids, err := placeOf(name, ends)
	return rollout.Place{DatabaseRef: at.DatabaseRef, Project: at.Project}, ids, err
}

func (r revisions) ListRevisions(ctx context.Context, req *pb.ListRevisionsRequest) (*pb.ListRevisionsResponse, error) {
	at, _, err := ledgerOf(req.GetParent(), "")
	if err != nil {
		return nil, err
	}
	page, err := pageOf(req)
	if err != nil {
		return nil, err
	}
	list, next, err := r.verbs.Revisions(ctx, caller(ctx), at, req.GetShowDeleted(), page)
	if err != nil {
		return nil, err
	}
	return &pb.ListRevisionsResponse{Revisions: each(list, fromRevision), NextPageToken: pageToken(req, next)}, nil
}

func (r revisions) GetRevision(ctx context.Context, req *pb.GetRevisionRequest) (*pb.Revision, error) {
	at, ids, err := ledgerOf(req.GetName(), "/revisions/*")
	if err != nil {
		return nil, err
	}
	got, err := r.verbs.Revision(ctx, caller(ctx), at, ids[0])
	return answer(got, err, fromRevision)
}

func (r revisions) BatchCreateRevisions(ctx context.Context, req *pb.BatchCreateRevisionsRequest) (*pb.BatchCreateRevisionsResponse, error) {
	at, _, err := ledgerOf(req.GetParent(), "")
	if err != nil {
		return nil, err
	}
	files := make([]rollout.Baseline, len(req.GetRequests()))
	for i, one := range req.GetRequests() {
		if one.GetParent() != "" && one.GetParent() != req.GetParent() {
			return nil, slipway.Errorf(slipway.Invalid, "requests[%d].parent: %q is not the parent of the call, %q", i, one.GetParent(), req.GetParent())
		}
		if files[i], err = toBaseline(one.GetRevision()); err != nil {
			return nil, err
		}
	}
	made, err := r.verbs.Baseline(ctx, caller(ctx), at, files)
	return answer(made, err, func(l []slipway.Revision) *pb.BatchCreateRevisionsResponse {
		return &pb.BatchCreateRevisionsResponse{Revisions: each(l, fromRevision)}
	})
}

func toBaseline(w *pb.Revision) (rollout.Baseline, error) {
	b := rollout.Baseline{Version: w.GetVersion(), SHA256: w.GetSheetSha256()}
	if w.GetType() == pb.Revision_DECLARATIVE {
		return b, slipway.Errorf(slipway.Unimplemented, "revision.type: declarative revisions are not built")
	}
	if w.GetSheet() != "" {
		ids, err := slipway.ParseName("projects/*/sheets/*", w.GetSheet())
		if err != nil {
			return b, err
		}
		b.SHA256 = ids[1]
	}
	if b.SHA256 == "" {
		return b, slipway.Errorf(slipway.Invalid, "revision.sheet: a revision without a sheet could not tell later whether its file was edited")
	}
	if w.GetFile() != "" {
		ids, err := slipway.ParseName("projects/*/releases/*/files/*", w.GetFile())
		if err != nil {
			return b, err
		}
		b.Path = ids[2]
	}
	return b, nil
}

func (r revisions) DeleteRevision(ctx context.Context, req *pb.DeleteRevisionRequest) (*emptypb.Empty, error) {
	at, ids, err := ledgerOf(req.GetName(), "/revisions/*")
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, r.verbs.DeleteRevision(ctx, caller(ctx), at, ids[0])
}

func fromRevision(r slipway.Revision) *pb.Revision {
	w := &pb.Revision{
		Name: r.Database.Name() + "/revisions/" + r.ID, Release: r.Release, Version: r.Version, SheetSha256: r.SHA256,
		TaskRun: r.TaskRun, Type: pb.Revision_VERSIONED, CreateTime: instantToPB(r.Applied),
		Deleter: r.Deleter, DeleteTime: instantToPB(r.Deleted),
	}
	if r.Release != "" {
		w.File = r.Release + "/files/" + url.PathEscape(r.Path)
		w.Sheet = slipway.Sheet{Project: slipway.ProjectOf(r.Release), SHA256: r.SHA256}.Name()
	}
	return w
}
