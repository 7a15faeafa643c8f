package console

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"slipway"
	"slipway/internal/iam"
)

// A settingsFrame is what the pages of Settings share.
type settingsFrame struct {
	Frame
	Tabs []tab
}

// settings returns the frame of a page under the tab at path.
func (c *Console) settings(v visit, title, path string) settingsFrame {
	f := settingsFrame{Frame: c.frame(v, title, "/settings")}
	for _, t := range []struct {
		tab
		needs iam.Permission
	}{
		{tab{Title: "Environments", URL: "/settings"}, iam.SettingsGetEnvironment},
		{tab{Title: "Issuers", URL: "/settings/issuers"}, iam.SettingsGet},
		{tab{Title: "Sign-in", URL: "/settings/sign-in"}, iam.SettingsGet},
	} {
		if t.Current = t.URL == path; t.Current || v.everywhere[t.needs] {
			f.Tabs = append(f.Tabs, t.tab)
		}
	}
	return f
}

type environmentsPage struct {
	settingsFrame
	Rows   []environmentRow
	MaySet bool
	Form   form
	Post   string // URL that the form goes to
	New    bool
}

// An environmentRow is an environment in the list.
type environmentRow struct {
	slipway.Environment
	Hex         string // "#1757b8"; "" is no colour
	First, Last bool
	At          string // URL that what is done to it lies below
}

// Order returns the ids in order, for the form that drag and drop sends.
func (p environmentsPage) Order() string {
	ids := make([]string, len(p.Rows))
	for i, r := range p.Rows {
		ids[i] = r.ID
	}
	return strings.Join(ids, ",")
}

// environmentSettings lists the environments in the order of a rollout's stages.
func (c *Console) environmentSettings(v visit) error {
	p, err := c.environmentsPage(v, "Settings")
	if err != nil {
		return err
	}
	return c.show(v, "environments", p)
}

func (c *Console) environmentsPage(v visit, title string) (environmentsPage, error) {
	list, err := c.Inventory.Environments(v.ctx(), v.who)
	p := environmentsPage{settingsFrame: c.settings(v, title, "/settings"), MaySet: v.held[iam.SettingsSetEnvironment]}
	for i, e := range list {
		p.Rows = append(p.Rows, environmentRow{
			Environment: e, Hex: hexOf(e.Color), First: i == 0, Last: i == len(list)-1, At: "/settings/environments/" + url.PathEscape(e.ID),
		})
	}
	return p, err
}

// hexOf returns a colour as HTML spells it, "" for none.
func hexOf(c *slipway.Color) string {
	if c == nil {
		return ""
	}
	part := func(f float32) int { return int(math.Round(255 * min(1, max(0, float64(f))))) }
	return fmt.Sprintf("#%02x%02x%02x", part(c.Red), part(c.Green), part(c.Blue))
}

// colorOf is the way back.
func colorOf(hex string) (*slipway.Color, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	if err != nil || len(hex) != 7 || hex[0] != '#' {
		return nil, slipway.Errorf(slipway.Invalid, "colour %.20q: write it as #1757b8", hex)
	}
	part := func(shift int) float32 { return float32(n>>shift&0xff) / 255 }
	return &slipway.Color{Red: part(16), Green: part(8), Blue: part(0)}, nil
}

// orderEnvironments moves one environment up or down, or takes over the order
// that drag and drop left.
func (c *Console) orderEnvironments(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	direction, id, one := strings.Cut(f.Get("move"), ":")
	err = c.Inventory.ChangeEnvironments(v.ctx(), v.who, func(list []slipway.Environment) ([]slipway.Environment, error) {
		if one {
			return moved(list, id, direction)
		}
		return ordered(list, strings.Split(f.Get("order"), ","))
	})
	if err != nil {
		return err
	}
	return c.done(v, "/settings", "The order was changed, for rollouts that begin from now on.")
}

// moved returns list with the environment id one place up or down.
func moved(list []slipway.Environment, id, direction string) ([]slipway.Environment, error) {
	i := slices.IndexFunc(list, func(e slipway.Environment) bool { return e.ID == id })
	to := i + map[string]int{"up": -1, "down": 1}[direction]
	if i < 0 || to == i {
		return nil, slipway.Errorf(slipway.Invalid, "there is no environment %.63q to move", id)
	}
	if to >= 0 && to < len(list) {
		list[i], list[to] = list[to], list[i]
	}
	return list, nil
}

// ordered returns list in the order of ids, which are those of list.
func ordered(list []slipway.Environment, ids []string) ([]slipway.Environment, error) {
	place := map[string]int{}
	for i, id := range ids {
		place[id] = i
	}
	for _, e := range list {
		if _, there := place[e.ID]; !there || len(place) != len(list) || len(ids) != len(list) {
			return nil, slipway.Errorf(slipway.Invalid, "the order names other environments than there are; somebody has changed them: look again")
		}
	}
	slices.SortFunc(list, func(a, b slipway.Environment) int { return place[a.ID] - place[b.ID] })
	return list, nil
}

