package demo

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the proof reads the migrated databases themselves
)

type object = map[string]any

func (s *show) signIn(ctx context.Context, password string) error {
	s.say("Slipway %s, the demo: from a CI job's ID token to migrated databases.", s.cfg.Version)
	s.say("  server              %s (its data in %s)\n  stand-in for GitLab %s", s.url, s.dir, s.issuer.URL)
	s.admin = &client{base: s.url}
	var login struct{ Token string }
	if err := s.admin.call(ctx, "POST", "/v1/auth/login", object{"email": adminEmail, "password": password}, &login); err != nil {
		return err
	}
	s.admin.token = login.Token
	return nil
}

// setUp does what an administrator does once.
func (s *show) setUp(ctx context.Context) error {
	s.begin("An administrator sets up a project, environments test and prod, and a database in each.")
	calls := []struct {
		method, path string
		body         object
	}{
		{"PATCH", "/v1/settings/ENVIRONMENT?updateMask=value", object{"value": object{"environment": object{"environments": []object{
			{"id": "test", "title": "Test"}, {"id": "prod", "title": "Prod"},
		}}}}},
		{"POST", "/v1/projects?projectId=shop", object{"title": "Shop"}},
	}
	for _, env := range []string{"test", "prod"} {
		folder := filepath.Join(s.dir, "data", "databases", env)
		calls = append(calls, []struct {
			method, path string
			body         object
		}{
			{"POST", "/v1/instances?instanceId=" + env, object{
				"title": "SQLite " + env, "engine": "SQLITE", "environment": "environments/" + env,
				"dataSources": []object{{"id": "admin", "type": "ADMIN", "host": folder}},
			}},
			{"POST", "/v1/instances/" + env + ":sync", object{}},
			{"PATCH", "/v1/instances/" + env + "/databases/shop?updateMask=project", object{"project": "projects/shop"}},
		}...)
	}
	for _, c := range calls {
		if err := s.admin.call(ctx, c.method, c.path, c.body, nil); err != nil {
			return err
		}
	}
	s.begin("They make a workload identity: jobs of acme/shop on branch main may act as %s.", identity)
	err := s.admin.call(ctx, "POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId=gitlab-deploy", object{
		"title": "GitLab Deploy",
		"workloadIdentityConfig": object{
			"providerType": "GITLAB", "issuerUrl": s.issuer.URL, "allowedAudiences": []string{s.issuer.URL},
			"gitlab": object{"group": "acme", "project": "shop", "refs": []object{{"type": "BRANCH", "pattern": "main"}}},
		},
	}, nil)
	if err != nil {
		return err
	}
	s.say("   It gets the role GitOps Service Agent on the project, and nothing else anywhere.")
	return s.grant(ctx)
}

// grant adds the identity to the project's policy, as Settings > Members does.
func (s *show) grant(ctx context.Context) error {
	var policy struct {
		Bindings []object `json:"bindings"`
		Etag     string   `json:"etag"`
	}
	if err := s.admin.call(ctx, "GET", "/v1/projects/shop:getIamPolicy", nil, &policy); err != nil {
		return err
	}
	bindings := append(policy.Bindings, object{"role": "roles/gitopsServiceAgent", "members": []string{"workloadIdentity:" + identity}})
	return s.admin.call(ctx, "POST", "/v1/projects/shop:setIamPolicy",
		object{"policy": object{"bindings": bindings}, "etag": policy.Etag}, nil)
}

// repository is what the pipeline's job has checked out.
var repository = map[string]string{
	"migrations/001_create_customer.sql": "CREATE TABLE customer (\n  id INTEGER PRIMARY KEY,\n  email TEXT NOT NULL UNIQUE\n);\n",
	"migrations/002_create_order.sql": "CREATE TABLE purchase (\n  id INTEGER PRIMARY KEY,\n  customer_id INTEGER NOT NULL REFERENCES customer (id),\n  total_cents INTEGER NOT NULL\n);\n" +
		"CREATE INDEX purchase_customer ON purchase (customer_id);\n",
	"migrations/003_first_customer.sql": "INSERT INTO customer (id, email) VALUES (1, 'ada@example.com');\n",
	"proposal/004_forget_everyone.sql":  "DELETE FROM customer;\n",
}

