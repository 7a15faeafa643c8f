package console

import (
	"net/http"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/inventory"
)

type instancePage struct {
	Frame
	Instance  slipway.Instance
	URL       string
	Engine    string
	Place     string // title of the environment
	Admin     slipway.Source
	State     chip
	Search    string
	Rows      []databaseRow
	Pager     pager
	MayList   bool
	Edit      instanceForm // of the sheet
	LabelList []string
}

// instance shows a database server and what is on it.
func (c *Console) instance(v visit) error {
	p, err := c.instancePage(v, "")
	if err != nil {
		return err
	}
	return c.show(v, "instance", p)
}

func (c *Console) instancePage(v visit, title string) (instancePage, error) {
	i, err := c.Inventory.Instance(v.ctx(), v.who, v.r.PathValue("instance"))
	if err != nil {
		return instancePage{}, err
	}
	p := instancePage{Instance: i, URL: instanceURL(i.ID), Engine: engineLabel(i), Search: v.query("q"), LabelList: labelLines(i.Labels)}
	if title == "" {
		p.Frame = c.frame(v, i.Title, "/instances")
	} else {
		p.Frame = c.frame(v, title, "/instances", Crumb{i.Title, p.URL})
	}
	p.Admin, _ = i.Admin()
	envs, err := c.environments(v)
	if err != nil {
		return p, err
	}
	row := newInstanceRow(i, envs)
	p.State, p.Place = row.State, row.Place
	if p.MayList = v.held[iam.DatabasesList]; !p.MayList {
		return p, nil
	}
	page, err := v.after(50)
	if err != nil {
		return p, err
	}
	list, next, err := c.Inventory.Databases(v.ctx(), v.who, inventory.DatabaseFilter{Instance: i.ID, Search: p.Search, ShowDeleted: true}, page)
	if err != nil {
		return p, err
	}
	for _, d := range list {
		p.Rows = append(p.Rows, newDatabaseRow(d, envs))
	}
	p.Pager = v.pager(next)
	return p, nil
}

func (c *Console) syncInstance(v visit) error {
	id := v.r.PathValue("instance")
	names, err := c.Inventory.SyncInstance(v.ctx(), v.who, id)
	if err != nil {
		switch slipway.KindOf(err) {
		case slipway.Precondition, slipway.Invalid, slipway.Unavailable, slipway.Timeout:
			return c.trouble(v, instanceURL(id), sentence(slipway.MessageOf(err)))
		}
		return err
	}
	return c.done(v, instanceURL(id), "It answers. "+count(len(names), "database", "databases")+" found.")
}

func (c *Console) deleteInstance(v visit) error {
	i, err := c.Inventory.Instance(v.ctx(), v.who, v.r.PathValue("instance"))
	if err != nil {
		return err
	}
	q := question{
		Frame: c.frame(v, "Delete "+i.Title+"?", "/instances", Crumb{i.Title, instanceURL(i.ID)}),
		Text:  "Nothing is rolled out to its databases from now on. Its databases stay as they are, in their projects too, and it can be restored.",
		Act:   "Delete", Danger: true, Back: instanceURL(i.ID),
	}
	if v.r.Method != http.MethodPost {
		return c.ask(v, q)
	}
	if err := c.Inventory.DeleteInstance(v.ctx(), v.who, i.ID, true); err != nil {
		if err = q.Form.take(err); err != nil {
			return err
		}
		return c.ask(v, q)
	}
	return c.done(v, instanceURL(i.ID), i.Title+" is deleted.")
}

func (c *Console) undeleteInstance(v visit) error {
	i, err := c.Inventory.UndeleteInstance(v.ctx(), v.who, v.r.PathValue("instance"))
	if err != nil {
		return err
	}
	return c.done(v, instanceURL(i.ID), i.Title+" is back.")
}
