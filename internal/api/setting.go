package api

import (
	"context"

	"google.golang.org/genproto/googleapis/type/color"

	"slipway"
	"slipway/internal/inventory"
	"slipway/internal/pb"
)

const environmentSetting = "settings/ENVIRONMENT"

// setting serves SettingService. There is one setting: the environments.
type setting struct {
	pb.UnimplementedSettingServiceHandler
	inventory *inventory.Service
}

func newSetting(deps Deps) setting { return setting{inventory: deps.Inventory} }

func (s setting) ListSettings(ctx context.Context, _ *pb.ListSettingsRequest) (*pb.ListSettingsResponse, error) {
	list, err := s.inventory.Settings(ctx, caller(ctx))
	if err != nil {
		return nil, err
	}
	return &pb.ListSettingsResponse{Settings: []*pb.Setting{fromEnvironments(list)}}, nil
}

func (s setting) GetSetting(ctx context.Context, req *pb.GetSettingRequest) (*pb.Setting, error) {
	if err := knownSetting(req.GetName()); err != nil {
		return nil, err
	}
	list, err := s.inventory.Environments(ctx, caller(ctx))
	return answer(list, err, fromEnvironments)
}

func (s setting) UpdateSetting(ctx context.Context, req *pb.UpdateSettingRequest) (*pb.Setting, error) {
	if err := knownSetting(req.GetSetting().GetName()); err != nil {
		return nil, err
	}
	if _, err := maskOf(req.GetUpdateMask(), req.GetSetting(), "value", "value.environment", "value.environment.environments"); err != nil {
		return nil, err
	}
	value := req.GetSetting().GetValue().GetEnvironment()
	if value == nil {
		return nil, slipway.Errorf(slipway.Invalid, "setting.value.environment: the whole list of environments, in order, belongs here")
	}
	list, err := s.inventory.SetEnvironments(ctx, caller(ctx), each(value.GetEnvironments(), toEnvironment), req.GetValidateOnly())
	return answer(list, err, fromEnvironments)
}

func knownSetting(name string) error {
	if _, err := slipway.ParseName("settings/*", name); err != nil {
		return err
	}
	if name != environmentSetting {
		return slipway.Errorf(slipway.NotFound, "setting %q not found; there is %s", name, environmentSetting)
	}
	return nil
}

func toEnvironment(w *pb.EnvironmentSetting_Environment) slipway.Environment {
	e := slipway.Environment{ID: w.GetId(), Title: w.GetTitle(), Tags: w.GetTags()}
	if c := w.GetColor(); c != nil {
		e.Color = &slipway.Color{Red: c.GetRed(), Green: c.GetGreen(), Blue: c.GetBlue()}
	}
	return e
}

func fromEnvironments(list []slipway.Environment) *pb.Setting {
	wire := &pb.EnvironmentSetting{Environments: each(list, func(e slipway.Environment) *pb.EnvironmentSetting_Environment {
		w := &pb.EnvironmentSetting_Environment{Name: e.Name(), Id: e.ID, Title: e.Title, Tags: e.Tags}
		if e.Color != nil {
			w.Color = &color.Color{Red: e.Color.Red, Green: e.Color.Green, Blue: e.Color.Blue}
		}
		return w
	})}
	return &pb.Setting{Name: environmentSetting, Value: &pb.SettingValue{Value: &pb.SettingValue_Environment{Environment: wire}}}
}
