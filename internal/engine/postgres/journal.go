package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
	"slipway/internal/engine"
)

// An entry says how far a segment of a file came. The zero entry is one that
// nothing was written about.
type entry struct {
	intent bool   // it was begun, outside a transaction
	done   bool   // it took effect
	digest string // of the segment, at that time
	before string // what the catalog held before it, as a probe wrote it down
}

func readJournal(ctx context.Context, conn *pgconn.PgConn, schema, version string) (map[int]entry, error) {
	rows, err := query(ctx, conn, `SELECT segment, state, digest, before FROM `+schema+`.slipway_journal WHERE version_key = $1`, versionKey(version))
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	journal := make(map[int]entry, len(rows))
	for _, r := range rows {
		i, err := strconv.Atoi(r[0])
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		journal[i] = entry{intent: r[1] == "intent", done: r[1] == "done", digest: r[2], before: r[3]}
	}
	return journal, nil
}

// write puts a segment's entry into the journal, within the transaction that is
// open or in one of its own.
func (a *application) write(ctx context.Context, seg engine.Segment, en entry) error {
	a.begun[versionKey(a.rev.Version)] = true
	state := "intent"
	if en.done {
		state = "done"
	}
	_, err := query(ctx, a.conn, `INSERT INTO `+a.schema+`.slipway_journal
		(version_key, segment, digest, state, before, statement, task_run, session)
		VALUES ($1, $2::int, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (version_key, segment) DO UPDATE SET digest = excluded.digest, state = excluded.state, before = excluded.before,
			statement = excluded.statement, task_run = excluded.task_run, session = excluded.session, written = clock_timestamp()`,
		versionKey(a.rev.Version), strconv.Itoa(seg.Index), seg.Digest, state, en.before, a.script.Begins(seg), a.rev.TaskRun, a.id)
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// strike takes a segment's entry back: the statement failed and left nothing.
func (a *application) strike(ctx context.Context, seg engine.Segment) error {
	_, err := query(ctx, a.conn, `DELETE FROM `+a.schema+`.slipway_journal WHERE version_key = $1 AND segment = $2::int`,
		versionKey(a.rev.Version), strconv.Itoa(seg.Index))
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// forget empties the journal of the file, whose revision says it all now.
func (a *application) forget(ctx context.Context) error {
	_, err := query(ctx, a.conn, `DELETE FROM `+a.schema+`.slipway_journal WHERE version_key = $1`, versionKey(a.rev.Version))
	if err != nil {
		return fmt.Errorf("clear the journal: %w", err)
	}
	return nil
}

// resume reads what an earlier session left of this file. What it did must
// still be what the file says, statement for statement, or the rest would be
// run on a state that nobody described.
func (a *application) resume(ctx context.Context) error {
	if !a.begun[versionKey(a.rev.Version)] {
		return nil
	}
	journal, err := readJournal(ctx, a.conn, a.schema, a.rev.Version)
	if err != nil {
		return a.fileError(ctx, err)
	}
	for i, en := range journal {
		if i >= 0 && i < len(a.script.Segments) && a.script.Segments[i].Digest == en.digest {
			continue
		}
		if !en.done && !en.intent {
			continue
		}
		return a.script.FailFile(engine.Attention, "", slipway.Errorf(slipway.Precondition,
			"an earlier run left version %s half applied, and the file has been changed in a part that was run: put the file back, or finish by hand and record it as a baseline", a.rev.Version))
	}
	a.journal = journal
	return nil
}
