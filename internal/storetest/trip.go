package storetest

import (
	"context"
	"testing"

	"slipway"
	"slipway/internal/store"
)

// testRoundTrips writes each noun with every field filled and reads it back.
func testRoundTrips(t *testing.T, s *store.Store) {
	ctx := t.Context()

	user := filled[slipway.User]()
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateUser(ctx, user) })
	gotUser, err := s.User(ctx, user.Email)
	same(t, "user", user, gotUser, err)
	user.Title, user.Deleted, user.MustResetPassword = "Another", false, false
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateUser(ctx, user) })
	gotUser, err = s.User(ctx, user.Email)
	same(t, "updated user", user, gotUser, err)

	account := filled[slipway.ServiceAccount]()
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateServiceAccount(ctx, account) })
	gotAccount, err := s.ServiceAccount(ctx, account.Email)
	same(t, "service account", account, gotAccount, err)
	account.Title, account.KeyHash, account.Deleted = "Another", "abc", false
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateServiceAccount(ctx, account) })
	gotAccount, err = s.ServiceAccount(ctx, account.Email)
	same(t, "updated service account", account, gotAccount, err)

	identity := filled[slipway.WorkloadIdentity]()
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateWorkloadIdentity(ctx, identity) })
	gotIdentity, err := s.WorkloadIdentity(ctx, identity.Email)
	same(t, "workload identity", identity, gotIdentity, err)

	role := filled[slipway.Role]()
	role.BuiltIn = false // the built-in ones are not stored
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateRole(ctx, role) })
	gotRole, err := s.Role(ctx, role.ID)
	same(t, "role", role, gotRole, err)
	role.Title, role.Description, role.Permissions = "Another", "", []string{"bb.plans.get"}
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateRole(ctx, role) })
	roles, err := s.Roles(ctx)
	same(t, "updated roles", []slipway.Role{role}, roles, err)
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteRole(ctx, role.ID) })
	_, err = s.Role(ctx, role.ID)
	wantKind(t, "deleted role", err, slipway.NotFound)

	session := filled[store.Session]()
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateSession(ctx, session) })
	gotSession, err := s.Session(ctx, session.Hash)
	same(t, "session", session, gotSession, err)

	exchange := filled[slipway.Exchange]()
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddExchange(ctx, exchange) })
	gotExchange, err := s.Exchange(ctx, exchange.Reference)
	same(t, "exchange", exchange, gotExchange, err)

	entry := filled[slipway.AuditEntry]()
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddAudit(ctx, entry) })
	entry.ID = 1
	entries, _, err := s.AuditEntries(ctx, store.AuditQuery{}, slipway.Page{})
	same(t, "audit entries", []slipway.AuditEntry{entry}, entries, err)

	project := filled[slipway.Project]()
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateProject(ctx, project) })
	gotProject, err := s.Project(ctx, project.ID)
	same(t, "project", project, gotProject, err)
	project.Title, project.Labels, project.ParallelTasks, project.MaxFailures, project.OutOfOrder = "Another", map[string]string{}, 0, 0, ""
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateProject(ctx, project) })
	gotProject, err = s.Project(ctx, project.ID)
	same(t, "updated project", project, gotProject, err)

	tripInventory(t, s, project.ID)
}

func tripInventory(t *testing.T, s *store.Store, project string) {
	ctx := t.Context()
	instance := filled[slipway.Instance]()
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateInstance(ctx, instance) })
	gotInstance, err := s.Instance(ctx, instance.ID)
	same(t, "instance", instance, gotInstance, err)
	for i, source := range gotInstance.Sources {
		// Secrets print as REDACTED, so a comparison that went through text
		// would not see them.
		if want := instance.Sources[i].Password.Reveal(); source.Password.Reveal() != want || want == "" {
			t.Errorf("password of source %d: %q, want %q", i, source.Password.Reveal(), want)
		}
		if want := instance.Sources[i].TLSKey.Reveal(); source.TLSKey.Reveal() != want || want == "" {
			t.Errorf("TLS key of source %d: %q, want %q", i, source.TLSKey.Reveal(), want)
		}
	}
	instance.Title, instance.Sources = "Another", instance.Sources[:1]
	instance.Sources[0].Password = ""
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateInstance(ctx, instance) })
	gotInstance, err = s.Instance(ctx, instance.ID)
	same(t, "updated instance", instance, gotInstance, err)

	database := filled[slipway.Database]()
	database.Instance, database.Project = instance.ID, project
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.PutDatabase(ctx, database) })
	gotDatabase, err := s.Database(ctx, database.DatabaseRef)
	same(t, "database", database, gotDatabase, err)
	database.Project, database.Environment, database.Labels, database.Deleted = slipway.DefaultProject, "", nil, false
	database.SyncError, database.Release = "", "projects/p/releases/r"
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.PutDatabase(ctx, database) })
	gotDatabase, err = s.Database(ctx, database.DatabaseRef)
	same(t, "database put again", database, gotDatabase, err)

	release := filled[slipway.Release]()
	release.Project = project
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateRelease(ctx, release, "t", 0) })
	for i := range release.Files {
		release.Files[i].Statement = nil // the sheet has it
	}
	gotRelease, err := s.Release(ctx, project, release.ID)
	same(t, "release", release, gotRelease, err)

	plan := filled[slipway.Plan]()
	plan.Project, plan.HasRollout = project, false
	update(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
		plan, err = tx.CreatePlan(ctx, plan)
		return err
	})
	gotPlan, err := s.Plan(ctx, project, plan.ID)
	same(t, "plan", plan, gotPlan, err)

	revision := filled[slipway.Revision]()
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.PutRevision(ctx, revision) })
	gotRevision, err := s.Revision(ctx, revision.Database, revision.ID)
	same(t, "revision", revision, gotRevision, err)
}

