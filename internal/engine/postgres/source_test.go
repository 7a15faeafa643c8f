package postgres_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/engine"
	"slipway/internal/engine/postgres"
)

func TestASourceThatDoesNotWorkSaysWhy(t *testing.T) {
	b := newBench(t, postgres.Config{})
	for _, tc := range []struct {
		name string
		edit func(*slipway.Source)
		kind slipway.Kind
		word string
	}{
		{"wrong password", func(s *slipway.Source) { s.Password = "wrong-secret" }, slipway.Precondition, `does not let "postgres" in`},
		{"nobody listens", func(s *slipway.Source) { s.Port = "1" }, slipway.Unavailable, "refused"},
		{"no such host", func(s *slipway.Source) { s.Host = "no-such-host.invalid" }, slipway.Unavailable, "not found"},
		{"no port", func(s *slipway.Source) { s.Port = "http" }, slipway.Invalid, "no address"},
		{"TLS where the server has none", func(s *slipway.Source) { s.TLS = true }, slipway.Unavailable, "TLS: true"},
		{"a parameter that names a file", func(s *slipway.Source) { s.Extra = map[string]string{"sslkey": "/etc/passwd"} }, slipway.Invalid, `"sslkey" is not allowed`},
		{"a parameter that the server refuses", func(s *slipway.Source) { s.Extra = map[string]string{"work_mem": "much"} }, slipway.Unavailable, "work_mem"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			src := b.Source
			tc.edit(&src)
			_, err := b.eng.Version(t.Context(), src)
			if slipway.KindOf(err) != tc.kind || !strings.Contains(slipway.MessageOf(err), tc.word) {
				t.Errorf("got kind %d: %v, want kind %d with %q", slipway.KindOf(err), err, tc.kind, tc.word)
			}
			if strings.Contains(fmt.Sprint(err), "wrong-secret") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

// as returns the bench's source for a new role, which is dropped in the end.
func (b *bench) as(name string) slipway.Source {
	b.t.Helper()
	role := b.Name + "_" + name
	dbtest.Exec(b.t, b.URL, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'pw'; REVOKE CREATE ON SCHEMA public FROM PUBLIC", role))
	b.t.Cleanup(func() { dbtest.Exec(b.t, b.URL, fmt.Sprintf("DROP OWNED BY %s CASCADE; DROP ROLE %[1]s", role)) })
	src := b.Source
	src.Username, src.Password = role, "pw"
	return src
}

func TestWhereTheLedgerGoes(t *testing.T) {
	for _, tc := range []struct{ name, grant, want string }{
		{"in public where the role may", "GRANT CREATE ON SCHEMA public TO %s", "public"},
		{"in a schema of its own otherwise", "GRANT CREATE ON DATABASE %[2]s TO %[1]s", "slipway"},
		{"nowhere without a right", "GRANT CONNECT ON DATABASE %[2]s TO %[1]s", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, postgres.Config{})
			src := b.as("owner")
			grant := fmt.Sprintf(tc.grant, src.Username)
			if strings.Contains(tc.grant, "[2]") {
				grant = fmt.Sprintf(tc.grant, src.Username, b.Name)
			}
			dbtest.Exec(t, b.URL, grant)
			b.Source = src
			for range 2 { // the second time it is found
				s, err := b.eng.Lock(t.Context(), src, b.Name, engine.Holder{})
				if tc.want == "" {
					if slipway.KindOf(err) != slipway.Precondition || !strings.Contains(slipway.MessageOf(err), "GRANT CREATE") {
						t.Errorf("got %v, want a Precondition that says what to grant", err)
					}
					return
				}
				b.must(err)
				b.must(b.apply(s, "1", "SELECT 1;", nil))
				b.must(s.Close(t.Context()))
			}
			b.want("SELECT count(*) FROM "+tc.want+".slipway_revision", "1")
			revs, err := b.eng.Revisions(t.Context(), src, b.Name)
			if err != nil || len(revs) != 1 {
				t.Errorf("got revisions %v and error %v, want one", revs, err)
			}
		})
	}
}

func TestAStrangersLedgerIsNotBelieved(t *testing.T) {
	b := newBench(t, postgres.Config{})
	src, mallory := b.as("owner"), b.as("mallory")
	dbtest.Exec(t, b.URL, fmt.Sprintf("GRANT CREATE ON SCHEMA public TO %s, %s", src.Username, mallory.Username))
	u, err := url.Parse(b.URL)
	b.must(err)
	u.User = url.UserPassword(mallory.Username, "pw")
	dbtest.Exec(t, u.String(), "CREATE TABLE slipway_revision (id text)")
	_, err = b.eng.Lock(t.Context(), src, b.Name, engine.Holder{})
	if slipway.KindOf(err) != slipway.Precondition || !strings.Contains(slipway.MessageOf(err), mallory.Username) {
		t.Errorf("got %v, want a Precondition that names the table's owner", err)
	}
}

func TestSchemaCanBeReplayed(t *testing.T) {
	a, b := newBench(t, postgres.Config{}), newBench(t, postgres.Config{})
	b.must(a.apply(a.lock(), "1", `
		CREATE SCHEMA "Odd Name";
		CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
		CREATE DOMAIN price AS numeric(10,2) DEFAULT 0 NOT NULL CHECK (value >= 0);
		CREATE SEQUENCE numbers START 5 INCREMENT 2;
		CREATE FUNCTION double(x int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT x * 2 $$;
		CREATE TABLE parent (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood DEFAULT 'sad', twice int GENERATED ALWAYS AS (id * 2) STORED);
		CREATE TABLE "Odd Name"."T" (id bigserial PRIMARY KEY, p int NOT NULL REFERENCES parent (id), n int DEFAULT nextval('numbers'), cost price, CONSTRAINT c CHECK (n > 0));
		CREATE INDEX i ON "Odd Name"."T" (double(n)) WHERE n > 1;
		CREATE TABLE log (at date NOT NULL) PARTITION BY RANGE (at);
		CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
		CREATE VIEW seen AS SELECT id FROM parent WHERE m = 'sad';
		CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
		CREATE TRIGGER t BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION nothing();
		ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
		CREATE POLICY only_sad ON parent FOR SELECT USING (m = 'sad');
		COMMENT ON TABLE parent IS 'it''s a comment'; COMMENT ON COLUMN parent.m IS 'how';`, nil))
	want, err := a.eng.Schema(t.Context(), a.Source, a.Name)
	b.must(err)
	dbtest.Exec(t, b.URL, want)
	got, err := b.eng.Schema(t.Context(), b.Source, b.Name)
	b.must(err)
	if got != want {
		t.Errorf("replayed, the schema reads\n%s\nwant\n%s", got, want)
	}
	for _, word := range []string{"Odd Name", "it''s ok", "numbers", "double", "only_sad", "log_2026", "seen", "it''s a comment"} {
		if !strings.Contains(want, word) {
			t.Errorf("the schema lacks %q:\n%s", word, want)
		}
	}
}

func TestExamineEstimatesRows(t *testing.T) {
	b := newBench(t, postgres.Config{})
	b.must(b.apply(b.lock(), "1", "CREATE TABLE users AS SELECT g AS id, 'x' AS email FROM generate_series(1, 1000) g;", nil))
	dbtest.Exec(t, b.URL, "ANALYZE users")
	got, err := b.eng.Examine(t.Context(), b.Source, b.Name, []engine.ExamineFile{
		{Path: "a", Statement: []byte("UPDATE users SET email = 'y'; INSERT INTO users VALUES (1), (2);")},
		{Path: "b", Statement: []byte("UPDATE made_by_a SET x = 1; CREATE TABLE t (id int); syntax error here")},
		{Path: "c", Statement: []byte("DELETE FROM users WHERE id = 7;")},
	})
	b.must(err)
	if len(got) != 3 || got[0].Affected != 1002 || got[1].Affected != 0 || got[2].Affected != 1 {
		t.Errorf("got %+v, want 1002, 0 and 1 rows", got)
	}
	b.want("SELECT count(*) FROM users WHERE email = 'x'", "1000")
}

func TestTheSourcesRoleStays(t *testing.T) {
	b := newBench(t, postgres.Config{})
	role := b.as("maker").Username
	dbtest.Exec(t, b.URL, "GRANT CREATE ON SCHEMA public TO "+role)
	b.Source.Extra = map[string]string{"role": role, "search_path": "public"}
	s := b.lock()
	b.must(b.apply(s, "1", "CREATE TABLE a (id int); RESET ROLE; SET ROLE NONE;", nil))
	b.must(b.apply(s, "2", "CREATE TABLE b (id int);", nil))
	b.want("SELECT count(*) FROM pg_class WHERE relname IN ('a', 'b', 'slipway_revision') AND pg_get_userbyid(relowner) = '"+role+"'", "3")
}
