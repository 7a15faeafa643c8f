package console

import (
	"slices"
	"strconv"
	"strings"

	"slipway"
	"slipway/internal/inventory"
	"slipway/internal/sqltext"
)

// A schema is what a database is made of, read off its DDL for people: it need
// not be complete, since the DDL stands beside it.
type schema struct {
	Tables []*schemaTable
	Others []schemaObject // in the order of the DDL
}

type schemaTable struct {
	Name        string
	Columns     []schemaColumn
	Indexes     []schemaObject
	Constraints []string
}

type schemaColumn struct{ Name, Rest string }

// A schemaObject is a view, a function, an index.
type schemaObject struct {
	Kind, Name, SQL string
}

// newSchema reads DDL as the engines write it.
func newSchema(engine slipway.Engine, ddl string) schema {
	d := dialects[engine]
	if d == 0 {
		d = sqltext.Postgres
	}
	var s schema
	byName := map[string]*schemaTable{}
	for st, err := range sqltext.Split(d, []byte(ddl)) {
		if err != nil {
			break // unreachable unless a server spells its own objects wrong
		}
		w := ddlWords(d, st.Text)
		switch {
		case st.Kind == "CREATE TABLE":
			t := newTable(w)
			byName[t.Name] = t
			s.Tables = append(s.Tables, t)
			continue
		case st.Kind == "CREATE INDEX":
			if t := byName[w.after("ON", "ONLY")]; t != nil {
				t.Indexes = append(t.Indexes, schemaObject{"index", w.after("INDEX", "CONCURRENTLY", "IF", "NOT", "EXISTS"), st.Text})
				continue
			}
		case st.Kind == "ALTER TABLE":
			if t := byName[w.after("TABLE", "ONLY")]; t != nil {
				_, rest, _ := strings.Cut(st.Text, " ADD ")
				if rest == "" {
					rest = strings.Join(strings.Fields(st.Text), " ")
				}
				t.Constraints = append(t.Constraints, rest)
				continue
			}
		}
		kind := strings.ToLower(strings.TrimPrefix(string(st.Kind), "CREATE "))
		last := strings.ToUpper(kind[strings.LastIndexByte(kind, ' ')+1:])
		s.Others = append(s.Others, schemaObject{kind, w.after(last, "IF", "NOT", "EXISTS"), st.Text})
	}
	return s
}

// A ddl is a statement in tokens.
type ddl struct {
	text   string
	tokens []sqltext.Token
}

func ddlWords(d sqltext.Dialect, text string) ddl {
	return ddl{text, slices.Collect(sqltext.Tokens(d, []byte(text)))}
}

func (w ddl) at(i int) string {
	if i >= len(w.tokens) {
		return ""
	}
	return w.text[w.tokens[i].Start:w.tokens[i].End]
}

// after returns the name behind the first of a keyword, words of no matter
// passed over. The schema public goes without saying.
func (w ddl) after(keyword string, skip ...string) string {
	for i := range w.tokens {
		if !strings.EqualFold(w.at(i), keyword) {
			continue
		}
		i++
		for slices.ContainsFunc(skip, func(s string) bool { return strings.EqualFold(s, w.at(i)) }) {
			i++
		}
		name, _ := w.name(i)
		return name
	}
	return ""
}

// name reads a name, with its schema if it has one, and returns the token
// behind it.
func (w ddl) name(i int) (string, int) {
	name := unquote(w.at(i))
	for w.at(i+1) == "." {
		i += 2
		if name == "public" {
			name = unquote(w.at(i))
			continue
		}
		name += "." + unquote(w.at(i))
	}
	return name, i + 1
}

func unquote(name string) string {
	if len(name) >= 2 && strings.ContainsRune("\"`[", rune(name[0])) {
		quote := name[len(name)-1:]
		return strings.ReplaceAll(name[1:len(name)-1], quote+quote, quote)
	}
	return name
}

// newTable reads CREATE TABLE: what stands between its first brackets, apart by
// commas, is a column, unless it begins as a constraint does.
func newTable(w ddl) *schemaTable {
	t := &schemaTable{Name: w.after("TABLE", "IF", "NOT", "EXISTS")}
	depth, from := 0, -1
	for i := range w.tokens {
		switch w.at(i) {
		case "(":
			if depth++; depth == 1 {
				from = i + 1
			}
			continue
		case ")":
			depth--
		case ",":
		default:
			continue
		}
		if from >= 0 && (depth == 0 || depth == 1 && w.at(i) == ",") {
			t.add(w, from, i)
			if from = i + 1; depth == 0 {
				break
			}
		}
		if depth == 0 {
			break
		}
	}
	return t
}

var constraintWords = []string{"CONSTRAINT", "PRIMARY", "FOREIGN", "UNIQUE", "CHECK", "EXCLUDE", "LIKE"}

