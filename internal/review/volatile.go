package review

import (
	"strings"

	pgquery "github.com/pganalyze/pg_query_go/v6"
)

// volatile finds new columns whose value differs from row to row, for which
// PostgreSQL writes the whole table anew. A constant or now() costs nothing
// since version 11. Of functions that are not built in the file does not tell.
var volatile = rule{
	id: "COLUMN_DEFAULT_DISALLOW_VOLATILE", level: "WARNING",
	what:     "no new column on a table in use has a default that differs from row to row",
	postgres: volatilePostgres,
}

// volatileFunctions are those of the server and of the extensions that come
// with it, as far as anybody puts them into a default.
var volatileFunctions = map[string]bool{
	"random": true, "random_normal": true, "clock_timestamp": true, "timeofday": true, "nextval": true, "setval": true,
	"gen_random_uuid": true, "uuidv4": true, "uuidv7": true, "gen_random_bytes": true, "gen_salt": true,
	"uuid_generate_v1": true, "uuid_generate_v1mc": true, "uuid_generate_v4": true,
}

const volatileContent = "Adding column %q with %s writes all of %s anew while nobody can read or write it: add the column without, set the DEFAULT for new rows next, and fill the old rows in batches"

func volatilePostgres(s *postgresStatement, r *report) {
	s.alters(func(table string, cmd *pgquery.AlterTableCmd) {
		if cmd.Subtype != pgquery.AlterTableType_AT_AddColumn {
			return
		}
		col := cmd.Def.GetColumnDef()
		generated := columnConstraint(col, pgquery.ConstrType_CONSTR_GENERATED)
		why := ""
		switch {
		case serial(col):
			why = "a sequence"
		case columnConstraint(col, pgquery.ConstrType_CONSTR_IDENTITY) != nil:
			why = "an identity"
		case generated != nil:
			why = "a generated and stored value"
		default:
			if f := volatileCall(columnConstraint(col, pgquery.ConstrType_CONSTR_DEFAULT).GetRawExpr()); f != "" {
				why = "the default " + f + "(), which differs from row to row,"
			}
		}
		if why != "" {
			r.add(423, int(col.Location), volatileContent, col.Colname, why, table)
		}
	})
}

// volatileCall returns the first volatile function in an expression, or "".
func volatileCall(expr *pgquery.Node) (found string) {
	treeOf(expr).walk(func(m message) bool {
		if f, ok := m.(*pgquery.FuncCall); ok {
			parts := names(f.Funcname)
			if name := strings.ToLower(parts[len(parts)-1]); volatileFunctions[name] {
				found = name
			}
		}
		return found == ""
	})
	return found
}
