package console

import "slipway"

// Colour returns SQL coloured, each piece that is not plain as class(text), with
// what stands at a place marked as [text], and the caret line under it.
func Colour(engine slipway.Engine, text string, line, column int) (coloured, caret string) {
	c := newCode("", engine, []byte(text))
	if line > 0 {
		c.mark(line, column, "bad")
	}
	for i, l := range c.Lines {
		if i > 0 {
			coloured += "\n"
		}
		for _, s := range l.Pieces {
			switch {
			case s.Mark:
				coloured += "[" + s.Text + "]"
			case s.Class != "":
				coloured += s.Class + "(" + s.Text + ")"
			default:
				coloured += s.Text
			}
		}
		if l.Tone == "bad" {
			coloured += " !"
		}
		caret += l.Caret
	}
	return coloured, caret
}
