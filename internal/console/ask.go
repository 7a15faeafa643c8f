package console

// A question is asked before an act that is not easily taken back. It stands at
// the act's own URL: a GET asks, a POST acts.
type question struct {
	Frame
	Text   string // what will happen
	Act    string // on the button: the act in a verb
	Danger bool
	Back   string // URL where Cancel leads
	Reason *field // something to fill in, nil for nothing
	Form   form
}

// ask answers with q.
func (c *Console) ask(v visit, q question) error { return c.showForm(v, "ask", q.Form, q) }
