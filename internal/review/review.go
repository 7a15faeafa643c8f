// Package review reads migration files before a database does, and says what
// is wrong with them, what is dangerous, and what to do instead. It is pure: it
// knows the text, the engine's kind and the tables that earlier files of the
// same release make, and nothing of any database.
//
// A rule must not lie: what it cannot judge from that alone it does not report.
//
// Rules for PostgreSQL see the tree of its own parser, one statement at a time.
// Rules for SQLite see words and parentheses; whether SQLite takes a statement
// at all is found out by running it on a copy, elsewhere. Each rule is a file
// here and a line in the list below; testdata holds cases for it.
package review

import (
	"errors"

	"slipway"
	"slipway/internal/sqltext"
)

// rules is every rule, in the order of their findings on one statement.
var rules = []rule{
	whereRequired,
	truncate,
	control,
	compatible,
	primaryKey,
	noNull,
	concurrently,
	foreignKey,
	notNull,
	volatile,
	selectAll,
	insertColumns,
	serverAccess,
}

// A rule looks at each statement of a file in order.
type rule struct {
	id    string
	what  string // one line for people who choose rules
	level slipway.AdviceLevel
	// fixed rules are about files that cannot be run: no configuration turns
	// them off.
	fixed    bool
	postgres func(*postgresStatement, *report) // nil: the rule is not for PostgreSQL
	sqlite   func(*sqliteStatement, *report)   // nil: the rule is not for SQLite
}

// serves reports whether the rule looks at files for e.
func (r rule) serves(e slipway.Engine) bool {
	return e == slipway.Postgres && r.postgres != nil || e == slipway.SQLite && r.sqlite != nil
}

// A RuleConfig sets the level of a rule.
type RuleConfig struct {
	ID    string
	Level slipway.AdviceLevel // "" turns the rule off
}

// A RuleInfo describes a rule for an engine, for people who choose rules.
type RuleInfo struct {
	ID    string
	What  string
	Level slipway.AdviceLevel // unless configured otherwise
	Fixed bool                // cannot be configured
}

// Catalog lists the rules that look at files for e.
func Catalog(e slipway.Engine) []RuleInfo {
	var infos []RuleInfo
	for _, r := range rules {
		if r.serves(e) {
			infos = append(infos, RuleInfo{ID: r.id, What: r.what, Level: r.level, Fixed: r.fixed})
		}
	}
	return infos
}

// An Input is one file to be reviewed.
type Input struct {
	Engine slipway.Engine
	Text   []byte // as uploaded
	// Rules sets levels other than the rules' own. Ids that no rule has are
	// passed over.
	Rules []RuleConfig
	// CreatedBefore is what Check returned as Created for the earlier files of
	// the release that are still to be applied: nobody uses those tables yet.
	CreatedBefore []string
}

// An Output is what Check found in a file.
type Output struct {
	Advices []slipway.Advice
	Risk    slipway.RiskLevel // "" where no statement could be read
	Created []string          // the tables that the file makes, as a later Input takes them
}

// MaxText is the size of a file in bytes up to which its statements are parsed:
// the parser takes about 80 bytes of memory for each of them. Larger files are
// still cut, and what cannot be run is found in them too.
const MaxText = 2 << 20

// Check reviews one file. It never fails: what it could not look at is an
// advice as well. At most 50 errors and 50 warnings are told, then how many
// there are besides.
func Check(in Input) Output {
	c := check{engine: in.Engine, report: newReport(), made: map[string]bool{}}
	c.facts = facts{indexes: map[string]bool{}, checks: map[string]string{}, proven: map[string]bool{}}
	for _, name := range in.CreatedBefore {
		c.made[name] = true
	}
	for _, r := range rules {
		if r.serves(in.Engine) {
			c.rules = append(c.rules, configured(r, in.Rules))
		}
	}
	c.file(in.Text)
	return Output{Advices: c.report.advices(), Risk: c.risk, Created: c.created}
}

// configured returns r with the level that configs set.
func configured(r rule, configs []RuleConfig) rule {
	for _, conf := range configs {
		if conf.ID == r.id && !r.fixed {
			r.level = conf.Level
		}
	}
	return r
}

// A check is the review of one file.
type check struct {
	engine  slipway.Engine
	rules   []rule
	report  *report
	risk    slipway.RiskLevel
	made    map[string]bool // tables that nobody uses yet
	created []string
	facts
}

// facts are what rules keep from one statement of a file for a later one.
type facts struct {
	indexes map[string]bool   // made in the file on tables that nobody uses yet
	checks  map[string]string // table.constraint → column of a CHECK (column IS NOT NULL) that is NOT VALID
	proven  map[string]bool   // table.column that a valid CHECK keeps from NULL
}

func (c *check) file(raw []byte) {
	text, err := sqltext.Prepare(raw)
	if err != nil {
		c.problem(err)
		return
	}
	large := len(text) > MaxText
	if large {
		c.report.tell(notReviewed(1, "The file has %.1f MiB, and files above %d MiB are not reviewed: split it, or have a person read it", float64(len(text))/(1<<20), MaxText>>20))
	}
	dialect := sqltext.Postgres
	if c.engine == slipway.SQLite {
		dialect = sqltext.SQLite
	}
	for st, err := range sqltext.Split(dialect, text) {
		switch {
		case err != nil:
			c.problem(err)
		case c.preflight(st) || large:
			c.raise(riskOf(st.Kind))
		default:
			c.statement(st)
		}
	}
}

// statement puts the rules to one statement.
func (c *check) statement(st sqltext.Statement) {
	if c.engine == slipway.SQLite {
		c.raise(riskOf(st.Kind))
		s := newSQLiteStatement(st, c)
		for _, r := range c.rules {
			if c.report.of(r, st) {
				r.sqlite(s, c.report)
			}
		}
		c.makes(s.creates())
		return
	}
	nodes, err := parse(st)
	if err != nil {
		var syntax *syntaxError
		if errors.As(err, &syntax) {
			c.report.tell(syntaxAdvice(syntax.line, syntax.column, syntax.message))
			return
		}
		c.raise(riskOf(st.Kind))
		c.report.tell(notReviewed(st.Line, "The statement is not reviewed: %v", err))
		return
	}
	for _, node := range nodes {
		s := &postgresStatement{Statement: st, node: node, tree: treeOf(node), check: c}
		c.raise(riskOf(st.Kind))
		c.raise(riskWithin(s.tree))
		for _, r := range c.rules {
			if c.report.of(r, st) {
				r.postgres(s, c.report)
			}
		}
		c.makes(s.creates())
	}
}

// makes notes a table that nobody uses yet; "" is none.
func (c *check) makes(table string) {
	if table != "" && !c.made[table] {
		c.made[table] = true
		c.created = append(c.created, table)
	}
}
