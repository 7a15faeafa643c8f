package release

import (
	"context"
	"fmt"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
)

// SheetHead returns the beginning of a piece of SQL, most bytes at most, without
// reading the rest of it.
func (s *Service) SheetHead(ctx context.Context, who slipway.Principal, project, sha256 string, most int) (slipway.Sheet, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.SheetsGet, Project: project,
		Resource: slipway.Sheet{Project: project, SHA256: sha256}.Name(), Method: sheetRPC + "GetSheet",
	})
	if err != nil {
		return slipway.Sheet{}, err
	}
	return s.st.SheetPart(ctx, project, sha256, 0, min(most, SheetCut))
}

// Standings holds the files of a release against what was applied to one of its
// project's databases, as far as the server's copy of the ledger knows.
func (s *Service) Standings(ctx context.Context, who slipway.Principal, rel slipway.Release, ref slipway.DatabaseRef) ([]slipway.Standing, error) {
	act := gate.Act{
		Who: who, Permission: iam.RevisionsList, Project: rel.Project,
		Resource: ref.Name(), Method: "/bytebase.v1.RevisionService/ListRevisions",
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, err
	}
	d, err := s.st.Database(ctx, ref)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return nil, err
	}
	if err != nil || d.Project != rel.Project {
		return nil, slipway.Errorf(slipway.NotFound, "%s is not a database of project %q", ref.Name(), rel.Project)
	}
	var ledger []slipway.Revision
	page := slipway.Page{Size: slipway.MaxPageSize}
	for {
		list, next, err := s.st.Revisions(ctx, ref, false, page)
		if err != nil {
			return nil, fmt.Errorf("read the copy of the ledger of %s: %w", ref.Name(), err)
		}
		ledger = append(ledger, list...)
		if page.After = next; next == "" {
			break
		}
	}
	return slipway.Stand(rel.Files, ledger)
}
