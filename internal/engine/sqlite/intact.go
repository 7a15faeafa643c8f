package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"

	"slipway"
)

// A ledgerSum sums a ledger up, in whatever order its rows come.
type ledgerSum struct {
	rows   int
	hashes uint64
}

// plus returns the sum of a ledger with one more row, which is new.
func (l ledgerSum) plus(r slipway.Revision) ledgerSum {
	return l.with([12]string{
		r.ID, r.Version, versionKey(r.Version), r.Path, r.SHA256, r.TextSHA, r.Release, r.TaskRun,
		strconv.FormatInt(r.Applied.UnixMicro(), 10), strconv.FormatInt(r.Took.Microseconds(), 10), "", "",
	})
}

// with returns the sum with one more row, as sumLedger reads it.
func (l ledgerSum) with(row [12]string) ledgerSum {
	hash := sha256.Sum256(fmt.Appendf(nil, "%q", row))
	return ledgerSum{l.rows + 1, l.hashes + binary.BigEndian.Uint64(hash[:8])}
}

func (d *database) sumLedger(ctx context.Context) (sum ledgerSum, err error) {
	rows, err := d.conn.QueryContext(ctx, `SELECT id, version, version_key, path, sha256, text_sha, release, task_run,
		applied, took_us, coalesce(deleted, ''), deleter FROM main.slipway_revision`)
	if err != nil {
		return sum, fmt.Errorf("sum up the ledger: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has told
	for rows.Next() {
		var row [12]string
		var to [12]any
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to[:]...); err != nil {
			return sum, fmt.Errorf("sum up the ledger: %w", err)
		}
		sum = sum.with(row)
	}
	if err := rows.Err(); err != nil {
		return sum, fmt.Errorf("sum up the ledger: %w", err)
	}
	return sum, nil
}

// intact refuses a transaction in which anything but Slipway wrote to the
// ledger: a file that deletes a revision would have another file run again, and
// one that adds some would have files passed over.
func (d *database) intact(ctx context.Context, want ledgerSum) error {
	got, err := d.sumLedger(ctx)
	if err != nil {
		return err
	}
	if got != want {
		return slipway.Errorf(slipway.Precondition, "the file changes slipway_revision, or somebody else did while it ran: what was applied is for Slipway to record; "+
			"revisions are deleted and baselines recorded through it. The file was rolled back")
	}
	return nil
}
