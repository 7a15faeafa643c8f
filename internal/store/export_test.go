package store

import "slipway"

// SQL returns the text and the parameters of the list of audit entries, for a
// test that asks the databases how they read it.
func (q AuditQuery) SQL(page slipway.Page) (text string, args []any, err error) {
	w, from, order, err := q.where(page)
	if err != nil {
		return "", nil, err
	}
	text = "SELECT a.* FROM " + from + w.String() + " ORDER BY " + order + " LIMIT 11"
	return text, bind(w.args), nil
}
