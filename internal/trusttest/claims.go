package trusttest

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"slipway/internal/idtokentest"
)

func times(p Place) []Case {
	week := p.Trust()
	week.MaxLifetime = 7 * 24 * time.Hour
	past := func(exp any) map[string]any {
		return map[string]any{"exp": exp, "iat": p.at(-4000), "nbf": p.at(-4005)}
	}
	number := func(format string, seconds int64) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(format, p.at(seconds)))
	}
	threeDays := map[string]any{"iat": p.at(-172800), "nbf": p.at(-172805), "exp": p.at(86400)}
	return []Case{
		{ID: "T01", Name: "ended 1 s ago", Claims: past(p.at(-1)), Within: 29 * time.Second},
		{ID: "T01", Name: "ended 29 s ago", Claims: past(p.at(-29)), Within: time.Second},
		{ID: "T01", Name: "ended 30 s ago", Claims: past(p.at(-30)), Reason: "expired"},
		{ID: "T01", Name: "ended 31 s ago", Claims: past(p.at(-31)), Reason: "expired"},
		{ID: "T02", Name: "exp missing", Claims: claim("exp", nil), Reason: "claims_malformed"},
		{ID: "T02", Name: "exp null", Claims: claim("exp", null), Reason: "claims_malformed"},
		{ID: "T02", Name: "exp 0", Claims: claim("exp", 0), Reason: "expired"},
		{ID: "T02", Name: "exp negative", Claims: claim("exp", -5), Reason: "expired"},
		{ID: "T02", Name: "exp negative fraction", Claims: claim("exp", json.RawMessage("-0.5")), Reason: "expired"},
		{ID: "T02", Name: "exp a string", Claims: claim("exp", fmt.Sprint(p.at(3590))), Reason: "claims_malformed"},
		{ID: "T02", Name: "exp 1e300", Claims: claim("exp", json.RawMessage("1e300")), Reason: "claims_malformed"},
		{ID: "T02", Name: "exp with fraction", Claims: claim("exp", number("%d.5", 3590))},
		{ID: "T02", Name: "exp with fraction is rounded down", Claims: past(number("%d.9", -30)), Reason: "expired"},
		{ID: "T02", Name: "exp over 64 bits", Claims: claim("exp", json.RawMessage("9223372036854775808")), Reason: "claims_malformed"},
		{ID: "T02", Name: "exp the last of 64 bits", Claims: claim("exp", int64(math.MaxInt64)), Reason: "claims_malformed"},
		{ID: "T02", Name: "exp text NaN", Claims: claim("exp", "NaN"), Reason: "claims_malformed"},
		{ID: "T02", Name: "exp fraction with exponent", Claims: claim("exp", json.RawMessage("1.7e9")), Reason: "claims_malformed"},
		{ID: "T03", Name: "nbf in 30 s", Claims: claim("nbf", p.at(30))},
		{ID: "T03", Name: "nbf in 31 s", Claims: claim("nbf", p.at(31)), Reason: "not_yet_valid", Within: time.Second},
		{ID: "T03", Name: "nbf in a day", Claims: claim("nbf", p.at(86400)), Reason: "not_yet_valid"},
		{ID: "T03", Name: "nbf missing", Claims: claim("nbf", nil), Reason: "claims_malformed"},
		{ID: "T05", Name: "iat in 30 s", Claims: claim("iat", p.at(30))},
		{ID: "T05", Name: "iat in 31 s", Claims: claim("iat", p.at(31)), Reason: "issued_in_future", Within: time.Second},
		{ID: "T06", Name: "iat missing", Claims: claim("iat", nil), Reason: "claims_malformed"},
		{ID: "T07", Name: "iat after exp", Claims: map[string]any{"iat": p.at(20), "exp": p.at(19)}, Reason: "claims_malformed", Check: "issued_at"},
		{ID: "T08", Name: "lives 24 h", Claims: map[string]any{"iat": p.at(-10), "exp": p.at(86390)}},
		{ID: "T08", Name: "lives 24 h and 1 s", Claims: map[string]any{"iat": p.at(-10), "exp": p.at(86391)}, Reason: "lifetime_too_long"},
		{ID: "T09", Name: "a job of three days, two in", Trust: week, Claims: threeDays, Stored: true},
		{ID: "T09", Name: "the same without a longer lifetime", Claims: threeDays, Reason: "lifetime_too_long"},
		{ID: "T10", Name: "nbf long before iat", Claims: claim("nbf", p.at(-610))},
	}
}

