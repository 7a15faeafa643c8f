package sqlite

import (
	"context"
	"fmt"
	"strings"

	"slipway"
)

// An object is a row of sqlite_schema that has a text.
type object struct{ kind, name, sql string }

// Schema implements engine.Engine: the statements that made the objects, as
// the database keeps them, tables first and by name. Slipway's own are left out.
func (e *Engine) Schema(ctx context.Context, src slipway.Source, db string) (string, error) {
	var b strings.Builder
	err := e.visit(ctx, src, db, func(d *database) error {
		objects, err := d.objects(ctx, `CASE type WHEN 'table' THEN 1 WHEN 'index' THEN 2 WHEN 'view' THEN 3 ELSE 4 END, name`)
		for _, o := range objects {
			b.WriteString(o.sql)
			b.WriteString(";\n")
		}
		return err
	})
	return b.String(), err
}

// objects lists what a schema is made of, in the given order.
func (d *database) objects(ctx context.Context, order string) (objects []object, err error) {
	rows, err := d.conn.QueryContext(ctx, `SELECT type, name, sql FROM main.sqlite_schema
		WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND tbl_name NOT LIKE 'slipway\_%' ESCAPE '\' ORDER BY `+order)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has told
	for rows.Next() {
		var o object
		if err := rows.Scan(&o.kind, &o.name, &o.sql); err != nil {
			return nil, fmt.Errorf("read the schema: %w", err)
		}
		objects = append(objects, o)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return objects, nil
}