// add takes the tokens from one to another for a column or a constraint.
func (t *schemaTable) add(w ddl, from, to int) {
	if from >= to {
		return
	}
	text := func(from int) string {
		if from >= to {
			return ""
		}
		return strings.Join(strings.Fields(w.text[w.tokens[from].Start:w.tokens[to-1].End]), " ")
	}
	if w.tokens[from].Kind == sqltext.Word && slices.Contains(constraintWords, strings.ToUpper(w.at(from))) {
		t.Constraints = append(t.Constraints, text(from))
		return
	}
	t.Columns = append(t.Columns, schemaColumn{unquote(w.at(from)), text(from + 1)})
}

type schemaPage struct {
	databaseFrame
	Search string
	AsSQL  bool
	Code   *code
	Raw    bool
	Tables []tableCard
	Others []objectCard
	All    int // tables there are
	Wrong  string
	Pager  pager
}

// A tableCard is a table with its SQL coloured.
type tableCard struct {
	Name        string
	Columns     []columnRow
	Indexes     [][]piece
	Constraints [][]piece
}

type columnRow struct {
	Name string
	Rest []piece
}

type objectCard struct {
	Kind, Name string
	Code       code
}

// Bounds of the page of a schema.
const (
	tablesPerPage = 40
	othersPerPage = 40
	sqlOfObject   = 4 << 10
)

// databaseSchema shows the structure of a database as it is now.
func (c *Console) databaseSchema(v visit) error {
	f, err := c.inDatabase(v, "Schema")
	if err != nil {
		return err
	}
	p := schemaPage{databaseFrame: f, Search: v.query("q"), AsSQL: v.query("as") == "sql"}
	text, err := c.Inventory.Schema(v.ctx(), v.who, inventory.Place{DatabaseRef: f.Row.DatabaseRef, Project: f.Project.ID})
	if err != nil {
		if p.Wrong, err = unanswered(err); err != nil {
			return err
		}
		return c.show(v, "database_schema", p)
	}
	engine := f.Row.On.Engine
	if p.AsSQL {
		head, cut := upTo([]byte(text), sqlAlone)
		shown := newCode("The schema of "+f.Row.DatabaseRef.Database, engine, head)
		shown.Cut = cut
		p.Code = &shown
		return c.show(v, "database_schema", p)
	}
	if err := p.fill(v, newSchema(engine, text), engine); err != nil {
		return err
	}
	return c.show(v, "database_schema", p)
}

// unanswered returns in words why a database did not answer; other errors it
// returns.
func unanswered(err error) (string, error) {
	switch slipway.KindOf(err) {
	case slipway.Precondition, slipway.NotFound, slipway.Unavailable, slipway.Timeout, slipway.Invalid:
		return sentence(slipway.MessageOf(err)), nil
	}
	return "", err
}

// fill chooses what the page shows of a schema.
func (p *schemaPage) fill(v visit, s schema, engine slipway.Engine) error {
	page, err := v.after(tablesPerPage)
	if err != nil {
		return err
	}
	from, _ := strconv.Atoi(page.After)
	p.All = len(s.Tables)
	fits := func(name string) bool { return strings.Contains(strings.ToLower(name), strings.ToLower(p.Search)) }
	tables := slices.DeleteFunc(s.Tables, func(t *schemaTable) bool { return !fits(t.Name) })
	tables = tables[min(max(from, 0), len(tables)):]
	p.Pager = v.pager("")
	if len(tables) > tablesPerPage {
		tables = tables[:tablesPerPage]
		p.Pager = v.pager(strconv.Itoa(from + tablesPerPage))
	}
	line := func(text string) []piece { return newCode("", engine, []byte(oneLine(text, 400))).Lines[0].Pieces }
	for _, t := range tables {
		card := tableCard{Name: t.Name}
		for _, col := range t.Columns {
			card.Columns = append(card.Columns, columnRow{col.Name, line(col.Rest)})
		}
		for _, i := range t.Indexes {
			card.Indexes = append(card.Indexes, line(i.SQL))
		}
		for _, text := range t.Constraints {
			card.Constraints = append(card.Constraints, line(text))
		}
		p.Tables = append(p.Tables, card)
	}
	if p.Pager.Next != "" {
		return nil // other objects stand behind the last table
	}
	for _, o := range s.Others {
		if !fits(o.Name) || len(p.Others) == othersPerPage {
			continue
		}
		text, cut := upTo([]byte(o.SQL), sqlOfObject)
		shown := newCode("The SQL of "+o.Kind+" "+o.Name, engine, text)
		shown.Cut = cut
		p.Others = append(p.Others, objectCard{o.Kind, o.Name, shown})
	}
	return nil
}
