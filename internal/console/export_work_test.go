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

// Outline returns what is read off DDL, an object or a part of one on each line.
func Outline(engine slipway.Engine, ddl string) []string {
	s := newSchema(engine, ddl)
	var lines []string
	for _, t := range s.Tables {
		lines = append(lines, "table "+t.Name)
		for _, c := range t.Columns {
			lines = append(lines, "  "+c.Name+" "+c.Rest)
		}
		for _, c := range t.Constraints {
			lines = append(lines, "  constraint "+c)
		}
		for _, i := range t.Indexes {
			lines = append(lines, "  index "+i.Name)
		}
	}
	for _, o := range s.Others {
		lines = append(lines, o.Kind+" "+o.Name)
	}
	return lines
}

// Spot returns where in its file a failure is shown.
var Spot = spot
