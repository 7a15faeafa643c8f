package console

type homePage struct {
	Frame
}

// home greets whoever signed in.
func (c *Console) home(v visit) error {
	return c.show(v, "home", homePage{Frame: c.frame(v, "Home", "/")})
}
