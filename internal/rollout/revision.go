package rollout

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/sqltext"
	"slipway/internal/store"
)

// MaxBaseline bounds how many revisions one call records.
const MaxBaseline = 100

const revisionRPC = "/bytebase.v1.RevisionService/"

// A Place says whose revisions are meant: a database by its instance alone, or
// as part of a project, in which case it is found only there.
type Place struct {
	slipway.DatabaseRef
	Project string // id; "" for whichever it is in
}

// at returns the database of a place if act is allowed on it. A caller without
// the right is refused in the same words whether the database exists or not.
func (s *Service) at(ctx context.Context, act *gate.Act, p Place) (slipway.Database, error) {
	d, err := s.st.Database(ctx, p.DatabaseRef)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return d, err
	}
	if err == nil {
		act.Project = d.Project
	}
	if act.Resource == "" {
		act.Resource = p.Name()
	}
	if denied := s.gate.Can(ctx, *act); denied != nil {
		return d, denied
	}
	if err == nil && p.Project != "" && p.Project != d.Project {
		err = slipway.Errorf(slipway.NotFound, "database %q not found in project %q", p.Name(), p.Project)
	}
	return d, err
}

// Revisions lists what was applied to a database, the last first. The beginning
// of the list is read from the database itself; if that is away, and on later
// pages, it is the server's copy.
func (s *Service) Revisions(ctx context.Context, who slipway.Principal, at Place, showDeleted bool, page slipway.Page) ([]slipway.Revision, string, error) {
	act := gate.Act{Who: who, Permission: iam.RevisionsList, Method: revisionRPC + "ListRevisions"}
	d, err := s.at(ctx, &act, at)
	if err != nil {
		return nil, "", err
	}
	if page.After == "" {
		s.refreshOrWarn(ctx, d)
	}
	return s.st.Revisions(ctx, at.DatabaseRef, showDeleted, page)
}

// Revision returns one revision of a database, deleted or not.
func (s *Service) Revision(ctx context.Context, who slipway.Principal, at Place, id string) (slipway.Revision, error) {
	act := gate.Act{Who: who, Permission: iam.RevisionsGet, Method: revisionRPC + "GetRevision"}
	if _, err := s.at(ctx, &act, at); err != nil {
		return slipway.Revision{}, err
	}
	return s.st.Revision(ctx, at.DatabaseRef, id)
}

// refreshOrWarn copies a database's ledger where that is a courtesy: what was
// asked for is done, or the copy that there is will do.
func (s *Service) refreshOrWarn(ctx context.Context, d slipway.Database) {
	if err := s.refresh(ctx, d); err != nil {
		s.lg.WarnContext(ctx, "the copy of a ledger is left as it was", "database", d.Name(), "err", err)
	}
}

// refresh copies a database's ledger.
func (s *Service) refresh(ctx context.Context, d slipway.Database) error {
	t, err := s.target(ctx, d.Project, d.DatabaseRef)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	ledger, err := t.engine.Revisions(ctx, t.admin, d.Database)
	if err != nil {
		return fmt.Errorf("read the ledger of %s: %w", d.Name(), err)
	}
	for i := range ledger {
		ledger[i].Database = d.DatabaseRef
	}
	return s.st.Update(ctx, func(tx *store.Tx) error { return tx.PutRevisions(ctx, d.DatabaseRef, ledger) })
}

// A Baseline is a file that a database has already, without Slipway having
// applied it.
type Baseline struct {
	Version string
	Path    string // "" when only the contents are known
	SHA256  string // of a sheet of the database's project
}

// Baseline records files as applied without running them, all or none.
func (s *Service) Baseline(ctx context.Context, who slipway.Principal, at Place, files []Baseline) ([]slipway.Revision, error) {
	act := gate.Act{Who: who, Permission: iam.RevisionsCreate, Method: revisionRPC + "BatchCreateRevisions", Request: files}
	d, err := s.at(ctx, &act, at)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 || len(files) > MaxBaseline {
		return nil, slipway.Errorf(slipway.Invalid, "record 1 to %d revisions in one call, not %d", MaxBaseline, len(files))
	}
	t, err := s.target(ctx, d.Project, d.DatabaseRef)
	if err != nil {
		return nil, err
	}
	revs := make([]slipway.Revision, 0, len(files))
	for _, f := range files {
		rev, err := s.baseline(ctx, t, f)
		if err != nil {
			return nil, err
		}
		revs = append(revs, rev)
	}
	err = t.engine.Baseline(ctx, t.admin, d.Database, revs)
	s.gate.Note(ctx, act, err)
	if err != nil {
		return nil, away(err)
	}
	s.refreshOrWarn(ctx, d)
	return revs, nil
}

func (s *Service) baseline(ctx context.Context, t target, f Baseline) (slipway.Revision, error) {
	spelled := strings.TrimLeft(f.Version, "vV")
	if _, err := slipway.ParseVersion(spelled); err != nil {
		return slipway.Revision{}, err
	}
	if len(f.Path) > slipway.MaxPathBytes {
		return slipway.Revision{}, slipway.Errorf(slipway.Invalid, "a file's path has at most %d bytes", slipway.MaxPathBytes)
	}
	sheet, err := s.st.Sheet(ctx, t.Project, f.SHA256)
	if err != nil {
		return slipway.Revision{}, err
	}
	text, err := sqltext.Prepare(sheet.Content)
	if err != nil {
		return slipway.Revision{}, slipway.Errorf(slipway.Invalid, "sheet %s: %w", f.SHA256, err)
	}
	return slipway.Revision{
		ID: uuid.NewString(), Version: spelled, Path: f.Path, SHA256: f.SHA256,
		TextSHA: textSHA(t.on.Engine, text), Applied: s.now(), Database: t.DatabaseRef,
	}, nil
}

// DeleteRevision takes a revision out of force: its version runs again with the
// next rollout. Nothing that it did is undone.
func (s *Service) DeleteRevision(ctx context.Context, who slipway.Principal, at Place, id string) error {
	act := gate.Act{
		Who: who, Permission: iam.RevisionsDelete, Method: revisionRPC + "DeleteRevision",
		Resource: at.Name() + "/revisions/" + id,
	}
	d, err := s.at(ctx, &act, at)
	if err != nil {
		return err
	}
	if _, err := s.st.Revision(ctx, d.DatabaseRef, id); err != nil {
		return err
	}
	t, err := s.target(ctx, d.Project, d.DatabaseRef)
	if err != nil {
		return err
	}
	err = t.engine.DeleteRevision(ctx, t.admin, d.Database, id, who.Name(), s.now())
	s.gate.Note(ctx, act, err)
	if err != nil {
		return away(err)
	}
	s.refreshOrWarn(ctx, d)
	return nil
}

// away passes an engine's error on, in words for who called.
func away(err error) error {
	if slipway.KindOf(err) == slipway.Internal {
		return fmt.Errorf("reach a target: %w", err)
	}
	return slipway.Errorf(slipway.KindOf(err), "%s", slipway.MessageOf(err)).Because(err)
}
