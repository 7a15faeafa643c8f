package review

import (
	pgquery "github.com/pganalyze/pg_query_go/v6"
)

// compatible finds what breaks the programs that still expect the schema as it
// was. A table that the release itself makes has no such programs.
var compatible = rule{
	id: "SCHEMA_BACKWARD_COMPATIBILITY", level: "WARNING",
	what:     "nothing that programs of the version before may use goes, is renamed or gets stricter",
	postgres: compatiblePostgres,
	sqlite:   compatibleSQLite,
}

const (
	dropContent   = "Dropping %s %s breaks programs that still use it: roll out the programs that do without it first"
	renameContent = "Renaming %s %s breaks programs that still use the old name: add the new one beside it, and drop the old one in a later release"
	strictContent = "%s on %s refuses rows that programs in use may still write: make sure that none does, and mend the rows that are there first"
	typeContent   = "Changing the type of column %q of %s breaks programs that read or write the old one: add a column of the new type beside it, and drop the old one in a later release"
)

func compatiblePostgres(s *postgresStatement, r *report) {
	if d := s.node.GetDropdbStmt(); d != nil {
		r.add(101, 0, dropContent, "database", d.Dbname)
	}
	if d := s.node.GetDropStmt(); d != nil {
		compatibleDrop(s, d, r)
	}
	if n := s.node.GetRenameStmt(); n != nil {
		compatibleRename(s, n, r)
	}
	if i := s.node.GetIndexStmt(); i != nil && i.Unique && !s.made[tableName(i.Relation)] {
		r.add(107, 0, strictContent, "A unique index", tableName(i.Relation))
	}
	if v := s.node.GetViewStmt(); v != nil {
		r.settle(tableName(v.View))
	}
	s.alters(func(table string, cmd *pgquery.AlterTableCmd) {
		switch cmd.Subtype {
		case pgquery.AlterTableType_AT_DropColumn:
			r.add(105, 0, dropContent, "column", `"`+cmd.Name+`" of `+table)
		case pgquery.AlterTableType_AT_AlterColumnType:
			r.add(111, int(cmd.Def.GetColumnDef().GetLocation()), typeContent, cmd.Name, table)
		case pgquery.AlterTableType_AT_AlterConstraint:
			r.add(110, 0, "Altering constraint %q of %s changes what programs in use may write: make sure that they bear it", cmd.Def.GetConstraint().GetConname(), table)
		case pgquery.AlterTableType_AT_AddConstraint:
			compatibleConstraint(table, cmd.Def.GetConstraint(), r)
		}
	})
}

func compatibleDrop(s *postgresStatement, d *pgquery.DropStmt, r *report) {
	for _, o := range d.Objects {
		switch d.RemoveType {
		case pgquery.ObjectType_OBJECT_SCHEMA:
			r.add(112, 0, dropContent, "schema", `"`+o.GetString_().GetSval()+`"`)
		case pgquery.ObjectType_OBJECT_TABLE:
			if name := objectName(o); !s.made[name] {
				r.add(103, 0, dropContent, "table", name)
			}
		case pgquery.ObjectType_OBJECT_VIEW: // views are dropped to be made anew
			r.owe(objectName(o), 103, 0, dropContent, "view", objectName(o))
		}
	}
}

func compatibleRename(s *postgresStatement, n *pgquery.RenameStmt, r *report) {
	if s.made[tableName(n.Relation)] {
		return
	}
	switch n.RenameType {
	case pgquery.ObjectType_OBJECT_TABLE:
		r.add(102, 0, renameContent, "table", tableName(n.Relation))
	case pgquery.ObjectType_OBJECT_VIEW:
		r.add(102, 0, renameContent, "view", tableName(n.Relation))
	case pgquery.ObjectType_OBJECT_COLUMN:
		r.add(104, 0, renameContent, "column", `"`+n.Subname+`" of `+tableName(n.Relation))
	}
}

func compatibleConstraint(table string, c *pgquery.Constraint, r *report) {
	at := int(c.GetLocation())
	switch c.GetContype() {
	case pgquery.ConstrType_CONSTR_PRIMARY:
		if c.Indexname == "" { // with USING INDEX the index has been strict already
			r.add(106, at, strictContent, "A primary key", table)
		}
	case pgquery.ConstrType_CONSTR_UNIQUE:
		if c.Indexname == "" {
			r.add(107, at, strictContent, "A unique constraint", table)
		}
	case pgquery.ConstrType_CONSTR_FOREIGN:
		r.add(108, at, strictContent, "A foreign key", table)
	case pgquery.ConstrType_CONSTR_CHECK:
		r.add(109, at, strictContent, "A check", table)
	}
}

func compatibleSQLite(s *sqliteStatement, r *report) {
	rd := s.reader()
	switch {
	case rd.word("DROP", "TABLE"):
		rd.word("IF", "EXISTS")
		if table := rd.table(); table != "" && !s.made[table] {
			r.owe(table, 103, 0, dropContent, "table", table)
		}
	case rd.word("DROP", "VIEW"):
		rd.word("IF", "EXISTS")
		if view := rd.table(); view != "" {
			r.owe(view, 103, 0, dropContent, "view", view)
		}
	case rd.word("CREATE", "VIEW"):
		rd.word("IF", "NOT", "EXISTS")
		r.settle(rd.table())
	case rd.word("CREATE", "UNIQUE", "INDEX"):
		rd.word("IF", "NOT", "EXISTS")
		rd.table()
		if rd.word("ON") {
			if table := rd.table(); table != "" && !s.made[table] {
				r.add(107, 0, strictContent, "A unique index", table)
			}
		}
	default:
		compatibleAlterSQLite(s, r)
	}
}

// compatibleAlterSQLite reads ALTER TABLE. A table that takes the name of one
// dropped before is how SQLite alters what ALTER TABLE cannot.
func compatibleAlterSQLite(s *sqliteStatement, r *report) {
	rd, table := s.alterTable()
	if table == "" {
		return
	}
	if s.made[table] {
		if rd.word("RENAME", "TO") {
			r.settle(rd.table())
		}
		return
	}
	switch {
	case rd.word("RENAME", "TO"):
		r.add(102, 0, renameContent, "table", table)
	case rd.word("RENAME"):
		rd.word("COLUMN")
		r.add(104, 0, renameContent, "column", `"`+rd.name()+`" of `+table)
	case rd.word("DROP", "CONSTRAINT"):
	case rd.word("DROP"):
		rd.word("COLUMN")
		r.add(105, 0, dropContent, "column", `"`+rd.name()+`" of `+table)
	case rd.word("ADD", "CONSTRAINT"), rd.word("ADD", "CHECK"):
		r.add(109, 0, strictContent, "A check", table)
	}
}
