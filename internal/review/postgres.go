package review

import (
	"fmt"
	"strings"

	pgquery "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"slipway/internal/sqltext"
)

// A postgresStatement is a statement and its tree.
type postgresStatement struct {
	sqltext.Statement
	node *pgquery.Node
	tree tree // of node
	*check
}

// message is a node of the tree, behind its wrapper.
type message = proto.Message

// A tree is every node of a statement, from the root on and each before those
// below it. It is made once, for several rules: to go through the parser's
// messages takes longer than to parse.
type tree []branch

// A branch is a node and how many nodes are at it and below.
type branch struct {
	message
	size int
}

// treeOf returns the nodes from root on. Rows of VALUES are left out: a large
// INSERT is little else, and no rule is about them.
func treeOf(root *pgquery.Node) (t tree) {
	if root != nil {
		t.grow(root.ProtoReflect())
	}
	return t
}

func (t *tree) grow(m protoreflect.Message) {
	at := len(*t)
	_, wrapper := m.Interface().(*pgquery.Node)
	if !wrapper {
		*t = append(*t, branch{message: m.Interface()})
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil || f.Name() == "values_lists":
		case f.IsList():
			for i := range v.List().Len() {
				t.grow(v.List().Get(i).Message())
			}
		default:
			t.grow(v.Message())
		}
		return true
	})
	if !wrapper {
		(*t)[at].size = len(*t) - at
	}
}

// walk calls see for every node, but for those below one for which it returns
// false.
func (t tree) walk(see func(message) bool) {
	for i := 0; i < len(t); {
		if see(t[i].message) {
			i++
		} else {
			i += t[i].size
		}
	}
}

// tableName returns a table as findings spell it: "public"."customer".
func tableName(r *pgquery.RangeVar) string {
	if r == nil {
		return ""
	}
	schema := r.Schemaname
	if schema == "" {
		schema = "public"
	}
	return fmt.Sprintf("%q.%q", schema, r.Relname)
}

// objectName is tableName for the names of DROP.
func objectName(object *pgquery.Node) string {
	parts := names(object.GetList().GetItems())
	if len(parts) == 1 {
		parts = []string{"public", parts[0]}
	}
	if len(parts) > 2 {
		parts = parts[len(parts)-2:]
	}
	return `"` + strings.Join(parts, `"."`) + `"`
}

// names returns the strings among nodes.
func names(nodes []*pgquery.Node) []string {
	var parts []string
	for _, n := range nodes {
		if s := n.GetString_(); s != nil {
			parts = append(parts, s.Sval)
		}
	}
	return parts
}

// creates returns the table that the statement makes, by CREATE, SELECT INTO,
// or the renaming of a new one.
func (s *postgresStatement) creates() string {
	if c := s.node.GetCreateStmt(); c != nil {
		return tableName(c.Relation)
	}
	if as := s.node.GetCreateTableAsStmt(); as != nil {
		return tableName(as.GetInto().GetRel())
	}
	if into := s.node.GetSelectStmt().GetIntoClause(); into != nil {
		return tableName(into.Rel)
	}
	if r := s.node.GetRenameStmt(); r != nil && s.made[tableName(r.Relation)] && r.RenameType == pgquery.ObjectType_OBJECT_TABLE {
		to := &pgquery.RangeVar{Schemaname: r.Relation.Schemaname, Relname: r.Newname}
		return tableName(to)
	}
	return ""
}

// alters yields the commands of an ALTER TABLE on a table that somebody may
// use already. Of views, types and indexes, which share the tree, it has none.
func (s *postgresStatement) alters(do func(table string, cmd *pgquery.AlterTableCmd)) {
	a := s.node.GetAlterTableStmt()
	if a == nil || a.Objtype != pgquery.ObjectType_OBJECT_TABLE || s.made[tableName(a.Relation)] {
		return
	}
	for _, cmd := range a.Cmds {
		do(tableName(a.Relation), cmd.GetAlterTableCmd())
	}
}

// columnConstraint returns the first constraint of a kind on a column, or nil.
func columnConstraint(col *pgquery.ColumnDef, kinds ...pgquery.ConstrType) *pgquery.Constraint {
	for _, n := range col.GetConstraints() {
		for _, k := range kinds {
			if c := n.GetConstraint(); c.GetContype() == k {
				return c
			}
		}
	}
	return nil
}

// typeName returns the last part of a column's type: "int4", "bigserial".
func typeName(col *pgquery.ColumnDef) string {
	parts := names(col.GetTypeName().GetNames())
	if len(parts) == 0 {
		return ""
	}
	return parts[len(parts)-1]
}

// serial reports whether the column's type makes a sequence for it.
func serial(col *pgquery.ColumnDef) bool {
	switch strings.ToLower(typeName(col)) {
	case "serial", "serial2", "serial4", "serial8", "bigserial", "smallserial":
		return true
	}
	return false
}

// excerpt cuts a statement down to what a finding can show.
func excerpt(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
