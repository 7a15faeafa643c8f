package console

import "slipway"

// narrow returns the frame of a page for people who are not signed in.
func (c *Console) narrow(title string) Frame {
	return Frame{Title: title, Static: c.assets.prefix, Narrow: true}
}

// frame returns the frame of a page called title, whose navigation entry has
// the URL at, "" for none, under crumbs.
func (c *Console) frame(who slipway.Principal, title, at string, crumbs ...Crumb) Frame {
	f := Frame{
		Title: title, Who: who, Static: c.assets.prefix, Narrow: who.IsZero(),
		Crumbs: append(crumbs, Crumb{Title: title}),
		Nav:    []navSection{{Title: "Overview", Items: []navItem{{Title: "Home", URL: "/"}}}},
	}
	for _, s := range f.Nav {
		for i := range s.Items {
			s.Items[i].Current = s.Items[i].URL == at
		}
	}
	return f
}
