package review

import (
	"cmp"

	pgquery "github.com/pganalyze/pg_query_go/v6"
)

// concurrently finds indexes made or dropped while writers wait. A table that
// the release makes has none; neither has an index of such a table. ON ONLY is
// how an index on a partitioned table begins, which CONCURRENTLY can't.
var concurrently = rule{
	id: "INDEX_CREATE_CONCURRENTLY", level: "ERROR",
	what:     "indexes on tables in use are made and dropped CONCURRENTLY",
	postgres: concurrentlyPostgres,
}

func concurrentlyPostgres(s *postgresStatement, r *report) {
	if i := s.node.GetIndexStmt(); i != nil && !i.Concurrent && i.Relation.GetInh() {
		table := tableName(i.Relation)
		if s.made[table] {
			s.indexes[indexName(i.Relation.GetSchemaname(), i.Idxname)] = true
			return
		}
		r.add(814, 0, "Creating index %s stops all writing to %s until it is built: use CREATE INDEX CONCURRENTLY", cmp.Or(i.Idxname, "without a name"), table)
	}
	d := s.node.GetDropStmt()
	if d == nil || d.RemoveType != pgquery.ObjectType_OBJECT_INDEX || d.Concurrent {
		return
	}
	for _, o := range d.Objects {
		if name := objectName(o); !s.indexes[name] {
			r.add(818, 0, "Dropping index %s stops all reading and writing of its table, and waits for what goes on there first: use DROP INDEX CONCURRENTLY", name)
		}
	}
}

func indexName(schema, name string) string {
	return tableName(&pgquery.RangeVar{Schemaname: schema, Relname: name})
}