// environmentSheet shows a form about an environment over the list.
func (c *Console) environmentSheet(v visit, f form, title, post string) error {
	p, err := c.environmentsPage(v, title)
	if err != nil {
		return err
	}
	p.Form, p.Post, p.New = f, post, post == "/settings/environments/new"
	p.Sheet = &Sheet{Title: title, Close: "/settings"}
	return c.showForm(v, "environment_form", f, p)
}

func (c *Console) newEnvironmentForm(v visit) error {
	f := form{Values: url.Values{"color": {"#566069"}}}
	return c.environmentSheet(v, f, "Add Environment", "/settings/environments/new")
}

// environmentTyped returns e with what f says, and blames what is wrong.
func environmentTyped(f *form, e slipway.Environment) slipway.Environment {
	e.Title = typed(f.Values, "title")
	f.check("title", slipway.CheckTitle("environment", e.Title))
	e.Color = nil
	if f.Get("colored") != "" {
		var err error
		e.Color, err = colorOf(f.Get("color"))
		f.check("color", err)
	}
	return e
}

func (c *Console) addEnvironment(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	e := environmentTyped(&f, slipway.Environment{ID: typed(f.Values, "id")})
	f.check("id", slipway.CheckID("environment", e.ID))
	if f.ok() {
		err := c.Inventory.ChangeEnvironments(v.ctx(), v.who, func(list []slipway.Environment) ([]slipway.Environment, error) {
			if slices.ContainsFunc(list, func(o slipway.Environment) bool { return o.ID == e.ID }) {
				return nil, slipway.Errorf(slipway.Exists, "environment %q is there already", e.ID)
			}
			return append(list, e), nil
		})
		switch {
		case err == nil:
			return c.done(v, "/settings", e.Title+" was added as the last stage.")
		case slipway.KindOf(err) == slipway.Exists:
			f.blame("id", slipway.MessageOf(err))
			f.status = http.StatusConflict
		default:
			if err = f.take(err); err != nil {
				return err
			}
		}
	}
	return c.environmentSheet(v, f, "Add Environment", "/settings/environments/new")
}

// environment returns the environment that the URL names.
func (c *Console) environment(v visit) (slipway.Environment, error) {
	id := v.r.PathValue("id")
	list, err := c.Inventory.Environments(v.ctx(), v.who)
	if err != nil {
		return slipway.Environment{}, err
	}
	for _, e := range list {
		if e.ID == id {
			return e, nil
		}
	}
	return slipway.Environment{}, slipway.Errorf(slipway.NotFound, "environment %.63q not found", id)
}

func (c *Console) editEnvironmentForm(v visit) error {
	e, err := c.environment(v)
	if err != nil {
		return err
	}
	f := form{Values: url.Values{"title": {e.Title}, "color": {"#566069"}}}
	if e.Color != nil {
		f.Values.Set("color", hexOf(e.Color))
		f.Values.Set("colored", "yes")
	}
	return c.environmentSheet(v, f, "Edit environment", v.r.URL.Path)
}

func (c *Console) editEnvironment(v visit) error {
	e, err := c.environment(v)
	if err != nil {
		return err
	}
	f, err := v.form()
	if err != nil {
		return err
	}
	if environmentTyped(&f, e); f.ok() {
		err := c.Inventory.ChangeEnvironments(v.ctx(), v.who, func(list []slipway.Environment) ([]slipway.Environment, error) {
			for i, o := range list {
				if o.ID == e.ID {
					list[i] = environmentTyped(&f, o)
					return list, nil
				}
			}
			return nil, slipway.Errorf(slipway.NotFound, "environment %.63q not found", e.ID)
		})
		if err == nil {
			return c.done(v, "/settings", "Saved.")
		}
		if err = f.take(err); err != nil {
			return err
		}
	}
	return c.environmentSheet(v, f, "Edit environment", v.r.URL.Path)
}

// deleteEnvironment asks whether to delete an environment, and on a POST does
// it.
func (c *Console) deleteEnvironment(v visit) error {
	e, err := c.environment(v)
	if err != nil {
		return err
	}
	q := question{
		Frame: c.frame(v, "Delete the environment "+e.Title+"?", "/settings"), Act: "Delete", Danger: true, Back: "/settings",
		Text: "Rollouts have no stage of it any more. An environment that an instance or a database is in cannot be deleted.",
	}
	if v.r.Method != http.MethodPost {
		return c.ask(v, q)
	}
	err = c.Inventory.ChangeEnvironments(v.ctx(), v.who, func(list []slipway.Environment) ([]slipway.Environment, error) {
		return slices.DeleteFunc(list, func(o slipway.Environment) bool { return o.ID == e.ID }), nil
	})
	if err == nil {
		return c.done(v, "/settings", e.Title+" was deleted.")
	}
	if err = q.Form.take(err); err != nil {
		return err
	}
	return c.ask(v, q)
}