func audiences(p Place) []Case {
	asGuided := p.Trust()
	asGuided.Audiences = []string{p.Issuer}
	two := p.Trust()
	two.Audiences = []string{"https://old.example.com", Audience}
	aud := func(v any) map[string]any { return claim("aud", v) }
	return []Case{
		{ID: "U01", Name: "missing", Claims: aud(nil), Reason: "audience_missing"},
		{ID: "U01", Name: "empty string", Claims: aud(""), Reason: "audience_missing"},
		{ID: "U01", Name: "empty array", Claims: aud([]string{}), Reason: "audience_missing"},
		{ID: "U01", Name: "array of an empty string", Claims: aud([]string{""}), Reason: "audience_missing"},
		{ID: "U02", Name: "the instance's default", Claims: aud(p.Issuer), Reason: "audience_mismatch"},
		{ID: "U02", Name: "vault", Claims: aud("vault"), Reason: "audience_mismatch"},
		{ID: "U02", Name: "sts.amazonaws.com", Claims: aud("sts.amazonaws.com"), Reason: "audience_mismatch"},
		{ID: "U02", Name: "bytebase", Claims: aud("bytebase"), Reason: "audience_mismatch"},
		{ID: "U02", Name: "the instance's default where it was configured", Trust: asGuided, Claims: aud(p.Issuer)},
		{ID: "U03", Name: "array of ours", Claims: aud([]string{Audience})},
		{ID: "U03", Name: "one of two configured", Trust: two, Claims: aud(Audience)},
		{ID: "U04", Name: "ours and another", Claims: aud([]string{Audience, "vault"}), Reason: "audience_multiple"},
		{ID: "U04", Name: "ours twice", Claims: aud([]string{Audience, Audience}), Reason: "audience_multiple"},
		{ID: "U04", Name: "both of two configured", Trust: two, Claims: aud(two.Audiences), Reason: "audience_multiple"},
		{ID: "U05", Name: "with slash", Claims: aud(Audience + "/"), Reason: "audience_mismatch"},
		{ID: "U05", Name: "upper case", Claims: aud(strings.ToUpper(Audience)), Reason: "audience_mismatch"},
		{ID: "U05", Name: "prefix", Claims: aud(Audience[:len(Audience)-1]), Reason: "audience_mismatch"},
		{ID: "U05", Name: "with space", Claims: aud(Audience + " "), Reason: "audience_mismatch"},
		{ID: "U06", Name: "of another identity", Claims: aud("https://db.example.com/wif/other"), Reason: "audience_mismatch"},
		{ID: "U07", Name: "object", Claims: aud(map[string]any{"0": Audience}), Reason: "claims_malformed"},
		{ID: "U07", Name: "number", Claims: aud(5), Reason: "claims_malformed"},
		{ID: "U07", Name: "bool", Claims: aud(true), Reason: "claims_malformed"},
		{ID: "U07", Name: "null", Claims: aud(null), Reason: "claims_malformed"},
		{ID: "U07", Name: "array with a number", Claims: aud([]any{Audience, 5}), Reason: "claims_malformed"},
		{ID: "U07", Name: "nested array", Claims: aud([]any{[]any{Audience}}), Reason: "claims_malformed"},
		{ID: "C03", Name: "job_id missing", Claims: claim("job_id", nil), Reason: "not_a_job_token"},
		{ID: "C03", Name: "job_id empty", Claims: claim("job_id", ""), Reason: "not_a_job_token"},
		{ID: "C03", Name: "pipeline_id missing", Claims: claim("pipeline_id", nil), Reason: "not_a_job_token"},
		{ID: "C03", Name: "pipeline_id empty", Claims: claim("pipeline_id", ""), Reason: "not_a_job_token"},
	}
}

func types() []Case {
	return []Case{
		{ID: "A28", Name: "sub a number", Claims: claim("sub", 20), Reason: "claims_malformed"},
		{ID: "A28", Name: "Sub beside no sub", Claims: map[string]any{"sub": nil, "Sub": "project_path:my-group/app:ref_type:branch:ref:main"}, Reason: "claims_malformed"},
		{ID: "A28", Name: "iss an array", Claims: claim("iss", []string{"https://gitlab.example.com"}), Reason: "claims_malformed"},
		{ID: "A28", Name: "jti a number", Claims: claim("jti", 7), Reason: "claims_malformed"},
		{ID: "A28", Name: "project_id a number", Claims: claim("project_id", 20), Reason: "claims_malformed"},
		{ID: "A28", Name: "ref_protected a bool", Claims: claim("ref_protected", true), Reason: "claims_malformed"},
		{ID: "A28", Name: "project_path null", Claims: claim("project_path", null), Reason: "claims_malformed"},
		{ID: "A28", Name: "runner_id a string", Claims: claim("runner_id", "1"), Reason: "claims_malformed"},
		{ID: "A28", Name: "configuration in another project", Claims: claim("ci_config_ref_uri", null)},
		{ID: "B15", Name: "ref_protected a bool", Claims: claim("ref_protected", true), Reason: "claims_malformed"},
		{ID: "R08", Name: "jti empty", Claims: claim("jti", ""), Reason: "claims_malformed"},
		{ID: "R08", Name: "jti missing", Claims: claim("jti", nil), Reason: "claims_malformed"},
		{ID: "R08", Name: "jti of 10 KiB", Claims: claim("jti", strings.Repeat("j", 10<<10)), Reason: "claims_malformed"},
		{
			ID: "M03", Name: "fork of the project", Job: idtokentest.Job{Project: "evil/app"}, Reason: "project_mismatch",
			Claims: map[string]any{"project_id": "999", "job_project_path": "my-group/app", "job_project_id": "20"},
		},
	}
}
