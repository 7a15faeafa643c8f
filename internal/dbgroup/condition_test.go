package dbgroup_test

import (
	"slices"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/dbgroup"
)

func candidate(name, env string, labels map[string]string) dbgroup.Candidate {
	return dbgroup.Candidate{
		DatabaseRef: slipway.DatabaseRef{Instance: "pg", Database: name}, Labels: labels, Environment: env,
	}
}

func TestPick(t *testing.T) {
	list := []dbgroup.Candidate{
		candidate("shop_eu", "prod", map[string]string{"tier": "gold"}),
		candidate("shop_us", "prod", nil),
		candidate("shop_dev", "test", map[string]string{"tier": "none", "team": "shop"}),
	}
	for _, tc := range []struct {
		why, expr string
		want      []string
	}{
		{"all", `true`, []string{"shop_eu", "shop_us", "shop_dev"}},
		{"by environment", `resource.environment_id == "prod"`, []string{"shop_eu", "shop_us"}},
		{"by instance, none", `resource.instance_id == "lite"`, nil},
		{"by names", `resource.database_name in ["shop_us", "shop_dev", "x"]`, []string{"shop_us", "shop_dev"}},
		{"by a label", `resource.database_labels["tier"] == "gold"`, []string{"shop_eu"}},
		{"by another label, which some do not have", `resource.database_labels["tier"] != "gold"`, []string{"shop_us", "shop_dev"}},
		{"by a label spelled as a field", `resource.database_labels.team == "shop"`, []string{"shop_dev"}},
		{"by having a label", `"tier" in resource.database_labels`, []string{"shop_eu", "shop_dev"}},
		{"by parts of the name", `resource.database_name.startsWith("shop_") && !resource.database_name.endsWith("dev")`, []string{"shop_eu", "shop_us"}},
		{"by a pattern", `resource.database_name.matches("^shop_(eu|dev)$")`, []string{"shop_eu", "shop_dev"}},
		{"either", `resource.environment_id == "test" || resource.database_name.contains("us")`, []string{"shop_us", "shop_dev"}},
	} {
		t.Run(tc.why, func(t *testing.T) {
			c, err := dbgroup.Compile(tc.expr)
			if err != nil {
				t.Fatal(err)
			}
			picked, err := c.Pick(list)
			var got []string
			for _, d := range picked {
				got = append(got, d.Database)
			}
			if err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("%s picks %v, %v; want %v", tc.expr, got, err, tc.want)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, tc := range []struct{ why, expr, says string }{
		{"nothing", " ", "empty"},
		{"a text", `resource.database_name`, "true or false"},
		{"what is not known of a database", `resource.owner == "ann"`, "line 1, column 1: undeclared reference to 'resource'"},
		{"another type", `resource.database_name == 1`, "no matching overload"},
		{"half a condition", `resource.database_name ==`, "Syntax error"},
		{"too much", `resource.database_name in ["` + strings.Repeat("a", 2048) + `"]`, "2048 bytes"},
		{"loops", `resource.database_labels.exists(k, k == "a")`, "undeclared reference"},
		{"deep nesting", strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200), "recursion"},
		{"another function", `size(resource.database_name) == 3`, `"size"`},
		{"texts put together", `resource.database_name == "a" + "b"`, `"+"`},
		{"a broken pattern", `resource.database_name.matches("(")`, "missing closing )"},
		{"a pattern that grows", `resource.database_name.matches("(a{99}){99}")`, "without {"},
		{"a pattern that is not a literal", `resource.database_name.matches(resource.instance_id)`, "text in quotes"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			_, err := dbgroup.Compile(tc.expr)
			if err == nil || slipway.KindOf(err) != slipway.Invalid || !strings.Contains(slipway.MessageOf(err), tc.says) {
				t.Errorf("%.80s: %v, want an Invalid that says %q", tc.expr, err, tc.says)
			}
		})
	}
}
