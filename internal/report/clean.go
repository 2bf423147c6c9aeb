package report

import (
	"strings"
	"unicode"
)

// clean returns d without the characters that would move a terminal's cursor or break XML: plans, names and errors
// come from servers, and a report shows them as they are otherwise.
func (d Document) clean() Document {
	out := d
	out.Title = printable(d.Title)
	out.Blocks = make([]Block, len(d.Blocks))
	for i, b := range d.Blocks {
		out.Blocks[i] = cleanBlock(b)
	}
	if d.Brief != nil {
		out.Brief = make([]Block, len(d.Brief))
	}
	for i, b := range d.Brief {
		out.Brief[i] = cleanBlock(b)
	}
	out.Cases = make([]Case, len(d.Cases))
	for i, c := range d.Cases {
		c.Suite, c.Name, c.Message = printable(c.Suite), printable(c.Name), printable(c.Message)
		out.Cases[i] = c
	}
	if d.Sheet != nil {
		sheet := d.Sheet.clean()
		out.Sheet = &sheet
	}
	return out
}

func cleanBlock(b Block) Block {
	switch b := b.(type) {
	case Paragraph:
		b.Text = printable(b.Text)
		return b
	case Verbatim:
		b.Title, b.Text = printable(b.Title), printable(b.Text)
		return b
	case Table:
		b.Title, b.Note = printable(b.Title), printable(b.Note)
		columns := make([]string, len(b.Columns))
		for i, c := range b.Columns {
			columns[i] = printable(c)
		}
		rows := make([][]Cell, len(b.Rows))
		for i, row := range b.Rows {
			rows[i] = make([]Cell, len(row))
			for j, c := range row {
				c.Text = printable(c.Text)
				rows[i][j] = c
			}
		}
		b.Columns, b.Rows = columns, rows
		return b
	case KeyValues:
		b.Title = printable(b.Title)
		list := make([]Pair, len(b.Pairs))
		for i, p := range b.Pairs {
			p.Key, p.Value.Text = printable(p.Key), printable(p.Value.Text)
			list[i] = p
		}
		b.Pairs = list
		return b
	case Charts: // escape cleans what is in the plots
		b.Title, b.Note = printable(b.Title), printable(b.Note)
		return b
	}
	return b
}

// printable keeps line breaks, turns tabs into spaces and drops every other control character.
func printable(s string) string {
	plain := strings.IndexFunc(s, func(r rune) bool { return r != '\n' && !printableRune(r) }) < 0
	if plain {
		return s
	}
	s = strings.ReplaceAll(s, "\t", "    ")
	return strings.Map(func(r rune) rune {
		if r == '\n' || printableRune(r) {
			return r
		}
		return -1
	}, s)
}

func printableRune(r rune) bool {
	return !unicode.IsControl(r) && r != 0xFFFE && r != 0xFFFF && r != unicode.ReplacementChar
}
