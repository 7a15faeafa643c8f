package api

import (
	"context"

	"slipway"
	"slipway/internal/pb"
	"slipway/internal/release"
)

// sheets serves SheetService.
type sheets struct {
	pb.UnimplementedSheetServiceHandler
	verbs *release.Service
}

func newSheets(deps Deps) sheets { return sheets{verbs: deps.Releases} }

func (s sheets) CreateSheet(ctx context.Context, req *pb.CreateSheetRequest) (*pb.Sheet, error) {
	list, err := s.create(ctx, req.GetParent(), []*pb.CreateSheetRequest{req})
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

func (s sheets) BatchCreateSheets(ctx context.Context, req *pb.BatchCreateSheetsRequest) (*pb.BatchCreateSheetsResponse, error) {
	list, err := s.create(ctx, req.GetParent(), req.GetRequests())
	return answer(list, err, func(l []*pb.Sheet) *pb.BatchCreateSheetsResponse { return &pb.BatchCreateSheetsResponse{Sheets: l} })
}

func (s sheets) create(ctx context.Context, parent string, reqs []*pb.CreateSheetRequest) ([]*pb.Sheet, error) {
	project, err := projectID(parent)
	if err != nil {
		return nil, err
	}
	contents := make([][]byte, len(reqs))
	for i, r := range reqs {
		if r.GetParent() != "" && r.GetParent() != parent {
			return nil, slipway.Errorf(slipway.Invalid, "requests[%d].parent: %q is not the parent of the call, %q", i, r.GetParent(), parent)
		}
		contents[i] = r.GetSheet().GetContent()
	}
	made, err := s.verbs.CreateSheets(ctx, caller(ctx), project, contents)
	if err != nil {
		return nil, err
	}
	return each(made, fromSheet), nil
}

func (s sheets) GetSheet(ctx context.Context, req *pb.GetSheetRequest) (*pb.Sheet, error) {
	ids, err := slipway.ParseName("projects/*/sheets/*", req.GetName())
	if err != nil {
		return nil, err
	}
	got, err := s.verbs.Sheet(ctx, caller(ctx), ids[0], ids[1], req.GetRaw())
	return answer(got, err, fromSheet)
}

func fromSheet(s slipway.Sheet) *pb.Sheet {
	return &pb.Sheet{Name: s.Name(), Content: s.Content, ContentSize: s.Size}
}
