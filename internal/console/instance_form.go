package console

import (
	"net/url"
	"strings"

	"slipway"
	"slipway/internal/inventory"
)

// An instanceForm is the fields of an instance.
type instanceForm struct {
	Form    form
	Engines []option
	TLS     []option
	Places  []option
	Edit    bool
	Tried   *tried // what the instance said; nil when it was not asked
	At      string // URL of the form
}

// A tried is what came of a test of the connection.
type tried struct {
	OK   bool
	Text string
}

var engineOptions = []option{
	{Value: string(slipway.Postgres), Label: "PostgreSQL"},
	{Value: string(slipway.SQLite), Label: "SQLite"},
}

// Ways to guard a connection.
const (
	tlsVerify = "verify"
	tlsOnly   = "require"
	tlsNone   = "none"
)

var tlsOptions = []option{
	{Value: tlsVerify, Label: "On, and the certificate is checked"},
	{Value: tlsOnly, Label: "On, whoever answers"},
	{Value: tlsNone, Label: "Off"},
}

func (c *Console) instanceForm(v visit, f form, at string, edit bool) (instanceForm, error) {
	envs, err := c.environments(v)
	return instanceForm{Form: f, Engines: engineOptions, TLS: tlsOptions, Places: envs.options("None: its databases say for themselves"), At: at, Edit: edit}, err
}

// freshSource is what the form begins with.
func freshSource() url.Values {
	return url.Values{"engine": {string(slipway.Postgres)}, "tls": {tlsVerify}, "port": {"5432"}}
}

// sourceValues fills the form from an instance. Secrets stay out.
func sourceValues(i slipway.Instance) url.Values {
	v := url.Values{"engine": {string(i.Engine)}, "title": {i.Title}, "environment": {i.Environment}, "link": {i.Link}}
	v.Set("labels", strings.Join(labelLines(i.Labels), "\n"))
	s, _ := i.Admin()
	for name, value := range map[string]string{
		"host": s.Host, "folder": s.Host, "port": s.Port, "username": s.Username, "database": s.Database, "ca": s.TLSCA, "cert": s.TLSCert,
	} {
		v.Set(name, value)
	}
	v.Set("tls", tlsNone)
	if s.TLS {
		v.Set("tls", tlsOnly)
	}
	if s.TLS && s.VerifyTLS {
		v.Set("tls", tlsVerify)
	}
	return v
}

// sourceOf returns old with what the form says in its place, and blames fields
// that are empty and must not be.
func sourceOf(f *form, engine slipway.Engine, old slipway.Source) slipway.Source {
	s := slipway.Source{ID: old.ID, Type: slipway.AdminSource, Extra: old.Extra}
	if s.ID == "" {
		s.ID = "admin"
	}
	if engine == slipway.SQLite {
		if s.Host = typed(f.Values, "folder"); s.Host == "" {
			f.blame("folder", "Name the folder that holds the databases")
		}
		return s
	}
	if s.Host = typed(f.Values, "host"); s.Host == "" {
		f.blame("host", "Name the host, or its address")
	}
	s.Port, s.Username, s.Database = typed(f.Values, "port"), typed(f.Values, "username"), typed(f.Values, "database")
	s.Password = slipway.Secret(f.Get("password"))
	tls := f.Get("tls")
	s.TLS, s.VerifyTLS = tls != tlsNone, tls == tlsVerify
	if s.TLS {
		s.TLSCA, s.TLSCert = typed(f.Values, "ca"), typed(f.Values, "cert")
		s.TLSKey = slipway.Secret(typed(f.Values, "key"))
	}
	return s
}

// advanced reports whether the form holds something in the fields that are
// folded away.
func (f instanceForm) Advanced() bool {
	for _, name := range []string{"database", "ca", "cert", "key", "link", "labels"} {
		if f.Form.Get(name) != "" || f.Form.Wrong[name] != "" {
			return true
		}
	}
	return false
}

func (c *Console) newInstanceForm(v visit) error {
	return c.showNewInstance(v, form{Values: freshSource()}, nil)
}

func (c *Console) showNewInstance(v visit, f form, t *tried) error {
	p, err := c.instanceList(v, "Add Instance")
	if err != nil {
		return err
	}
	if p.Add, err = c.instanceForm(v, f, "/instances/new", false); err != nil {
		return err
	}
	p.Add.Tried, p.Sheet = t, &Sheet{Title: "Add Instance", Close: "/instances"}
	return c.showForm(v, "instance_new", f, p)
}

