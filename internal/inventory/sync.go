package inventory

import (
	"context"
	"fmt"
	"slices"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// maxDatabases bounds how many databases of one instance are kept.
const maxDatabases = 20_000

// SyncInstance asks an instance what databases it has and returns their names.
// New ones land in the default project, those that are gone are marked so and
// keep their project for when they come back.
func (s *Service) SyncInstance(ctx context.Context, who slipway.Principal, id string) ([]string, error) {
	act := onInstance(who, iam.InstancesSync, id, "SyncInstance")
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, err
	}
	i, err := s.st.Instance(ctx, id)
	if err != nil {
		return nil, err
	}
	if i.Deleted {
		return nil, slipway.Errorf(slipway.Precondition, "instance %q is deleted: undelete it first", id)
	}
	names, err := s.reach(ctx, &i)
	if err != nil {
		s.gate.Note(ctx, act, err)
		s.remember(ctx, id, err)
		return nil, err
	}
	err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
		now, err := tx.Instance(ctx, id)
		if err != nil {
			return err
		}
		now.Version, now.Synced, now.SyncError = i.Version, s.now(), ""
		if err := tx.UpdateInstance(ctx, now); err != nil {
			return err
		}
		return s.merge(ctx, tx, id, names)
	})
	return names, err
}

// remember keeps why an instance did not answer, for whoever looks at it next.
func (s *Service) remember(ctx context.Context, id string, why error) {
	if slipway.KindOf(why) == slipway.Canceled {
		return // it was not given the time to
	}
	err := s.st.Update(ctx, func(tx *store.Tx) error {
		i, err := tx.Instance(ctx, id)
		if err != nil {
			return err
		}
		i.SyncError = slipway.MessageOf(why)
		return tx.UpdateInstance(ctx, i)
	})
	if err != nil {
		s.lg.ErrorContext(ctx, "keep why an instance does not answer", "instance", id, "err", err)
	}
}

// merge makes the databases of an instance those called names.
func (s *Service) merge(ctx context.Context, tx *store.Tx, instance string, names []string) error {
	if len(names) > maxDatabases {
		return slipway.Errorf(slipway.Exhausted, "instance %q has %d databases; at most %d are managed", instance, len(names), maxDatabases)
	}
	known, err := allDatabases(ctx, tx.Reader, store.DatabaseQuery{Instance: instance, ShowDeleted: true})
	if err != nil {
		return err
	}
	left := map[string]bool{}
	for _, n := range names {
		left[n] = true
	}
	for _, d := range known {
		there := left[d.Database]
		delete(left, d.Database)
		if !there && d.Deleted {
			continue
		}
		d.Deleted = !there
		if there {
			d.Synced, d.SyncError = s.now(), ""
		}
		if err := tx.PutDatabase(ctx, d); err != nil {
			return fmt.Errorf("keep %s: %w", d.Name(), err)
		}
	}
	for _, n := range slices.Compact(slices.Clone(names)) {
		if !left[n] {
			continue
		}
		d := slipway.Database{
			DatabaseRef: slipway.DatabaseRef{Instance: instance, Database: n},
			Project:     slipway.DefaultProject, Synced: s.now(),
		}
		if err := tx.PutDatabase(ctx, d); err != nil {
			return fmt.Errorf("keep %s: %w", d.Name(), err)
		}
	}
	return nil
}
