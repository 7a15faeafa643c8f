package api

import (
	"context"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"slipway"
	"slipway/internal/inventory"
	"slipway/internal/pb"
)

// database serves DatabaseService.
type database struct {
	pb.UnimplementedDatabaseServiceHandler
	inventory *inventory.Service
}

func newDatabase(deps Deps) database { return database{inventory: deps.Inventory} }

// placeOf reads "instances/*/databases/*" and the same in a project, followed
// by what ends says, and returns also the ids in that.
func placeOf(name, ends string) (inventory.Place, []string, error) {
	if strings.HasPrefix(name, "projects/") {
		ids, err := slipway.ParseName("projects/*/instances/*/databases/*"+ends, name)
		if err != nil {
			return inventory.Place{}, nil, err
		}
		return inventory.Place{Project: ids[0], DatabaseRef: slipway.DatabaseRef{Instance: ids[1], Database: ids[2]}}, ids[3:], nil
	}
	ids, err := slipway.ParseName("instances/*/databases/*"+ends, name)
	if err != nil {
		return inventory.Place{}, nil, err
	}
	return inventory.Place{DatabaseRef: slipway.DatabaseRef{Instance: ids[0], Database: ids[1]}}, ids[2:], nil
}

func (d database) GetDatabase(ctx context.Context, req *pb.GetDatabaseRequest) (*pb.Database, error) {
	at, _, err := placeOf(req.GetName(), "")
	if err != nil {
		return nil, err
	}
	got, err := d.inventory.Database(ctx, caller(ctx), at)
	return answer(got, err, fromDatabase)
}

func (d database) ListDatabases(ctx context.Context, req *pb.ListDatabasesRequest) (*pb.ListDatabasesResponse, error) {
	if err := noOrder(req.GetOrderBy()); err != nil {
		return nil, err
	}
	page, err := pageOf(req)
	if err != nil {
		return nil, err
	}
	filter, err := databaseFilter(req)
	if err != nil {
		return nil, err
	}
	list, next, err := d.inventory.Databases(ctx, caller(ctx), filter, page)
	if err != nil {
		return nil, err
	}
	return &pb.ListDatabasesResponse{Databases: each(list, fromDatabase), NextPageToken: pageToken(req, next)}, nil
}

// databaseFilter reads the parent and the filter of a list.
func databaseFilter(req *pb.ListDatabasesRequest) (inventory.DatabaseFilter, error) {
	f := inventory.DatabaseFilter{ShowDeleted: req.GetShowDeleted()}
	parent := req.GetParent()
	if ids, err := slipway.ParseName("projects/*/instances/*", parent); err == nil {
		f.Project, f.Instance = ids[0], ids[1]
	} else if ids, err := slipway.ParseName("projects/*", parent); err == nil {
		f.Project = ids[0]
	} else if ids, err := slipway.ParseName("instances/*", parent); err == nil {
		f.Instance = ids[0]
	} else if _, err := slipway.ParseName("workspaces/*", parent); err != nil {
		return f, slipway.Errorf(slipway.Invalid, "parent: %q is not of the form \"projects/*\", \"instances/*\", \"projects/*/instances/*\" or \"workspaces/*\"", parent)
	}
	terms, err := parseFilter(req.GetFilter(), map[string]filterField{
		"name": textField(matches, contains), "environment": textField(equals), "instance": textField(equals),
		"project": textField(equals), "labels": labelField(), "exclude_unassigned": flagField(),
	})
	if err != nil {
		return f, err
	}
	for _, t := range terms {
		if err := databaseTerm(&f, t); err != nil {
			return f, err
		}
	}
	return f, nil
}

func databaseTerm(f *inventory.DatabaseFilter, t term) error {
	narrow := func(to *string, pattern string) error {
		ids, err := slipway.ParseName(pattern, t.text)
		if err != nil {
			return err
		}
		if *to != "" && *to != ids[0] {
			return slipway.Errorf(slipway.Invalid, "filter: %s == %q contradicts the parent or another term", t.field, t.text)
		}
		*to = ids[0]
		return nil
	}
	switch t.field {
	case "name":
		f.Search = t.text
	case "environment":
		return narrow(&f.Environment, "environments/*")
	case "instance":
		return narrow(&f.Instance, "instances/*")
	case "project":
		return narrow(&f.Project, "projects/*")
	case "exclude_unassigned":
		f.AssignedOnly = t.flag
	case "labels":
		if f.Labels == nil {
			f.Labels = map[string]string{}
		}
		f.Labels[t.key] = t.text
	}
	return nil
}

