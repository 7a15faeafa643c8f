package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"slipway"
	"slipway/internal/pb"
)

// contractVersion is the version of the existing API that this server speaks.
// Its clients compare it with theirs and warn when they differ.
const contractVersion = "3.22.11"

// actuator serves ActuatorService.
type actuator struct {
	pb.UnimplementedActuatorServiceHandler
	cfg Config
}

func newActuator(cfg Config) actuator { return actuator{cfg: cfg} }

// GetActuatorInfo tells about the server. It wants a credential and no
// permission: clients that get UNAUTHENTICATED here attach theirs.
func (a actuator) GetActuatorInfo(context.Context, *pb.GetActuatorInfoRequest) (*pb.ActuatorInfo, error) {
	return &pb.ActuatorInfo{
		Version:             contractVersion,
		SlipwayVersion:      a.cfg.Version,
		GitCommit:           a.cfg.Commit,
		ExternalUrl:         a.cfg.ExternalURL,
		ExternalUrlFromFlag: a.cfg.ExternalURLGiven,
		Workspace:           slipway.WorkspaceName,
		DefaultProject:      slipway.Project{ID: slipway.DefaultProject}.Name(),
		ReplicaCount:        1,
		// The call that asks is the latest with a credential.
		LastActiveTime: timestamppb.New(a.cfg.Now().UTC().Truncate(time.Second)),
	}, nil
}
