package postgres

import (
	"context"
	"regexp"
)

// spaceOf finds the tablespace in the path of a file that could not grow:
// "pg_tblspc/16390/…", or "base/…" for the one that is there from the start.
var spaceOf = regexp.MustCompile(`"(?:pg_tblspc/(\d+)|(base)|(global))/`)

// fullTablespace names the tablespace that a message about a full disk is about,
// "" when it does not tell. It asks over a connection of its own, since the
// transaction that failed answers nothing more.
func (a *application) fullTablespace(ctx context.Context, message string) string {
	m := spaceOf.FindStringSubmatch(message)
	switch {
	case m == nil:
		return ""
	case m[2] != "":
		return "pg_default"
	case m[3] != "":
		return "pg_global"
	}
	conn, err := a.e.dial(ctx, a.src, a.db, "tablespace")
	if err != nil {
		return ""
	}
	defer hangUp(ctx, conn)
	row, err := queryRow(ctx, conn, `SELECT spcname FROM pg_catalog.pg_tablespace WHERE oid = $1::oid`, m[1])
	if err != nil {
		return ""
	}
	return row[0]
}