// newInstance adds an instance, or only tries it.
func (c *Console) newInstance(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	i := slipway.Instance{
		ID: typed(f.Values, "id"), Title: typed(f.Values, "title"), Engine: slipway.Engine(f.Get("engine")),
		Environment: f.Get("environment"), Link: typed(f.Values, "link"), Labels: parseLabels(typed(f.Values, "labels")),
	}
	i.Sources = []slipway.Source{sourceOf(&f, i.Engine, slipway.Source{})}
	if f.Get("act") == "test" {
		return c.test(v, f, func() (inventory.Answer, error) {
			if i.Title == "" {
				i.Title = "Test"
			}
			return c.Inventory.TryInstance(v.ctx(), v.who, i)
		}, func(f form, t *tried) error { return c.showNewInstance(v, f, t) })
	}
	f.check("id", slipway.CheckID("instance", i.ID))
	f.check("title", slipway.CheckTitle("instance", i.Title))
	if f.ok() {
		_, err := c.Inventory.CreateInstance(v.ctx(), v.who, i, false)
		if slipway.KindOf(err) == slipway.Exists {
			f.blame("id", "The id "+i.ID+" is taken, perhaps by an instance that is deleted: choose another")
			f.status = statusOf[slipway.Exists]
		} else if err != nil {
			if err = f.take(err); err != nil {
				return err
			}
		}
	}
	if !f.ok() {
		return c.showNewInstance(v, f, nil)
	}
	return c.done(v, instanceURL(i.ID), i.Title+" is there. Its databases wait to be taken over by projects.")
}

// test tries a connection and says what came of it: beside the button where a
// script asks, else in the form shown again, which can't repeat a password.
func (c *Console) test(v visit, f form, try func() (inventory.Answer, error), again func(form, *tried) error) error {
	t := &tried{OK: true}
	if !f.ok() {
		t = &tried{Text: "Fill in where it is first."}
	} else if answer, err := try(); err != nil {
		if err = f.take(err); err != nil {
			return err
		}
		t, f.Error, f.status = &tried{Text: f.Error}, "", 0
	} else {
		t.Text = "It answers: version " + answer.Version + ", " + count(len(answer.Databases), "database", "databases") + "."
	}
	if v.scripted() {
		return c.showPart(v, "instance_new", "tried", t)
	}
	return again(f, t)
}

func (c *Console) editInstanceForm(v visit) error {
	p, err := c.instancePage(v, "Edit")
	if err != nil {
		return err
	}
	return c.showEditInstance(v, p, form{Values: sourceValues(p.Instance)}, nil)
}

func (c *Console) showEditInstance(v visit, p instancePage, f form, t *tried) (err error) {
	if p.Edit, err = c.instanceForm(v, f, p.URL+"/edit", true); err != nil {
		return err
	}
	p.Edit.Tried, p.Sheet = t, &Sheet{Title: "Edit Instance", Close: p.URL}
	return c.showForm(v, "instance_edit", f, p)
}

// editInstance changes an instance, or only tries its data source. A data source
// that is as it was is left alone, so that a new title asks no server.
func (c *Console) editInstance(v visit) error {
	p, err := c.instancePage(v, "Edit")
	if err != nil {
		return err
	}
	f, err := v.form()
	if err != nil {
		return err
	}
	f.Set("engine", string(p.Instance.Engine))
	next := sourceOf(&f, p.Instance.Engine, p.Admin)
	sources := []slipway.Source{next}
	for _, s := range p.Instance.Sources {
		if s.Type != slipway.AdminSource {
			s.Password, s.TLSKey = "", ""
			sources = append(sources, s)
		}
	}
	if f.Get("act") == "test" {
		return c.test(v, f, func() (inventory.Answer, error) {
			return c.Inventory.TrySources(v.ctx(), v.who, p.Instance.ID, sources)
		}, func(f form, t *tried) error { return c.showEditInstance(v, p, f, t) })
	}
	title, env, link, labels := typed(f.Values, "title"), f.Get("environment"), typed(f.Values, "link"), parseLabels(typed(f.Values, "labels"))
	patch := inventory.InstancePatch{Title: &title, Environment: &env, Link: &link, Labels: &labels}
	if !sameSource(next, p.Admin) {
		patch.Sources = &sources
	}
	f.check("title", slipway.CheckTitle("instance", title))
	if f.ok() {
		if _, err := c.Inventory.UpdateInstance(v.ctx(), v.who, p.Instance.ID, patch); err != nil {
			if err = f.take(err); err != nil {
				return err
			}
		}
	}
	if !f.ok() {
		return c.showEditInstance(v, p, f, nil)
	}
	return c.done(v, p.URL, "Saved.")
}

// sameSource reports whether a form left a data source as it is stored.
func sameSource(next, stored slipway.Source) bool {
	return next.Password == "" && next.TLSKey == "" &&
		next.Host == stored.Host && next.Port == stored.Port && next.Username == stored.Username && next.Database == stored.Database &&
		next.TLS == stored.TLS && next.VerifyTLS == stored.VerifyTLS && next.TLSCA == strings.TrimSpace(stored.TLSCA) && next.TLSCert == strings.TrimSpace(stored.TLSCert)
}
