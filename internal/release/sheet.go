package release

import (
	"context"
	"fmt"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// MaxSheets bounds how many sheets one call makes.
const MaxSheets = 1000

// SheetCut is how much of a sheet is shown unless all of it is asked for.
const SheetCut = 2 << 20

const sheetRPC = "/bytebase.v1.SheetService/"

// CreateSheets keeps pieces of SQL in a project, all or none. A piece that it
// holds already is found again.
func (s *Service) CreateSheets(ctx context.Context, who slipway.Principal, project string, contents [][]byte) ([]slipway.Sheet, error) {
	act := gate.Act{
		Who: who, Permission: iam.SheetsCreate, Project: project,
		Resource: "projects/" + project, Method: sheetRPC + "BatchCreateSheets",
		Request: map[string]int{"sheets": len(contents)},
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, err
	}
	if _, err := s.project(ctx, project); err != nil {
		return nil, err
	}
	if len(contents) == 0 || len(contents) > MaxSheets {
		return nil, slipway.Errorf(slipway.Invalid, "make 1 to %d sheets in one call, not %d", MaxSheets, len(contents))
	}
	for i, c := range contents {
		if len(c) == 0 || len(c) > slipway.MaxFileSize {
			return nil, slipway.Errorf(slipway.Invalid, "requests[%d].sheet.content: 1 byte to %d MiB", i, slipway.MaxFileSize>>20)
		}
	}
	sheets := make([]slipway.Sheet, 0, len(contents))
	err := s.gate.Do(ctx, act, func(tx *store.Tx) error {
		sheets = sheets[:0]
		for _, c := range contents {
			sha, err := tx.PutSheet(ctx, project, c)
			if err != nil {
				return fmt.Errorf("keep a sheet: %w", err)
			}
			sheets = append(sheets, cut(slipway.Sheet{Project: project, SHA256: sha, Content: c, Size: int64(len(c))}, false))
		}
		return nil
	})
	return sheets, err
}

// Sheet returns a piece of SQL; of one over SheetCut bytes only the beginning,
// unless whole asks for all of it.
func (s *Service) Sheet(ctx context.Context, who slipway.Principal, project, sha256 string, whole bool) (slipway.Sheet, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.SheetsGet, Project: project,
		Resource: slipway.Sheet{Project: project, SHA256: sha256}.Name(), Method: sheetRPC + "GetSheet",
	})
	if err != nil {
		return slipway.Sheet{}, err
	}
	sheet, err := s.st.Sheet(ctx, project, sha256)
	if err != nil {
		return slipway.Sheet{}, err
	}
	return cut(sheet, whole), nil
}

func cut(s slipway.Sheet, whole bool) slipway.Sheet {
	if !whole && len(s.Content) > SheetCut {
		s.Content = s.Content[:SheetCut]
	}
	return s
}
