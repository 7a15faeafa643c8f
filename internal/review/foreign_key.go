package review

import (
	pgquery "github.com/pganalyze/pg_query_go/v6"
)

// foreignKey finds foreign keys that are checked against all rows as they are
// added. A new column's own REFERENCES is not: its values are all NULL.
var foreignKey = rule{
	id: "STATEMENT_ADD_FOREIGN_KEY_NOT_VALID", level: "WARNING",
	what: "foreign keys on tables in use are added NOT VALID and validated afterwards",
	postgres: func(s *postgresStatement, r *report) {
		s.alters(func(table string, cmd *pgquery.AlterTableCmd) {
			c := cmd.Def.GetConstraint()
			if cmd.Subtype == pgquery.AlterTableType_AT_AddConstraint && c.GetContype() == pgquery.ConstrType_CONSTR_FOREIGN && !c.SkipValidation {
				r.add(229, int(c.Location), "Adding a foreign key reads all of %s while nobody can write to it or to %s: add it NOT VALID, and VALIDATE CONSTRAINT in a later file", table, tableName(c.Pktable))
			}
		})
	},
}