func (s *show) writeRepository(context.Context) error {
	for name, text := range repository {
		file := filepath.Join(s.dir, "shop", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return fmt.Errorf("write the repository: %w", err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write the repository: %w", err)
		}
	}
	return nil
}

// stranger shows that a job which is not trusted is kept out.
func (s *show) stranger(ctx context.Context) error {
	s.begin("A job of another project, acme/other, tries. GitLab signed its token too.")
	token, err := s.idToken("other", "main", "301")
	if err != nil {
		return err
	}
	if _, code, err := s.pipeline(ctx, token, "whoami"); err != nil || code != 3 {
		return fmt.Errorf("the stranger's job ended with exit code %d (%w), not 3: refused", code, err)
	}
	var exchanges struct {
		Exchanges []struct {
			Name, Reason string
			Allowed      bool
		}
	}
	if err := s.admin.call(ctx, "GET", "/v1/exchanges?pageSize=1", nil, &exchanges); err != nil {
		return err
	}
	if len(exchanges.Exchanges) != 1 || exchanges.Exchanges[0].Allowed {
		return fmt.Errorf("the refused exchange is not in the record: %+v", exchanges.Exchanges)
	}
	s.say("   Refused. The job learns nothing more; the administrator sees why under %s: %s.",
		exchanges.Exchanges[0].Name, exchanges.Exchanges[0].Reason)
	return nil
}

func (s *show) deploy(ctx context.Context) error {
	s.begin("A job on main rolls the migrations out: test first, then prod, each file in one transaction with its revision.")
	token, err := s.idToken("shop", "main", "303")
	if err != nil {
		return err
	}
	if _, code, err := s.pipeline(ctx, token, "rollout", "--file-pattern", "migrations/*.sql", "--targets", targets); err != nil || code != 0 {
		return fmt.Errorf("the rollout ended with exit code %d: %w", code, err)
	}
	return nil
}

func (s *show) again(ctx context.Context) error {
	s.begin("The same pipeline runs again: what is applied is recognised, nothing runs twice.")
	token, err := s.idToken("shop", "main", "304")
	if err != nil {
		return err
	}
	if _, code, err := s.pipeline(ctx, token, "rollout", "--file-pattern", "migrations/*.sql", "--targets", targets); err != nil || code != 0 {
		return fmt.Errorf("the second rollout ended with exit code %d: %w", code, err)
	}
	return nil
}

// review shows a check that finds something.
func (s *show) review(ctx context.Context) error {
	s.begin("The next change is proposed: a job reviews its SQL before anything runs.")
	token, err := s.idToken("shop", "main", "302")
	if err != nil {
		return err
	}
	_, code, err := s.pipeline(ctx, token, "check", "--file-pattern", "proposal/*.sql", "--targets", targets, "--check-release", "FAIL_ON_ERROR")
	if err != nil || code != 1 {
		return fmt.Errorf("the review ended with exit code %d (%w), not 1: findings", code, err)
	}
	s.say("   The job fails: the merge request shows the finding, and no database was touched.")
	return nil
}

// proof opens the databases themselves and counts.
func (s *show) proof(ctx context.Context) error {
	s.begin("The databases themselves, opened without Slipway:")
	for _, env := range []string{"test", "prod"} {
		file := filepath.Join(s.dir, "data", "databases", env, "shop.db")
		db, err := sql.Open("sqlite", "file:"+file+"?mode=ro")
		if err != nil {
			return fmt.Errorf("open %s: %w", file, err)
		}
		var customers, revisions int
		err = db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM customer), (SELECT count(*) FROM slipway_revision)`).Scan(&customers, &revisions)
		_ = db.Close() // read only: nothing is lost
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		if customers != 1 || revisions != 3 {
			return fmt.Errorf("%s holds %d customers and %d revisions, not 1 and 3", file, customers, revisions)
		}
		s.say("   %-4s  tables customer and purchase, %d customer, %d revisions", env, customers, revisions)
	}
	return nil
}
