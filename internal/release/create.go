package release

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/sqltext"
	"slipway/internal/store"
)

// A Draft is a release to be made.
type Draft struct {
	Project  string
	Category string
	Files    []slipway.File // each with a Statement, or with the SHA256 of a sheet of the project
	Source   slipway.VCSSource
	Template string // of the id; "" is DefaultTemplate
	Zone     string // time zone of the template's clock; "" is UTC
}

// summary is what the audit log keeps of a Draft.
type summary struct {
	Category string            `json:"category,omitempty"`
	Source   slipway.VCSSource `json:"source"`
	Template string            `json:"template,omitempty"`
	Digest   string            `json:"digest"`
	Files    []string          `json:"files"`
}

// Create keeps the draft's files as a release. When the project has a release
// of the same files in the same category already, that one is returned and made
// is false: sending the same again changes nothing.
func (s *Service) Create(ctx context.Context, who slipway.Principal, d Draft) (rel slipway.Release, made bool, err error) {
	act := gate.Act{
		Who: who, Permission: iam.ReleasesCreate, Project: d.Project,
		Resource: "projects/" + d.Project, Method: rpc + "CreateRelease",
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return rel, false, err
	}
	if _, err := s.project(ctx, d.Project); err != nil {
		return rel, false, err
	}
	template, err := parseTemplate(d.Template, d.Zone)
	if err != nil {
		return rel, false, err
	}
	if len(d.Category) > MaxCategory || !utf8.ValidString(d.Category) {
		return rel, false, slipway.Errorf(slipway.Invalid, "a release's category has at most %d bytes of UTF-8", MaxCategory)
	}
	files, err := s.files(ctx, d)
	if err != nil {
		return rel, false, err
	}
	sum := digest(files)
	rel = slipway.Release{
		Project: d.Project, Category: d.Category, Source: d.Source,
		Creator: who.Name(), Job: who.Job, Digest: sum,
	}
	if old, found, err := equal(ctx, s.st.Reader, rel); err != nil || found {
		return old, false, err
	}
	act.Request = summary{Category: d.Category, Source: d.Source, Template: d.Template, Digest: sum, Files: paths(files)}
	return s.insert(ctx, act, rel, files, template)
}

// equal returns the newest release of the same files in the same category.
func equal(ctx context.Context, r store.Reader, rel slipway.Release) (slipway.Release, bool, error) {
	page := slipway.Page{Size: slipway.MaxPageSize}
	for {
		list, next, err := r.Releases(ctx, store.ReleaseQuery{Project: rel.Project, Digest: rel.Digest}, page)
		if err != nil {
			return rel, false, fmt.Errorf("look for a release of the same files: %w", err)
		}
		i := slices.IndexFunc(list, func(old slipway.Release) bool { return old.Category == rel.Category })
		if i >= 0 {
			return list[i], true, nil
		}
		if page.After = next; next == "" {
			return rel, false, nil
		}
	}
}

// files returns the draft's files in order, their bytes filled in and each
// fit to be run.
func (s *Service) files(ctx context.Context, d Draft) ([]file, error) {
	raw, err := s.fill(ctx, d.Project, d.Files)
	if err != nil {
		return nil, err
	}
	files, err := arrange(raw)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if _, err := sqltext.Prepare(f.Statement); err != nil {
			return nil, slipway.Errorf(slipway.Invalid, "file %q: %w", f.Path, err)
		}
	}
	return files, nil
}

// fill returns files with the bytes of those that name a sheet.
func (s *Service) fill(ctx context.Context, project string, files []slipway.File) ([]slipway.File, error) {
	if len(files) > slipway.MaxFiles {
		return nil, slipway.Errorf(slipway.Exhausted, "a release has at most %d files, not %d", slipway.MaxFiles, len(files))
	}
	filled := slices.Clone(files)
	size := 0
	for i, f := range filled {
		if len(f.Statement) == 0 && f.SHA256 != "" {
			sheet, err := s.st.Sheet(ctx, project, f.SHA256)
			if err != nil {
				return nil, fmt.Errorf("read the sheet of file %q: %w", f.Path, err)
			}
			filled[i].Statement = sheet.Content
		}
		if size += len(filled[i].Statement); size > MaxBytes {
			return nil, slipway.Errorf(slipway.Exhausted, "the files of a release have at most %d MiB together", MaxBytes>>20)
		}
	}
	return filled, nil
}

// attempts bounds how often an id is tried: each loss means that another
// release of the same train was made meanwhile.
const attempts = 50

// insert stores rel under the next id of its train, unless an equal one was
// made at the same instant; made is then false. Of different ones the store
// gives each its iteration.
func (s *Service) insert(ctx context.Context, act gate.Act, rel slipway.Release, files []file, template idTemplate) (stored slipway.Release, made bool, err error) {
	rel.Created = s.cfg.Now().UTC()
	train := template.trainAt(rel.Created)
	rel.Files = make([]slipway.File, len(files))
	for i, f := range files {
		rel.Files[i] = slipway.File{Path: f.Path, Version: f.Version, SHA256: f.SHA256}
	}
	for range attempts {
		err := s.gate.Do(ctx, act, func(tx *store.Tx) error {
			n, err := tx.NextIteration(ctx, rel.Project, train)
			if err != nil {
				return fmt.Errorf("number the release: %w", err)
			}
			// Only now: who makes a release at the same instant has been waited for.
			var found bool
			if stored, found, err = equal(ctx, tx.Reader, rel); err != nil || found {
				made = false
				return err
			}
			rel.ID = idOf(train, n)
			stored, made = rel, true
			for _, f := range files {
				if _, err := tx.PutSheet(ctx, rel.Project, f.Statement); err != nil {
					return fmt.Errorf("keep file %q: %w", f.Path, err)
				}
			}
			return tx.CreateRelease(ctx, rel, train, n)
		})
		if k := slipway.KindOf(err); err == nil || k != slipway.Exists && k != slipway.Conflict {
			return stored, made && err == nil, err
		}
	}
	return rel, false, slipway.Errorf(slipway.Conflict, "too many releases are being made at once: try again")
}

func paths(files []file) []string {
	list := make([]string, 0, min(len(files), 100))
	for _, f := range files[:min(len(files), 100)] {
		list = append(list, f.Path+" "+f.SHA256)
	}
	return list
}
