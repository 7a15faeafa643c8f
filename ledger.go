package slipway

// A FileState says how a file of a release stands in a database.
type FileState int

// The states of a file.
const (
	FilePending FileState = iota // its version is not in the ledger: it would run
	FileApplied                  // its version is in force with the same bytes
	FileChanged                  // its version is in force with other bytes: an edit, or a reformat if the text without comments and spacing is the same
)

// A Standing is a file of a release held against the ledger of a database.
type Standing struct {
	File     File
	State    FileState
	Revision Revision // what is in force; zero for a pending file
	// Late says that a pending file's version is below Highest: the files that
	// ran already did not expect it. One that was applied before and whose
	// revision was deleted is not late: it is to run again.
	Late    bool
	Highest string // the highest version in force, as the ledger spells it; "" for none
}

// Stand holds the files of a release against a ledger, in the files' order. The
// error names a version that cannot be compared.
func Stand(files []File, ledger []Revision) ([]Standing, error) {
	inForce, deleted := make(map[string]Revision, len(ledger)), map[string]bool{}
	var top Version
	highest := ""
	for _, r := range ledger {
		v, err := ParseVersion(r.Version)
		if !r.Deleted.IsZero() {
			deleted[v.String()] = err == nil
			continue
		}
		if err != nil {
			return nil, Errorf(Precondition, "revision %s in the ledger: %w", r.ID, err)
		}
		inForce[v.String()] = r
		if highest == "" || v.Compare(top) > 0 {
			top, highest = v, r.Version
		}
	}
	standings := make([]Standing, 0, len(files))
	for _, f := range files {
		v, err := ParseVersion(f.Version)
		if err != nil {
			return nil, Errorf(Invalid, "file %q: %w", f.Path, err)
		}
		st := Standing{File: f, Highest: highest}
		if r, ok := inForce[v.String()]; !ok {
			st.Late = highest != "" && v.Compare(top) < 0 && !deleted[v.String()]
		} else if st.Revision = r; r.SHA256 == f.SHA256 {
			st.State = FileApplied
		} else {
			st.State = FileChanged
		}
		standings = append(standings, st)
	}
	return standings, nil
}