func testMissing(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ref := slipway.DatabaseRef{Instance: "nope", Database: "nope"}
	for what, read := range map[string]func() error{
		`user "nope" not found`:                                          func() error { _, err := s.User(ctx, "nope"); return err },
		`service account "nope" not found`:                               func() error { _, err := s.ServiceAccount(ctx, "nope"); return err },
		`workload identity "nope" not found`:                             func() error { _, err := s.WorkloadIdentity(ctx, "nope"); return err },
		`role "nope" not found`:                                          func() error { _, err := s.Role(ctx, "nope"); return err },
		`session not found`:                                              func() error { _, err := s.Session(ctx, "nope"); return err },
		`exchange "nope" not found`:                                      func() error { _, err := s.Exchange(ctx, "nope"); return err },
		`setting "nope" not found`:                                       func() error { _, err := s.Setting(ctx, "nope"); return err },
		`project "nope" not found`:                                       func() error { _, err := s.Project(ctx, "nope"); return err },
		`instance "nope" not found`:                                      func() error { _, err := s.Instance(ctx, "nope"); return err },
		`database "instances/nope/databases/nope" not found`:             func() error { _, err := s.Database(ctx, ref); return err },
		`revision "instances/nope/databases/nope/revisions/x" not found`: func() error { _, err := s.Revision(ctx, ref, "x"); return err },
		`sheet "projects/nope/sheets/ab" not found`:                      func() error { _, err := s.Sheet(ctx, "nope", "ab"); return err },
		`release "projects/nope/releases/r" not found`:                   func() error { _, err := s.Release(ctx, "nope", "r"); return err },
		`release with these files not found`:                             func() error { _, err := s.ReleaseByDigest(ctx, "nope", "r"); return err },
		`plan "projects/nope/plans/1" not found`:                         func() error { _, err := s.Plan(ctx, "nope", 1); return err },
		`plan with this content not found`:                               func() error { _, err := s.PlanByDigest(ctx, "nope", "x"); return err },
		`rollout "projects/nope/plans/1/rollout" not found`:              func() error { _, err := s.Rollout(ctx, "nope", 1); return err },
		`task 1 not found`:                                               func() error { _, err := s.Task(ctx, 1); return err },
		`task run 1 not found`:                                           func() error { _, err := s.TaskRun(ctx, 1); return err },
		`task run 2 not found`:                                           func() error { _, err := s.CancelRequested(ctx, 2); return err },
	} {
		err := read()
		wantKind(t, what, err, slipway.NotFound)
		if got := slipway.MessageOf(err); got != what {
			t.Errorf("message %q, want %q", got, what)
		}
	}
	for what, write := range map[string]func(ctx context.Context, tx *store.Tx) error{
		"UpdateUser": func(ctx context.Context, tx *store.Tx) error { return tx.UpdateUser(ctx, slipway.User{Email: "nope"}) },
		"UpdateServiceAccount": func(ctx context.Context, tx *store.Tx) error {
			return tx.UpdateServiceAccount(ctx, slipway.ServiceAccount{Email: "nope"})
		},
		"UpdateWorkloadIdentity": func(ctx context.Context, tx *store.Tx) error {
			return tx.UpdateWorkloadIdentity(ctx, slipway.WorkloadIdentity{Email: "nope"}, 1)
		},
		"UpdateRole": func(ctx context.Context, tx *store.Tx) error { return tx.UpdateRole(ctx, slipway.Role{ID: "nope"}) },
		"DeleteRole": func(ctx context.Context, tx *store.Tx) error { return tx.DeleteRole(ctx, "nope") },
		"TouchSession": func(ctx context.Context, tx *store.Tx) error {
			return tx.TouchSession(ctx, "nope", filled[slipway.User]().Created)
		},
		"UpdateProject": func(ctx context.Context, tx *store.Tx) error {
			return tx.UpdateProject(ctx, slipway.Project{ID: "nope"})
		},
		"UpdateInstance": func(ctx context.Context, tx *store.Tx) error {
			return tx.UpdateInstance(ctx, slipway.Instance{ID: "nope"})
		},
		"SetReleaseDeleted": func(ctx context.Context, tx *store.Tx) error { return tx.SetReleaseDeleted(ctx, "nope", "r", true) },
		"NextIteration": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.NextIteration(ctx, "nope", "t")
			return err
		},
		"SkipTask": func(ctx context.Context, tx *store.Tx) error { return tx.SkipTask(ctx, 1, "x") },
		"CreateTaskRun": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.CreateTaskRun(ctx, slipway.TaskRun{Task: slipway.Task{ID: 1}})
			return err
		},
		"ClaimTaskRun": func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.ClaimTaskRun(ctx, 1, "w", filled[slipway.User]().Created)
			return err
		},
		"RequestCancel": func(ctx context.Context, tx *store.Tx) error { return tx.RequestCancel(ctx, 1) },
		"AddLog":        func(ctx context.Context, tx *store.Tx) error { return tx.AddLog(ctx, 1, make([]slipway.LogEntry, 1)) },
	} {
		wantKind(t, what, try(t, s, write), slipway.NotFound)
	}
}

