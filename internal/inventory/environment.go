package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

const (
	environmentsKey = "environments"
	environmentName = "settings/ENVIRONMENT"
	settingRPC      = "/bytebase.v1.SettingService/"
	maxEnvironments = 50
)

// Environments lists the environments in the order of a rollout's stages.
func (s *Service) Environments(ctx context.Context, who slipway.Principal) ([]slipway.Environment, error) {
	return s.readEnvironments(ctx, who, iam.SettingsGet, "GetSetting")
}

// Settings is Environments for who may list the settings, which they are all
// of.
func (s *Service) Settings(ctx context.Context, who slipway.Principal) ([]slipway.Environment, error) {
	return s.readEnvironments(ctx, who, iam.SettingsList, "ListSettings")
}

func (s *Service) readEnvironments(ctx context.Context, who slipway.Principal, p iam.Permission, method string) ([]slipway.Environment, error) {
	p, err := s.either(ctx, who, iam.SettingsGetEnvironment, p)
	if err != nil {
		return nil, err
	}
	err = s.gate.Can(ctx, gate.Act{Who: who, Permission: p, Resource: environmentName, Method: settingRPC + method})
	if err != nil {
		return nil, err
	}
	return environments(ctx, s.st.Reader)
}

// either returns the permission to ask for where two will do: narrow, which is
// about environments alone, if who holds it, else the one of all settings, which
// the contract names.
func (s *Service) either(ctx context.Context, who slipway.Principal, narrow, wide iam.Permission) (iam.Permission, error) {
	holds, err := s.gate.May(ctx, who, narrow, "")
	if holds {
		return narrow, err
	}
	return wide, err
}

// environments reads the environments; there are none before Prepare.
func environments(ctx context.Context, r store.Reader) ([]slipway.Environment, error) {
	raw, err := r.Setting(ctx, environmentsKey)
	if slipway.KindOf(err) == slipway.NotFound && err != nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the environments: %w", err)
	}
	var list []slipway.Environment
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode the environments: %w", err)
	}
	return list, nil
}

func putEnvironments(ctx context.Context, tx *store.Tx, list []slipway.Environment) error {
	raw, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("encode the environments: %w", err)
	}
	return tx.PutSetting(ctx, environmentsKey, raw)
}

// SetEnvironments replaces the environments and their order. One that an
// instance or a database names stays: it would drop out of every rollout.
// With dry nothing is kept.
func (s *Service) SetEnvironments(ctx context.Context, who slipway.Principal, list []slipway.Environment, dry bool) ([]slipway.Environment, error) {
	p, err := s.either(ctx, who, iam.SettingsSetEnvironment, iam.SettingsSet)
	if err != nil {
		return nil, err
	}
	act := gate.Act{Who: who, Permission: p, Resource: environmentName, Method: settingRPC + "UpdateSetting", Request: list}
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, err
	}
	if err := checkEnvironments(list); err != nil {
		return nil, err
	}
	if dry {
		return list, s.unused(ctx, s.st.Reader, list)
	}
	err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if err := s.unused(ctx, tx.Reader, list); err != nil {
			return err
		}
		return putEnvironments(ctx, tx, list)
	})
	return list, err
}

// ChangeEnvironments is SetEnvironments with what change makes of the list as it
// is, so that a change of one environment keeps what others do meanwhile. It may
// call change more than once.
func (s *Service) ChangeEnvironments(ctx context.Context, who slipway.Principal, change func([]slipway.Environment) ([]slipway.Environment, error)) error {
	const tries = 5 // each lost to somebody else's write
	p, err := s.either(ctx, who, iam.SettingsSetEnvironment, iam.SettingsSet)
	if err != nil {
		return err
	}
	for range tries {
		request := map[string]any{}
		act := gate.Act{Who: who, Permission: p, Resource: environmentName, Method: settingRPC + "UpdateSetting", Request: request}
		err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
			next, err := s.swapEnvironments(ctx, tx, change)
			request["environments"] = next
			return err
		})
		if slipway.KindOf(err) != slipway.Conflict || err == nil {
			return err
		}
	}
	return err
}

func (s *Service) swapEnvironments(ctx context.Context, tx *store.Tx, change func([]slipway.Environment) ([]slipway.Environment, error)) ([]slipway.Environment, error) {
	was, err := tx.Setting(ctx, environmentsKey)
	if err != nil {
		return nil, err
	}
	now, err := environments(ctx, tx.Reader)
	if err != nil {
		return nil, err
	}
	next, err := change(now)
	if err != nil {
		return nil, err
	}
	if err := checkEnvironments(next); err != nil {
		return next, err
	}
	if err := s.unused(ctx, tx.Reader, next); err != nil {
		return next, err
	}
	raw, err := json.Marshal(next)
	if err != nil {
		return next, fmt.Errorf("encode the environments: %w", err)
	}
	return next, tx.SwapSetting(ctx, environmentsKey, was, raw)
}

func checkEnvironments(list []slipway.Environment) error {
	if len(list) == 0 || len(list) > maxEnvironments {
		return slipway.Errorf(slipway.Invalid, "there are 1 to %d environments, not %d", maxEnvironments, len(list))
	}
	seen := map[string]bool{}
	for _, e := range list {
		if err := slipway.CheckID("environment", e.ID); err != nil {
			return err
		}
		if seen[e.ID] {
			return slipway.Errorf(slipway.Invalid, "environment %q is listed twice", e.ID)
		}
		seen[e.ID] = true
		if err := slipway.CheckTitle("environment", e.Title); err != nil {
			return err
		}
		if err := checkLabels(e.Tags); err != nil {
			return err
		}
	}
	return nil
}

// unused refuses to drop an environment that is in use, deleted users of it
// included: they can come back.
func (s *Service) unused(ctx context.Context, r store.Reader, next []slipway.Environment) error {
	now, err := environments(ctx, r)
	if err != nil {
		return err
	}
	one := slipway.Page{Size: 1}
	for _, e := range now {
		if slices.ContainsFunc(next, func(n slipway.Environment) bool { return n.ID == e.ID }) {
			continue
		}
		instances, _, err := r.Instances(ctx, store.InstanceQuery{Environment: e.ID, ShowDeleted: true}, one)
		if err != nil {
			return fmt.Errorf("look for instances in %s: %w", e.ID, err)
		}
		if len(instances) > 0 {
			return slipway.Errorf(slipway.Precondition, "environment %q is in use: %s is in it", e.ID, instances[0].Name())
		}
		databases, _, err := r.Databases(ctx, store.DatabaseQuery{Environment: e.ID, ShowDeleted: true}, one)
		if err != nil {
			return fmt.Errorf("look for databases in %s: %w", e.ID, err)
		}
		if len(databases) > 0 {
			return slipway.Errorf(slipway.Precondition, "environment %q is in use: %s is in it", e.ID, databases[0].Name())
		}
	}
	return nil
}

// knownEnvironment reports why an instance or a database cannot be in id; ""
// is always possible.
func knownEnvironment(ctx context.Context, r store.Reader, id string) error {
	if id == "" {
		return nil
	}
	list, err := environments(ctx, r)
	if err != nil {
		return err
	}
	var ids []string
	for _, e := range list {
		if e.ID == id {
			return nil
		}
		ids = append(ids, e.ID)
	}
	return slipway.Errorf(slipway.Invalid, "there is no environment %q; there are %s", id, strings.Join(ids, ", "))
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd })
}
