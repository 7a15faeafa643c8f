package trust

import (
	"strings"

	"slipway"
)

// A subject is a compiled subject pattern of GitLab's form
//
//	project_path:GROUP/PROJECT:ref_type:TYPE:ref:REF
//
// of which the later parts may be missing, as projects can shorten their sub.
// "*" is allowed where a whole part stands and at the end of a path, after "/":
//
//	project_path:my-group/*                       all projects below my-group, any ref
//	project_path:my-group/app:*                   any ref of one project
//	project_path:my-group/app:ref:release/*       refs below release/
//
// At the very end it stands for everything that follows, elsewhere it ends at
// the next ":". Anywhere else it is refused: "main*" reads like the branch main
// and would let in main-evil.
//
// A pattern means the same for the claims (rule) and for sub (match).
type subject struct {
	parts []string
	rule  gitlabRule
}

const subjectField = "subject_pattern"

// parseSubject compiles pattern or says why it cannot be held against claims.
func parseSubject(pattern string) (subject, error) {
	if len(pattern) > maxSubject {
		return subject{}, problem(subjectField, "", "subject pattern: at most %d bytes", maxSubject)
	}
	if strings.Trim(pattern, "*:") == "" {
		return subject{}, problem(subjectField, "", "subject pattern %q would let in every project on the issuer: begin it with project_path:GROUP/", pattern)
	}
	s := subject{parts: strings.Split(pattern, ":")}
	var typ, ref string
	for i := 0; i < len(s.parts); i += 2 {
		name := s.parts[i]
		if name == "*" && i > 0 && i == len(s.parts)-1 {
			break
		}
		if i+1 == len(s.parts) {
			return subject{}, problem(subjectField, "", "subject pattern: nothing follows %q; it is made of name:value parts, such as project_path:my-group/my-project:ref_type:branch:ref:main", name)
		}
		last := i+1 == len(s.parts)-1
		if err := s.component(name, s.parts[i+1], i == 0, last, &typ, &ref); err != nil {
			return subject{}, err
		}
	}
	s.rule.refs = subjectRefs(typ, ref)
	return s, nil
}

// component adds one name:value part to s. The first one says whose jobs are
// meant; typ and ref collect what the others say.
func (s *subject) component(name, value string, first, last bool, typ, ref *string) error {
	if first != (name == "project_path" || name == "project_id") {
		return problem(subjectField, "", "subject pattern: it begins with project_path (or project_id), which stands nowhere else; %.80q does not", name)
	}
	if err := checkStar(name, value, last); err != nil {
		return err
	}
	set := func(to *string) error {
		if *to != "" {
			return problem(subjectField, "", "subject pattern: %s stands there twice", name)
		}
		*to = value
		return nil
	}
	switch name {
	case "project_path":
		return s.rule.fromPath(value)
	case "project_id":
		if strings.Trim(value, "0123456789") != "" || value == "" || len(value) > 20 {
			return problem(subjectField, "", "subject pattern: project_id is a number, not %.40q", value)
		}
		s.rule.projectID = value
		return nil
	case "ref_type":
		if value != "*" && value != string(slipway.Branch) && value != string(slipway.Tag) {
			return problem(subjectField, "", "subject pattern: ref_type is branch or tag, not %.40q", value)
		}
		return set(typ)
	case "ref":
		if value != "*" {
			if err := checkRefPattern(subjectField, value); err != nil {
				return err
			}
		}
		return set(ref)
	}
	return problem(subjectField, "", "subject pattern: %.80q cannot be checked against the token's claims; project_path, project_id, ref_type and ref can", name)
}

// checkStar refuses a "*" that does not stand for a whole part or for all below
// a "/".
func checkStar(name, value string, last bool) error {
	head, tail, found := strings.Cut(value, "*")
	switch {
	case value == "":
		return problem(subjectField, "", "subject pattern: %s has no value", name)
	case !found:
		return nil
	case tail != "":
		return problem(subjectField, "", `subject pattern: in %.200q the * stands in the middle; it may end a part, after "/"`, name+":"+value)
	case head == "" && (name == "ref" || name == "ref_type"):
		return nil
	case head == "":
		return problem(subjectField, "", "subject pattern: %s:* would let in every project on the issuer: name a group", name)
	case !strings.HasSuffix(head, "/"):
		return problem(subjectField, "", `subject pattern: %.200q would also match %.200q; write %.200q, or %.200q for all below it`,
			name+":"+value, head+"-evil", head, head+"/*")
	}
	return nil
}

// subjectRefs returns the rules that ref_type and ref say together.
func subjectRefs(typ, ref string) []slipway.RefRule {
	if typ == "*" {
		typ = ""
	}
	if ref == "*" {
		ref = ""
	}
	if typ != "" {
		return []slipway.RefRule{{Type: slipway.RefType(typ), Pattern: ref}}
	}
	if ref != "" {
		return []slipway.RefRule{{Type: slipway.Branch, Pattern: ref}, {Type: slipway.Tag, Pattern: ref}}
	}
	return nil
}

// match reports whether sub has the form of the pattern: part for part, paths
// without regard to case.
func (s subject) match(sub string) bool {
	got := strings.Split(sub, ":")
	for i, want := range s.parts {
		if i >= len(got) {
			return false
		}
		last := i == len(s.parts)-1
		have := got[i]
		if i > 0 && s.parts[i-1] == "project_path" {
			want, have = lower(want), lower(have)
		}
		if head, found := strings.CutSuffix(want, "*"); found {
			if !strings.HasPrefix(have, head) || have == head && head != "" {
				return false
			}
			if last {
				return true
			}
			continue
		}
		if want != have {
			return false
		}
	}
	return len(got) == len(s.parts)
}

// agree reports whether sub says of the project and the ref nothing but what
// the claims say: it is a list of name:value parts, each name once, each value
// that of the claim. Projects may leave parts out and reorder them; the first
// one names the project. A part whose claim is missing has to be empty.
func agree(sub string, c Claims) bool {
	seen := map[string]bool{}
	for rest := sub; ; {
		name, after, found := strings.Cut(rest, ":")
		if !found || seen[name] || len(seen) == 0 && !namesProject(name) {
			return false
		}
		seen[name] = true
		value, there := c.Text(name)
		if !there && len(seen) == 1 {
			return false
		}
		// By the claim's own length: a value may hold ":" itself.
		after, found = strings.CutPrefix(after, value)
		if !found {
			return false
		}
		if after == "" {
			return true
		}
		if rest, found = strings.CutPrefix(after, ":"); !found {
			return false
		}
	}
}

// namesProject reports whether GitLab lets a sub begin with that claim.
func namesProject(name string) bool {
	switch name {
	case "project_path", "project_id", "job_project_path", "job_project_id", "source_project_path", "source_project_id":
		return true
	}
	return false
}