func testTaken(t *testing.T, s *store.Store) {
	ref := slipway.DatabaseRef{Instance: "nope", Database: "nope"}
	for what, write := range map[string]func(ctx context.Context, tx *store.Tx) error{
		`user "a" already exists`: func(ctx context.Context, tx *store.Tx) error { return tx.CreateUser(ctx, slipway.User{Email: "a"}) },
		`service account "a" already exists`: func(ctx context.Context, tx *store.Tx) error {
			return tx.CreateServiceAccount(ctx, slipway.ServiceAccount{Email: "a"})
		},
		`workload identity "a" already exists`: func(ctx context.Context, tx *store.Tx) error {
			return tx.CreateWorkloadIdentity(ctx, slipway.WorkloadIdentity{Email: "a"})
		},
		`role "a" already exists`:    func(ctx context.Context, tx *store.Tx) error { return tx.CreateRole(ctx, slipway.Role{ID: "a"}) },
		`project "a" already exists`: func(ctx context.Context, tx *store.Tx) error { return tx.CreateProject(ctx, slipway.Project{ID: "a"}) },
		`instance "a" already exists`: func(ctx context.Context, tx *store.Tx) error {
			return tx.CreateInstance(ctx, slipway.Instance{ID: "a"})
		},
		`session already exists`: func(ctx context.Context, tx *store.Tx) error {
			return tx.CreateSession(ctx, store.Session{Hash: "a", Email: "e", Expires: filled[slipway.User]().Created})
		},
		`exchange "a" already exists`: func(ctx context.Context, tx *store.Tx) error {
			return tx.AddExchange(ctx, slipway.Exchange{Reference: "a"})
		},
		`release "projects/default/releases/a" already exists`: func(ctx context.Context, tx *store.Tx) error {
			return tx.CreateRelease(ctx, slipway.Release{Project: "default", ID: "a"}, "a", 0)
		},
	} {
		update(t, s, write)
		err := try(t, s, write)
		if what == `session already exists` {
			err = try(t, s, func(ctx context.Context, tx *store.Tx) error {
				return tx.CreateSession(ctx, store.Session{Hash: "a", Email: "another"})
			})
		}
		wantKind(t, what, err, slipway.Exists)
		if got := slipway.MessageOf(err); got != what {
			t.Errorf("message %q, want %q", got, what)
		}
	}
	err := try(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.PutDatabase(ctx, slipway.Database{DatabaseRef: ref, Project: "default"})
	})
	wantKind(t, "database of an instance that is not there", err, slipway.Precondition)
	err = try(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateRelease(ctx, slipway.Release{Project: "default", ID: "b"}, "a", 0)
	})
	wantKind(t, "iteration given twice", err, slipway.Exists)
}
