package review

import (
	"strings"

	pgquery "github.com/pganalyze/pg_query_go/v6"
)

// noNull finds columns that may hold NULL, unless the file makes them NOT NULL
// later. A column of a type that is not built in may be of a domain that is
// NOT NULL itself; the file does not tell.
var noNull = rule{
	id: "COLUMN_NO_NULL", level: "WARNING",
	what:     "new columns are NOT NULL",
	postgres: noNullPostgres,
	sqlite:   noNullSQLite,
}

const (
	noNullContent    = "Column %q in %s cannot have NULL value: add NOT NULL, and a DEFAULT where there are rows already"
	noNullKeyContent = "Column %q in %s cannot have NULL value, which SQLite lets into a primary key that is not INTEGER: add NOT NULL"
)

// builtin are types that cannot be domains, as the parser names them.
var builtin = func() map[string]bool {
	m := map[string]bool{}
	for t := range strings.FieldsSeq(`bit bool boolean box bpchar bytea char cidr circle citext date daterange float4 float8
		geography geometry hstore inet int int2 int4 int4range int8 int8range integer interval json jsonb line lseg
		ltree macaddr macaddr8 money name numeric numrange oid path point polygon text time timestamp timestamptz
		timetz tsquery tsrange tstzrange tsvector uuid varbit varchar vector xml`) {
		m[t] = true
	}
	return m
}()

func noNullPostgres(s *postgresStatement, r *report) {
	if c := s.node.GetCreateStmt(); c != nil && c.Partbound == nil && c.Relation.GetRelpersistence() != "t" {
		keys := map[string]bool{}
		for _, e := range c.TableElts {
			if k := e.GetConstraint(); k.GetContype() == pgquery.ConstrType_CONSTR_PRIMARY {
				for _, column := range names(k.Keys) {
					keys[column] = true
				}
			}
		}
		for _, e := range c.TableElts {
			if col := e.GetColumnDef(); col != nil && !keys[col.Colname] && nullable(col) {
				oweNull(tableName(c.Relation), col.Colname, int(col.Location), r)
			}
		}
	}
	a := s.node.GetAlterTableStmt()
	if a == nil || a.Objtype != pgquery.ObjectType_OBJECT_TABLE {
		return
	}
	table := tableName(a.Relation)
	for _, n := range a.Cmds {
		cmd := n.GetAlterTableCmd()
		switch cmd.GetSubtype() {
		case pgquery.AlterTableType_AT_AddColumn:
			if col := cmd.Def.GetColumnDef(); nullable(col) {
				oweNull(table, col.Colname, int(col.Location), r)
			}
		case pgquery.AlterTableType_AT_DropNotNull:
			oweNull(table, cmd.Name, 0, r)
		case pgquery.AlterTableType_AT_SetNotNull, pgquery.AlterTableType_AT_DropColumn:
			r.settle(table + "." + cmd.Name)
		case pgquery.AlterTableType_AT_AddConstraint:
			if k := cmd.Def.GetConstraint(); k.GetContype() == pgquery.ConstrType_CONSTR_PRIMARY {
				for _, column := range names(k.Keys) {
					r.settle(table + "." + column)
				}
			}
		}
	}
}

func oweNull(table, column string, at int, r *report) {
	r.owe(table+"."+column, 402, at, noNullContent, column, table)
}

// nullable reports whether a column surely may hold NULL.
func nullable(col *pgquery.ColumnDef) bool {
	return builtin[strings.ToLower(typeName(col))] && columnConstraint(col,
		pgquery.ConstrType_CONSTR_NOTNULL, pgquery.ConstrType_CONSTR_PRIMARY,
		pgquery.ConstrType_CONSTR_IDENTITY, pgquery.ConstrType_CONSTR_GENERATED) == nil
}

func noNullSQLite(s *sqliteStatement, r *report) {
	if rd, table := s.alterTable(); table != "" {
		if !rd.word("ADD") {
			return
		}
		rd.word("COLUMN")
		for _, it := range items(rd.tokens) {
			if it.column != "" && !it.has("NOT", "NULL") && !it.has("AS") {
				r.add(402, it.tokens[0].offset, noNullContent, it.column, table)
			}
		}
		return
	}
	rd, table, temporary := s.createTable()
	if table == "" || temporary {
		return
	}
	columns := items(rd.parenthesis())
	keys := keyColumns(columns)
	withoutRowid := (item{tokens: rd.tokens}).has("WITHOUT", "ROWID")
	for _, it := range columns {
		if it.column == "" || it.has("NOT", "NULL") || it.has("AS") {
			continue
		}
		content := noNullContent
		if it.has("PRIMARY", "KEY") || keys[strings.ToLower(it.column)] {
			names := len(it.tokens) > 1 && it.tokens[1].upper == "INTEGER" // names the row itself
			if names || withoutRowid {
				continue
			}
			content = noNullKeyContent
		}
		r.add(402, it.tokens[0].offset, content, it.column, table)
	}
}

// keyColumns returns the columns, in lower case, that a PRIMARY KEY ( … ) among
// the constraints names.
func keyColumns(columns []item) map[string]bool {
	keys := map[string]bool{}
	for _, it := range columns {
		if it.column != "" || !it.has("PRIMARY", "KEY") {
			continue
		}
		for _, t := range it.tokens {
			if t.depth > it.tokens[0].depth {
				keys[strings.ToLower(t.name)] = true
			}
		}
	}
	return keys
}
