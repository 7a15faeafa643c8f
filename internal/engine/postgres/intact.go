package postgres

import (
	"context"
	"fmt"
	"math/big"

	"slipway"
)

// A ledgerSum sums a ledger up, in whatever order its rows come.
type ledgerSum struct {
	rows   int64
	hashes *big.Int // never changed, so that sums can be copied
}

// plus returns the sum of a ledger with one more row, of which rowHash is hash.
func (l ledgerSum) plus(hash string) ledgerSum {
	n, _ := new(big.Int).SetString(hash, 10) // the server writes a bigint
	return ledgerSum{l.rows + 1, n.Add(n, l.hashes)}
}

func (l ledgerSum) equal(other ledgerSum) bool {
	return l.rows == other.rows && l.hashes.Cmp(other.hashes) == 0
}

// rowHash is an expression over a row of the ledger.
const rowHash = `pg_catalog.hashtextextended(pg_catalog.concat_ws('|', id, version, version_key, path, sha256, text_sha, release, task_run,
	(extract(epoch FROM applied) * 1000000)::bigint, took_us, coalesce((extract(epoch FROM deleted) * 1000000)::bigint, 0), deleter), 0)`

// ledgersThere counts the ledgers.
const ledgersThere = `SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relname = 'slipway_revision' AND c.relkind = 'r' AND n.nspname IN ('public', 'slipway')`

// sumLedger reads the sum, and refuses when there are two ledgers.
func (s *session) sumLedger(ctx context.Context) (ledgerSum, error) {
	row, err := queryRow(ctx, s.conn, `SELECT pg_catalog.count(*), coalesce(pg_catalog.sum(`+rowHash+`), 0),
		(`+ledgersThere+`) FROM `+s.schema+`.slipway_revision`)
	if err != nil {
		return ledgerSum{}, fmt.Errorf("sum up the ledger: %w", err)
	}
	if row[2] != "1" {
		return ledgerSum{}, slipway.Errorf(slipway.Precondition, "there would be two ledgers, public.slipway_revision and slipway.slipway_revision")
	}
	sum := ledgerSum{hashes: new(big.Int)}
	if _, err := fmt.Sscan(row[0]+" "+row[1], &sum.rows, sum.hashes); err != nil {
		return ledgerSum{}, fmt.Errorf("sum up the ledger: %w", err)
	}
	return sum, nil
}

// intact refuses a transaction in which anything but Slipway wrote to the
// ledger: a file that deletes a revision would have another file run again, and
// one that adds some would have files passed over.
func (s *session) intact(ctx context.Context, want ledgerSum) error {
	got, err := s.sumLedger(ctx)
	if err != nil {
		return err
	}
	if !got.equal(want) {
		return errTampered()
	}
	return nil
}

func errTampered() error {
	return slipway.Errorf(slipway.Precondition, "the file changes slipway_revision, or somebody else did while it ran: what was applied is for Slipway to record; "+
		"revisions are deleted and baselines recorded through it. The file was rolled back")
}