func (d database) UpdateDatabase(ctx context.Context, req *pb.UpdateDatabaseRequest) (*pb.Database, error) {
	list, err := d.update(ctx, []*pb.UpdateDatabaseRequest{req})
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

func (d database) BatchUpdateDatabases(ctx context.Context, req *pb.BatchUpdateDatabasesRequest) (*pb.BatchUpdateDatabasesResponse, error) {
	for _, r := range req.GetRequests() {
		if p := req.GetParent(); p != "instances/-" && !strings.HasPrefix(r.GetDatabase().GetName(), p+"/databases/") {
			return nil, slipway.Errorf(slipway.Invalid, "%q is not in the parent %q", r.GetDatabase().GetName(), p)
		}
	}
	list, err := d.update(ctx, req.GetRequests())
	return answer(list, err, func(l []*pb.Database) *pb.BatchUpdateDatabasesResponse {
		return &pb.BatchUpdateDatabasesResponse{Databases: l}
	})
}

func (d database) update(ctx context.Context, reqs []*pb.UpdateDatabaseRequest) ([]*pb.Database, error) {
	patches := make([]inventory.DatabasePatch, len(reqs))
	for i, r := range reqs {
		p, err := toDatabasePatch(r)
		if err != nil {
			return nil, err
		}
		patches[i] = p
	}
	got, err := d.inventory.UpdateDatabases(ctx, caller(ctx), patches)
	if err != nil {
		return nil, err
	}
	return each(got, fromDatabase), nil
}

func toDatabasePatch(r *pb.UpdateDatabaseRequest) (p inventory.DatabasePatch, err error) {
	w := r.GetDatabase()
	if p.At, _, err = placeOf(w.GetName(), ""); err != nil {
		return p, err
	}
	m, err := maskOf(r.GetUpdateMask(), w, "project", "environment", "labels")
	if err != nil {
		return p, err
	}
	if m.has("project") {
		id, err := projectID(w.GetProject())
		if err != nil {
			return p, err
		}
		p.Project = &id
	}
	env, err := environmentID(w.GetEnvironment())
	if err != nil {
		return p, err
	}
	p.Environment, p.Labels = masked(m, "environment", env), masked(m, "labels", w.GetLabels())
	return p, nil
}

func (d database) SyncDatabase(ctx context.Context, req *pb.SyncDatabaseRequest) (*pb.SyncDatabaseResponse, error) {
	at, _, err := placeOf(req.GetName(), "")
	if err != nil {
		return nil, err
	}
	return &pb.SyncDatabaseResponse{}, d.inventory.SyncDatabase(ctx, caller(ctx), at)
}

func (d database) GetDatabaseSchema(ctx context.Context, req *pb.GetDatabaseSchemaRequest) (*pb.DatabaseSchema, error) {
	at, _, err := placeOf(req.GetName(), "/schema")
	if err != nil {
		return nil, err
	}
	ddl, err := d.inventory.Schema(ctx, caller(ctx), at)
	return answer(ddl, err, func(ddl string) *pb.DatabaseSchema { return &pb.DatabaseSchema{Schema: ddl} })
}

func fromDatabase(l inventory.Located) *pb.Database {
	w := &pb.Database{
		Name: l.Name(), State: stateOf(l.Deleted), SuccessfulSyncTime: instantToPB(l.Synced),
		Project: slipway.Project{ID: l.Project}.Name(), Release: l.Release, Labels: l.Labels,
		Environment: fromEnvironmentID(l.Environment), EffectiveEnvironment: fromEnvironmentID(l.Effective()),
		InstanceResource: &pb.InstanceResource{
			Name: l.On.Name(), Title: l.On.Title, Engine: fromEngine(l.On.Engine), EngineVersion: l.On.Version,
			DataSources: each(l.On.Sources, fromSource), Environment: fromEnvironmentID(l.On.Environment),
		},
		SyncError: l.SyncError,
	}
	switch {
	case l.SyncError != "":
		w.SyncStatus = pb.SyncStatus_FAILED
	case !l.Synced.IsZero():
		w.SyncStatus = pb.SyncStatus_OK
	}
	return w
}

// setBeyond returns a field that is set in m and not among known, or "".
func setBeyond(m protoreflect.Message, known []string) (field string) {
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		for _, k := range known {
			if string(f.Name()) == k {
				return true
			}
		}
		field = string(f.Name())
		return false
	})
	return field
}
