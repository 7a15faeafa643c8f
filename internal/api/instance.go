package api

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/emptypb"

	"slipway"
	"slipway/internal/inventory"
	"slipway/internal/pb"
)

// instance serves InstanceService.
type instance struct {
	pb.UnimplementedInstanceServiceHandler
	inventory *inventory.Service
}

func newInstance(deps Deps) instance { return instance{inventory: deps.Inventory} }

// instanceID reads "instances/*". Instances are the workspace's here, so that
// none is found in a project.
func instanceID(name string) (string, error) {
	if _, err := slipway.ParseName("projects/*/instances/*", name); err == nil {
		return "", slipway.Errorf(slipway.NotFound, "instance %q not found: instances belong to the workspace, %q", name, name[strings.Index(name, "/instances/")+1:])
	}
	ids, err := slipway.ParseName("instances/*", name)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

// noParent refuses what would be made or listed in a project.
func noParent(parent string) error {
	if parent == "" {
		return nil
	}
	if _, err := projectID(parent); err != nil {
		return err
	}
	return slipway.Errorf(slipway.Unimplemented, "parent: instances belong to the workspace here; leave it empty")
}

func (i instance) GetInstance(ctx context.Context, req *pb.GetInstanceRequest) (*pb.Instance, error) {
	id, err := instanceID(req.GetName())
	if err != nil {
		return nil, err
	}
	got, err := i.inventory.Instance(ctx, caller(ctx), id)
	return answer(got, err, fromInstance)
}

func (i instance) ListInstances(ctx context.Context, req *pb.ListInstancesRequest) (*pb.ListInstancesResponse, error) {
	if err := noParent(req.GetParent()); err != nil {
		return nil, err
	}
	if err := noOrder(req.GetOrderBy()); err != nil {
		return nil, err
	}
	page, err := pageOf(req)
	if err != nil {
		return nil, err
	}
	terms, err := parseFilter(req.GetFilter(), map[string]filterField{
		"name": textField(matches, contains), "environment": textField(equals), "engine": textField(equals),
	})
	if err != nil {
		return nil, err
	}
	f := inventory.InstanceFilter{ShowDeleted: req.GetShowDeleted()}
	for _, t := range terms {
		switch t.field {
		case "name":
			f.Search = t.text
		case "environment":
			f.Environment = strings.TrimPrefix(t.text, "environments/")
		case "engine":
			f.Engine = slipway.Engine(t.text)
		}
	}
	list, next, err := i.inventory.Instances(ctx, caller(ctx), f, page)
	if err != nil {
		return nil, err
	}
	return &pb.ListInstancesResponse{Instances: each(list, fromInstance), NextPageToken: pageToken(req, next)}, nil
}

func (i instance) CreateInstance(ctx context.Context, req *pb.CreateInstanceRequest) (*pb.Instance, error) {
	if err := noParent(req.GetParent()); err != nil {
		return nil, err
	}
	noun, err := toInstance(req.GetInstance())
	if err != nil {
		return nil, err
	}
	noun.ID = req.GetInstanceId()
	made, err := i.inventory.CreateInstance(ctx, caller(ctx), noun, req.GetValidateOnly())
	return answer(made, err, fromInstance)
}

func (i instance) UpdateInstance(ctx context.Context, req *pb.UpdateInstanceRequest) (*pb.Instance, error) {
	w := req.GetInstance()
	id, err := instanceID(w.GetName())
	if err != nil {
		return nil, err
	}
	m, err := maskOf(req.GetUpdateMask(), w, "title", "external_link", "environment", "labels", "data_sources")
	if err != nil {
		return nil, err
	}
	noun, err := toInstance(w)
	if err != nil {
		return nil, err
	}
	got, err := i.inventory.UpdateInstance(ctx, caller(ctx), id, inventory.InstancePatch{
		Title: masked(m, "title", noun.Title), Link: masked(m, "external_link", noun.Link),
		Environment: masked(m, "environment", noun.Environment), Labels: masked(m, "labels", noun.Labels),
		Sources: masked(m, "data_sources", noun.Sources),
	})
	return answer(got, err, fromInstance)
}

func (i instance) DeleteInstance(ctx context.Context, req *pb.DeleteInstanceRequest) (*emptypb.Empty, error) {
	id, err := instanceID(req.GetName())
	if err != nil {
		return nil, err
	}
	if req.GetPurge() {
		return nil, slipway.Errorf(slipway.Unimplemented, "purge: a deleted instance is kept here with what was done on it; delete it without purge")
	}
	return &emptypb.Empty{}, i.inventory.DeleteInstance(ctx, caller(ctx), id, req.GetForce())
}

func (i instance) UndeleteInstance(ctx context.Context, req *pb.UndeleteInstanceRequest) (*pb.Instance, error) {
	id, err := instanceID(req.GetName())
	if err != nil {
		return nil, err
	}
	got, err := i.inventory.UndeleteInstance(ctx, caller(ctx), id)
	return answer(got, err, fromInstance)
}

func (i instance) SyncInstance(ctx context.Context, req *pb.SyncInstanceRequest) (*pb.SyncInstanceResponse, error) {
	id, err := instanceID(req.GetName())
	if err != nil {
		return nil, err
	}
	names, err := i.inventory.SyncInstance(ctx, caller(ctx), id)
	return answer(names, err, func(n []string) *pb.SyncInstanceResponse { return &pb.SyncInstanceResponse{Databases: n} })
}

// environmentID reads "environments/*"; "" stays "".
func environmentID(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	ids, err := slipway.ParseName("environments/*", name)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func toInstance(w *pb.Instance) (slipway.Instance, error) {
	env, err := environmentID(w.GetEnvironment())
	if err != nil {
		return slipway.Instance{}, err
	}
	if len(w.GetSyncDatabases().GetDatabases()) > 0 || w.GetSyncInterval().AsDuration() != 0 {
		return slipway.Instance{}, slipway.Errorf(slipway.Unimplemented, "sync_databases and sync_interval are not built: every database of an instance is listed, when the instance is synced")
	}
	i := slipway.Instance{
		Title: w.GetTitle(), Engine: slipway.Engine(w.GetEngine().String()), Environment: env,
		Link: w.GetExternalLink(), Labels: w.GetLabels(),
	}
	for _, ds := range w.GetDataSources() {
		src, err := toSource(ds)
		if err != nil {
			return i, err
		}
		i.Sources = append(i.Sources, src)
	}
	return i, nil
}

// sourceFields are the fields of a data source that this server uses, besides
// those that it only answers.
var sourceFields = []string{
	"id", "type", "username", "password", "use_ssl", "ssl_ca", "ssl_cert", "ssl_key", "verify_tls_certificate",
	"host", "port", "database", "authentication_type", "extra_connection_parameters",
	"ssl_ca_set", "ssl_cert_set", "ssl_key_set",
}

func toSource(w *pb.DataSource) (slipway.Source, error) {
	if field := setBeyond(w.ProtoReflect(), sourceFields); field != "" {
		return slipway.Source{}, slipway.Errorf(slipway.Unimplemented, "data source %q: %s is not built", w.GetId(), field)
	}
	if a := w.GetAuthenticationType(); a != pb.DataSource_AUTHENTICATION_UNSPECIFIED && a != pb.DataSource_PASSWORD {
		return slipway.Source{}, slipway.Errorf(slipway.Unimplemented, "data source %q: authentication_type %s is not built, PASSWORD is", w.GetId(), a)
	}
	return slipway.Source{
		ID: w.GetId(), Type: slipway.SourceType(w.GetType().String()), Host: w.GetHost(), Port: w.GetPort(),
		Username: w.GetUsername(), Password: slipway.Secret(w.GetPassword()), Database: w.GetDatabase(),
		TLS: w.GetUseSsl(), VerifyTLS: w.GetVerifyTlsCertificate(),
		TLSCA: w.GetSslCa(), TLSCert: w.GetSslCert(), TLSKey: slipway.Secret(w.GetSslKey()),
		Extra: w.GetExtraConnectionParameters(),
	}, nil
}

// fromSource leaves every credential out.
func fromSource(s slipway.Source) *pb.DataSource {
	return &pb.DataSource{
		Id: s.ID, Type: pb.DataSourceType(pb.DataSourceType_value[string(s.Type)]), Host: s.Host, Port: s.Port,
		Username: s.Username, Database: s.Database, UseSsl: s.TLS, VerifyTlsCertificate: s.VerifyTLS,
		SslCaSet: s.TLSCA != "", SslCertSet: s.TLSCert != "", SslKeySet: s.TLSKey != "",
		AuthenticationType: pb.DataSource_PASSWORD, ExtraConnectionParameters: s.Extra,
	}
}

func fromInstance(i slipway.Instance) *pb.Instance {
	return &pb.Instance{
		Name: i.Name(), State: stateOf(i.Deleted), Title: i.Title, Engine: fromEngine(i.Engine), EngineVersion: i.Version,
		ExternalLink: i.Link, DataSources: each(i.Sources, fromSource), Environment: fromEnvironmentID(i.Environment),
		LastSyncTime: instantToPB(i.Synced), Labels: i.Labels,
	}
}

func fromEngine(e slipway.Engine) pb.Engine { return pb.Engine(pb.Engine_value[string(e)]) }

// fromEnvironmentID returns "environments/*", or nil for none.
func fromEnvironmentID(id string) *string {
	if id == "" {
		return nil
	}
	name := slipway.Environment{ID: id}.Name()
	return &name
}
