package cli_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"slipway/internal/pb"
)

func refusedExchange() *pb.Exchange {
	return &pb.Exchange{
		Name: "exchanges/abcd2345", CreateTime: timestamppb.New(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)),
		Identity: "gitlab-deploy@workload.bytebase.com", Reason: "ref_mismatch",
		Checks: []*pb.Exchange_Check{
			{Name: "signature", Ok: true},
			{Name: "ref", Want: "branch main", Got: "branch feature\n\x1b[1A", Reason: "ref_mismatch", Advice: "allow the branch, or run the job on main"},
		},
		Claims:   &structpb.Struct{Fields: map[string]*structpb.Value{"ref": structpb.NewStringValue("feature"), "exp": structpb.NewNumberValue(1795375351)}},
		Job:      &pb.JobInfo{ProjectPath: "g/shop", RefType: "branch", Ref: "feature", PipelineId: "7", JobId: "9", UserLogin: "ann"},
		CallerIp: "192.0.2.1", CallerSuppliedUserAgent: "slipway/1.2.3",
	}
}

func (f *fake) GetExchange(_ context.Context, req *pb.GetExchangeRequest) (*pb.Exchange, error) {
	x := refusedExchange()
	x.Name = req.GetName()
	return x, nil
}

func (f *fake) ListExchanges(_ context.Context, req *pb.ListExchangesRequest) (*pb.ListExchangesResponse, error) {
	x := refusedExchange()
	x.Reason = req.GetFilter()
	return &pb.ListExchangesResponse{Exchanges: []*pb.Exchange{x}}, nil
}

func TestExchangesShow(t *testing.T) {
	f := serve(t)
	r := run(t, t.TempDir(), nil, "slipway", "exchanges", "show", "ABCD2345", "--url", f.url, "--token", "good")
	r.want(t, 0)
	want := `exchanges/ABCD2345  refused: ref_mismatch
time      2026-11-22T10:00:00Z
identity  gitlab-deploy@workload.bytebase.com
job       g/shop, branch feature, pipeline 7, job 9, by ann
from      192.0.2.1 slipway/1.2.3
checks
  ok      signature
  failed  ref: ref_mismatch
          expected  branch main
          token     branch feature ` + "\ufffd" + `[1A
          do        allow the branch, or run the job on main
claims
  exp = 1795375351
  ref = "feature"
`
	if diff := cmp.Diff(want, r.stdout); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExchangesList(t *testing.T) {
	f := serve(t)
	run(t, t.TempDir(), nil, "slipway", "exchanges", "list", "--identity", "x@workload.bytebase.com", "--refused", "--url", f.url, "--token", "good").want(t, 0,
		`2026-11-22T10:00:00Z  abcd2345  gitlab-deploy@workload.bytebase.com  refused: identity == "x@workload.bytebase.com" && allowed == false  g/shop`)
}
