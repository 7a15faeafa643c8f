package trusttest

import (
	"net/url"
	"strings"
	"testing"

	"slipway/internal/idtokentest"
)

// payload signs what change makes of the claims' JSON.
func payload(change func(good string) string) maker {
	return func(t testing.TB, p Place, claims map[string]any) string {
		t.Helper()
		good := string(marshal(t, claims))
		bad := change(good)
		if bad == good {
			t.Fatal("the payload is the good one")
		}
		return p.Keys.K1.SignBytes(t, []byte(`{"alg":"RS256","kid":"k1","typ":"JWT"}`), []byte(bad))
	}
}

func payloads() []Case {
	bad := func(id, name string, change func(good string) string) Case {
		return Case{ID: id, Name: name, Raw: payload(change), Reason: "claims_malformed"}
	}
	first := func(member string) func(string) string {
		return func(good string) string { return "{" + member + "," + good[1:] }
	}
	inSub := func(s string) func(string) string {
		return func(good string) string {
			return strings.Replace(good, `"sub":"project_path`, `"sub":"`+s+`project_path`, 1)
		}
	}
	whole := func(s string) func(string) string { return func(string) string { return s } }
	return []Case{
		bad("A22", "sub twice", first(`"sub":"x"`)),
		bad("A22", "aud twice", first(`"aud":"x"`)),
		bad("A22", "project_id twice", first(`"project_id":"21"`)),
		bad("A22", "project_path twice", first(`"project_path":"evil/app"`)),
		bad("A22", "a name twice by an escape", first(`"s\u0075b":"x"`)),
		bad("A22", "a name twice, nested", first(`"job_config":{"url":"a","url":"b"}`)),
		bad("A24", "null", whole(`null`)),
		bad("A24", "array", whole(`[]`)),
		bad("A24", "string", whole(`"x"`)),
		bad("A24", "empty object", whole(`{}`)),
		bad("A24", "trailing garbage", func(good string) string { return good + "garbage" }),
		bad("A24", "a second object", func(good string) string { return good + "{}" }),
		bad("A24", "byte order mark", func(good string) string { return "\ufeff" + good }),
		bad("A24", "invalid UTF-8 in sub", inSub("\xff")),
		bad("A24", "lone surrogate", inSub(`\ud800`)),
	}
}

func issuers(p Place) []Case {
	u, err := url.Parse(p.Issuer)
	if err != nil {
		panic(err) // unreachable unless a test names no URL
	}
	says := func(id, name, iss string) Case {
		return Case{ID: id, Name: name, Claims: claim("iss", iss), Reason: "issuer_mismatch", Quiet: true}
	}
	return []Case{
		says("I01", "slash behind", p.Issuer+"/"),
		says("I01", "http", "http://"+u.Host),
		says("I01", "capitals", strings.ToUpper(p.Issuer)),
		says("I01", "usual port", "https://"+u.Hostname()+":443"),
		says("I01", "user", "https://u@"+u.Host),
		says("I01", "bare host, as CI_JOB_JWT has it", u.Host),
		says("I05", "a slash more than the identity's", p.Issuer+"/"),
		{ID: "I02", Name: "signed by the other issuer", Claims: claim("iss", p.Other), Reason: "issuer_mismatch", Quiet: true, Raw: evil},
		{ID: "I02", Name: "another iss, signed by ours", Claims: claim("iss", p.Other), Reason: "issuer_mismatch", Quiet: true},
	}
}

// classes are tokens that the issuer made for something else than a job.
func classes(p Place) []Case {
	says := map[string]any{
		"iss": p.Issuer, "aud": Audience, "sub": "1", "jti": "a", "iat": p.at(0), "nbf": p.at(0), "exp": p.at(120), "auth_time": p.at(0),
		"name": "Sample", "email": "sample@example.com", "email_verified": true, "groups_direct": []string{"my-group"},
	}
	alike := idtokentest.With(says, map[string]any{
		"name": "project_path:my-group/app:ref_type:branch:ref:main", "groups_direct": []string{"project_path:my-group/app"},
		"sub": "project_path:my-group/app:ref_type:branch:ref:main",
	})
	by := func(k func(Keys) idtokentest.Key, says map[string]any) maker {
		return func(t testing.TB, p Place, _ map[string]any) string {
			t.Helper()
			return k(p.Keys).Sign(t, says)
		}
	}
	login := func(k Keys) idtokentest.Key { return k.Login }
	job := func(k Keys) idtokentest.Key { return k.K1 }
	return []Case{
		{ID: "C01", Name: "sign-in token with our audience", Raw: by(login, says), Reason: "not_a_job_token"},
		{ID: "C01", Name: "sign-in token by the job key", Raw: by(job, says), Reason: "not_a_job_token"},
		{ID: "C02", Name: "names that look like claims", Raw: by(login, alike), Reason: "not_a_job_token"},
		{ID: "C02", Name: "names that look like claims, by the job key", Raw: by(job, alike), Reason: "not_a_job_token"},
	}
}
