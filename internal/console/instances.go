package console

import (
	"net/url"

	"slipway"
	"slipway/internal/inventory"
)

type instancesPage struct {
	Frame
	Search string
	Form   form // of the filters
	Places []option
	Rows   []instanceRow
	Pager  pager
	Add    instanceForm // of the sheet
}

// Filtered reports whether the list leaves something out.
func (p instancesPage) Filtered() bool { return p.Search != "" || p.Form.Get("environment") != "" }

// An instanceRow is an instance in a list.
type instanceRow struct {
	slipway.Instance
	URL, Where, Place string
	State             chip
}

func instanceURL(id string) string { return "/instances/" + url.PathEscape(id) }

// engineNames are what people call the engines.
var engineNames = map[slipway.Engine]string{slipway.Postgres: "PostgreSQL", slipway.SQLite: "SQLite"}

func newInstanceRow(i slipway.Instance, envs environments) instanceRow {
	r := instanceRow{Instance: i, URL: instanceURL(i.ID), Place: envs.Title(i.Environment), State: chip{"ok", "Active"}}
	if admin, ok := i.Admin(); ok {
		r.Where = admin.Host
		if admin.Port != "" {
			r.Where += ":" + admin.Port
		}
	}
	switch {
	case i.Deleted:
		r.State = chip{"", "Deleted"}
	case i.SyncError != "":
		r.State = chip{"bad", "No answer"}
	case i.Synced.IsZero():
		r.State = chip{"wait", "Never synced"}
	}
	return r
}

// Engine says which server it is, with the version that it told.
func (r instanceRow) Engine() string { return engineLabel(r.Instance) }

func engineLabel(i slipway.Instance) string {
	name := engineNames[i.Engine]
	if name == "" {
		name = string(i.Engine)
	}
	if i.Version == "" {
		return name
	}
	return name + " " + i.Version
}

func (c *Console) instances(v visit) error {
	p, err := c.instanceList(v, "Instances")
	if err != nil {
		return err
	}
	return c.show(v, "instances", p)
}

func (c *Console) instanceList(v visit, title string) (instancesPage, error) {
	p := instancesPage{Frame: c.frame(v, title, "/instances"), Search: v.query("q"), Form: form{Values: v.r.URL.Query()}}
	envs, err := c.environments(v)
	if err != nil {
		return p, err
	}
	p.Places = envs.options("Every environment")
	page, err := v.after(50)
	if err != nil {
		return p, err
	}
	list, next, err := c.Inventory.Instances(v.ctx(), v.who, inventory.InstanceFilter{
		Search: p.Search, Environment: p.Form.Get("environment"), ShowDeleted: p.Form.Get("deleted") != "",
	}, page)
	if err != nil {
		return p, err
	}
	for _, i := range list {
		p.Rows = append(p.Rows, newInstanceRow(i, envs))
	}
	p.Pager = v.pager(next)
	return p, nil
}
