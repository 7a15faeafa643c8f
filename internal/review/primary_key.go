package review

import (
	pgquery "github.com/pganalyze/pg_query_go/v6"
)

// primaryKey finds tables made without a primary key, unless the file adds one
// later. Temporary tables need none; of a table made LIKE another, OF a type
// or as a partition the file does not tell.
var primaryKey = rule{
	id: "TABLE_REQUIRE_PK", level: "ERROR",
	what:     "every new table has a primary key",
	postgres: primaryKeyPostgres,
	sqlite:   primaryKeySQLite,
}

const primaryKeyContent = `Table %s requires PRIMARY KEY, related statement: "%s". Without one a row cannot be told from its copies: declare one, or add it in this file`

func primaryKeyPostgres(s *postgresStatement, r *report) {
	if c := s.node.GetCreateStmt(); c != nil {
		if c.Relation.GetRelpersistence() != "t" && c.Partbound == nil && c.OfTypename == nil && !keyed(c.TableElts) {
			r.owe(tableName(c.Relation), 601, 0, primaryKeyContent, tableName(c.Relation), excerpt(s.Text))
		}
	}
	if into := s.node.GetCreateTableAsStmt(); into != nil && into.Objtype == pgquery.ObjectType_OBJECT_TABLE {
		if rel := into.GetInto().GetRel(); rel.GetRelpersistence() != "t" {
			r.owe(tableName(rel), 601, 0, primaryKeyContent, tableName(rel), excerpt(s.Text))
		}
	}
	if a := s.node.GetAlterTableStmt(); a != nil {
		for _, cmd := range a.Cmds {
			def := cmd.GetAlterTableCmd().GetDef()
			if def.GetConstraint().GetContype() == pgquery.ConstrType_CONSTR_PRIMARY ||
				columnConstraint(def.GetColumnDef(), pgquery.ConstrType_CONSTR_PRIMARY) != nil {
				r.settle(tableName(a.Relation))
			}
		}
	}
	if d := s.node.GetDropStmt(); d != nil && d.RemoveType == pgquery.ObjectType_OBJECT_TABLE {
		for _, o := range d.Objects {
			r.settle(objectName(o))
		}
	}
}

// keyed reports whether the columns and constraints of a table hold a primary
// key, or may: LIKE can bring one.
func keyed(elements []*pgquery.Node) bool {
	for _, e := range elements {
		if e.GetTableLikeClause() != nil || e.GetConstraint().GetContype() == pgquery.ConstrType_CONSTR_PRIMARY ||
			columnConstraint(e.GetColumnDef(), pgquery.ConstrType_CONSTR_PRIMARY) != nil {
			return true
		}
	}
	return false
}

func primaryKeySQLite(s *sqliteStatement, r *report) {
	rd, table, temporary := s.createTable()
	if table == "" {
		if rd := s.reader(); rd.word("DROP", "TABLE") {
			rd.word("IF", "EXISTS")
			r.settle(rd.table())
		}
		return
	}
	if temporary {
		return
	}
	for _, it := range items(rd.parenthesis()) {
		if it.has("PRIMARY", "KEY") {
			return
		}
	}
	r.owe(table, 601, 0, primaryKeyContent, table, excerpt(s.Text))
}
