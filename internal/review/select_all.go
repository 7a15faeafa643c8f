package review

import (
	"cmp"

	pgquery "github.com/pganalyze/pg_query_go/v6"
)

// selectAll finds SELECT *. In EXISTS (SELECT * …) and count(*) the star
// stands for no columns.
var selectAll = rule{
	id: "STATEMENT_SELECT_NO_SELECT_ALL", level: "ERROR",
	what:     "SELECT names its columns",
	postgres: selectAllPostgres,
	sqlite:   selectAllSQLite,
}

const selectAllContent = "SELECT * takes whatever columns there are on the day, in their order then: name the columns"

func selectAllPostgres(s *postgresStatement, r *report) {
	exists := map[*pgquery.SelectStmt]bool{}
	s.tree.walk(func(m message) bool {
		switch m := m.(type) {
		case *pgquery.SubLink:
			if m.SubLinkType == pgquery.SubLinkType_EXISTS_SUBLINK {
				exists[m.Subselect.GetSelectStmt()] = true
			}
		case *pgquery.SelectStmt:
			if exists[m] {
				return true
			}
			for _, target := range m.TargetList {
				ref := target.GetResTarget().GetVal().GetColumnRef()
				if fields := ref.GetFields(); len(fields) > 0 && fields[len(fields)-1].GetAStar() != nil {
					r.add(203, int(ref.Location), selectAllContent)
					break
				}
			}
		}
		return true
	})
}

func selectAllSQLite(s *sqliteStatement, r *report) {
	if s.Kind == "CREATE TRIGGER" {
		return // a body is not run by the file
	}
	// One pass, however deep they stand in one another: lists holds for each
	// depth the SELECT whose columns are being read there.
	type list struct {
		open   bool
		before string // the token before, at this depth
	}
	var lists []list
	for i, t := range s.tokens {
		for len(lists) <= t.depth {
			lists = append(lists, list{})
		}
		lists = lists[:t.depth+1]
		l := &lists[t.depth]
		switch {
		case t.upper == "SELECT":
			exists := i > 1 && s.tokens[i-1].text == "(" && s.tokens[i-2].upper == "EXISTS"
			l.open = !exists
		case t.upper == "FROM" || t.upper == "UNION" || t.upper == "INTERSECT" || t.upper == "EXCEPT":
			l.open = false
		case l.open && t.text == "*" && columnsStar[l.before]:
			r.add(203, t.offset, selectAllContent)
			l.open = false
		}
		l.before = cmp.Or(t.upper, t.text)
	}
}

// columnsStar are the tokens behind which a star is columns; behind others it
// multiplies.
var columnsStar = map[string]bool{"SELECT": true, "DISTINCT": true, "ALL": true, ",": true, ".": true}
