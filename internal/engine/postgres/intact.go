package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"slipway"
)

// A ledgerSum sums a ledger up, for one session. Each row counts as the
// transaction that wrote it: whoever changes a row writes it anew, so that with
// as many rows the sum is the same only if nothing was written.
type ledgerSum struct{ rows, writers int64 }

// plus returns the sum of a ledger with one more row.
func (l ledgerSum) plus(w written) ledgerSum { return ledgerSum{l.rows + 1, l.writers + w.writer} }

// A written is what the server says of a ledger row as it writes it.
type written struct {
	applied time.Time
	took    time.Duration
	writer  int64  // transaction
	hash    string // of the row, which a trigger may change after it was written
}

// returning is what insertRevision returns, for readWritten.
const returning = `(extract(epoch FROM applied) * 1000000)::bigint, took_us, ` + rowWriter + `, ` + rowHash

func readWritten(row []string) written {
	took, _ := strconv.ParseInt(row[1], 10, 64) // the server writes numbers
	writer, _ := strconv.ParseInt(row[2], 10, 64)
	return written{applied: fromMicros(row[0]), took: time.Duration(took) * time.Microsecond, writer: writer, hash: row[3]}
}

// Expressions over a row of the ledger.
const (
	rowWriter = `xmin::pg_catalog.text::pg_catalog.int8`
	rowHash   = `pg_catalog.hashtextextended(pg_catalog.concat_ws('|', id, version, version_key, path, sha256, text_sha, release, task_run,
	(extract(epoch FROM applied) * 1000000)::bigint, took_us, coalesce((extract(epoch FROM deleted) * 1000000)::bigint, 0), deleter), 0)`
)

// ledgersThere counts the ledgers.
const ledgersThere = `SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relname = 'slipway_revision' AND c.relkind = 'r' AND n.nspname IN ('public', 'slipway')`

// sumLedger reads the sum and the hash of the row with an id, "" if there is
// none, and refuses when there are two ledgers.
func (s *session) sumLedger(ctx context.Context, id string) (sum ledgerSum, hash string, err error) {
	row, err := queryRow(ctx, s.conn, `SELECT pg_catalog.count(*), coalesce(pg_catalog.sum(`+rowWriter+`), 0),
		pg_catalog.max(`+rowHash+`) FILTER (WHERE id = $1), (`+ledgersThere+`) FROM `+s.schema+`.slipway_revision`, id)
	if err != nil {
		return ledgerSum{}, "", fmt.Errorf("sum up the ledger: %w", err)
	}
	if row[3] != "1" {
		return ledgerSum{}, "", slipway.Errorf(slipway.Precondition, "there would be two ledgers, public.slipway_revision and slipway.slipway_revision")
	}
	sum, err = readSum(row)
	return sum, row[2], err
}

func readSum(row []string) (sum ledgerSum, err error) {
	if _, err := fmt.Sscan(row[0]+" "+row[1], &sum.rows, &sum.writers); err != nil {
		return ledgerSum{}, fmt.Errorf("sum up the ledger: %w", err)
	}
	return sum, nil
}

// intact refuses a transaction in which anything but Slipway wrote to the
// ledger: a file that deletes a revision would have another file run again, and
// one that adds some would have files passed over. The row with id is the one
// that Slipway wrote in it, and hash what it was then; both are "" for none.
func (s *session) intact(ctx context.Context, want ledgerSum, id, hash string) error {
	got, now, err := s.sumLedger(ctx, id)
	if err != nil {
		return err
	}
	if got != want || now != hash {
		return errTampered()
	}
	return nil
}

func errTampered() error {
	return slipway.Errorf(slipway.Precondition, "the file changes slipway_revision, or somebody else did while it ran: what was applied is for Slipway to record; "+
		"revisions are deleted and baselines recorded through it. The file was rolled back")
}
