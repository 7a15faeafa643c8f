package review

import (
	pgquery "github.com/pganalyze/pg_query_go/v6"
)

// notNull finds NOT NULL put on tables in use. Where the file itself has made
// sure by a validated CHECK (c IS NOT NULL) the server reads no rows, and the
// rule is silent; of one made earlier it does not know and says so.
var notNull = rule{
	id: "STATEMENT_DISALLOW_ADD_NOT_NULL", level: "WARNING",
	what:     "NOT NULL comes to tables in use by way of a validated CHECK",
	postgres: notNullPostgres,
}

func notNullPostgres(s *postgresStatement, r *report) {
	s.alters(func(table string, cmd *pgquery.AlterTableCmd) {
		switch cmd.Subtype {
		case pgquery.AlterTableType_AT_AddConstraint:
			c := cmd.Def.GetConstraint()
			column := notNullCheck(c)
			switch {
			case column == "":
			case c.SkipValidation:
				s.checks[table+"."+c.Conname] = column
			default:
				s.proven[table+"."+column] = true
			}
		case pgquery.AlterTableType_AT_ValidateConstraint:
			if column := s.checks[table+"."+cmd.Name]; column != "" {
				s.proven[table+"."+column] = true
			}
		case pgquery.AlterTableType_AT_SetNotNull:
			if !s.proven[table+"."+cmd.Name] {
				r.add(212, 0, "SET NOT NULL on column %q reads all of %s while nobody can read or write it, unless a valid CHECK (%s IS NOT NULL) is there: add one NOT VALID and VALIDATE it first", cmd.Name, table, cmd.Name)
			}
		case pgquery.AlterTableType_AT_AddColumn:
			col := cmd.Def.GetColumnDef()
			if columnConstraint(col, pgquery.ConstrType_CONSTR_NOTNULL) != nil && !serial(col) && columnConstraint(col,
				pgquery.ConstrType_CONSTR_DEFAULT, pgquery.ConstrType_CONSTR_IDENTITY, pgquery.ConstrType_CONSTR_GENERATED) == nil {
				r.add(212, int(col.Location), "Adding column %q as NOT NULL without a DEFAULT fails once %s has a row: give it a DEFAULT, or add it without NOT NULL and fill it first", col.Colname, table)
			}
		}
	})
}

// notNullCheck returns the column of CHECK (column IS NOT NULL), or "".
func notNullCheck(c *pgquery.Constraint) string {
	if c.GetContype() != pgquery.ConstrType_CONSTR_CHECK {
		return ""
	}
	test := c.RawExpr.GetNullTest()
	if test.GetNulltesttype() != pgquery.NullTestType_IS_NOT_NULL {
		return ""
	}
	if parts := names(test.GetArg().GetColumnRef().GetFields()); len(parts) == 1 {
		return parts[0]
	}
	return ""
}
