package report

import (
	"bytes"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

const (
	columnGap      = 2  // spaces between two columns
	narrowestWidth = 12 // a word is not broken below this while another column can give
	leastWidth     = 6  // and never below this: "1000.0" is a figure in one piece
)

// writeTable prints for a terminal: no rules, numbers to the right, colour and wrapping only as o asks.
func writeTable(w io.Writer, d Document, o Options) error {
	var parts []string
	if d.Title != "" {
		parts = append(parts, paint(o, bold, d.Title))
	}
	for _, b := range d.Blocks {
		part, err := tableBlock(b, o)
		if err != nil {
			return err
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	_, err := io.WriteString(w, strings.Join(parts, "\n\n")+"\n")
	return err
}

func tableBlock(b Block, o Options) (string, error) {
	switch b := b.(type) {
	case Paragraph:
		return paintLines(o, b.Tone.code(), wrap(b.Text, o.Width)), nil
	case Verbatim:
		if b.Title == "" {
			return b.Text, nil
		}
		return paintLines(o, bold, wrap(b.Title, o.Width)) + "\n" + b.Text, nil
	case Table:
		return renderTable(b, o)
	case KeyValues:
		t := Table{Title: b.Title, Columns: []string{"", ""}}
		for _, p := range b.Pairs {
			value := p.Value
			value.Right = false // a list of values reads from the left, numbers too
			t.Rows = append(t.Rows, []Cell{Text(p.Key), value})
		}
		return renderTable(t, o)
	}
	return "", nil
}

func renderTable(t Table, o Options) (string, error) {
	var out strings.Builder
	if t.Title != "" {
		out.WriteString(paintLines(o, bold, wrap(t.Title, o.Width)))
		out.WriteByte('\n')
	}
	t = t.narrowed(o.Width)
	right := t.rightColumns()
	widths := fit(t.widths(textWidth), t.widths(wordWidth), o.Width)

	var buf bytes.Buffer
	table := tablewriter.NewTable(&buf,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off, ShowHeader: tw.Off, ShowFooter: tw.Off},
				Lines:      tw.LinesNone,
			},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoFormat(tw.Off), tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off), tablewriter.WithTrimLine(tw.Off), tablewriter.WithTrimTab(tw.Off),
		tablewriter.WithPadding(tw.PaddingNone),
		tablewriter.WithHeaderPaddingPerColumn(gaps(len(t.Columns))),
		tablewriter.WithRowPaddingPerColumn(gaps(len(t.Columns))),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: aligns(right)}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: aligns(right)}),
	)
	if strings.Join(t.Columns, "") != "" {
		heads := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			heads[i] = paintLines(o, dim, wrap(c, widths[i]))
		}
		table.Header(heads)
	}
	for _, row := range t.Rows {
		texts := make([]string, len(t.Columns))
		for i := range t.Columns {
			c := cell(row, i)
			texts[i] = paintLines(o, c.Tone.code(), wrap(c.Text, widths[i]))
		}
		if err := table.Append(texts); err != nil {
			return "", err
		}
	}
	if err := table.Render(); err != nil {
		return "", err
	}
	out.WriteString(trimLines(buf.String()))
	if t.Note != "" {
		out.WriteByte('\n')
		out.WriteString(paintLines(o, dim, wrap(t.Note, o.Width)))
	}
	return strings.TrimRight(out.String(), "\n"), nil
}

func aligns(right []bool) []tw.Align {
	out := make([]tw.Align, len(right))
	for i, r := range right {
		out[i] = tw.AlignLeft
		if r {
			out[i] = tw.AlignRight
		}
	}
	return out
}

func gaps(columns int) []tw.Padding {
	out := make([]tw.Padding, columns)
	for i := range out {
		out[i] = tw.Padding{Right: strings.Repeat(" ", columnGap), Overwrite: true}
		if i == columns-1 {
			out[i].Right = ""
		}
	}
	return out
}

// widths is what each column takes, measured by its widest cell.
func (t Table) widths(measure func(string) int) []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = measure(c)
		for _, row := range t.Rows {
			widths[i] = max(widths[i], measure(cell(row, i).Text))
		}
	}
	return widths
}

// narrowed is the table without the columns that it can spare, as far as that lets words stay whole within total; its
// note names them.
func (t Table) narrowed(total int) Table {
	if total <= 0 {
		return t
	}
	words := t.widths(wordWidth)
	gone := map[int]bool{}
	var names []string
	for _, i := range t.Spare {
		need := -columnGap
		for j, w := range words {
			if !gone[j] {
				need += columnGap + w
			}
		}
		if need <= total {
			break
		}
		gone[i] = true
		names = append(names, t.Columns[i])
	}
	if len(gone) == 0 {
		return t
	}
	keep := func(row []Cell) []Cell {
		var out []Cell
		for i, c := range row {
			if !gone[i] {
				out = append(out, c)
			}
		}
		return out
	}
	out := Table{Title: t.Title, Note: strings.TrimLeft(t.Note+"\nNo room for: "+strings.Join(names, ", ")+".", "\n")}
	for i, c := range t.Columns {
		if !gone[i] {
			out.Columns = append(out.Columns, c)
		}
	}
	for _, row := range t.Rows {
		out.Rows = append(out.Rows, keep(row))
	}
	return out
}

// fit takes from the widest columns until the whole is at most total wide: first only so much that no word is broken,
// then long words, then all; 0 leaves everything as it is.
func fit(widths, words []int, total int) []int {
	if total <= 0 || len(widths) == 0 {
		return widths
	}
	over := columnGap*(len(widths)-1) - total
	for _, w := range widths {
		over += w
	}
	for _, longest := range []int{total, narrowestWidth, leastWidth} {
		for ; over > 0; over-- {
			widest := -1
			for i, w := range widths {
				if w > max(leastWidth, min(words[i], longest)) && (widest < 0 || w > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
		}
	}
	return widths
}

func wordWidth(s string) int {
	widest := 0
	for word := range strings.FieldsSeq(s) {
		widest = max(widest, runewidth.StringWidth(word))
	}
	return widest
}

func textWidth(s string) int {
	widest := 0
	for line := range strings.SplitSeq(s, "\n") {
		widest = max(widest, runewidth.StringWidth(line))
	}
	return widest
}

// wrap breaks each line of s at spaces so that it is at most width wide; a longer word is broken where it must be.
func wrap(s string, width int) string {
	if width <= 0 {
		return s
	}
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		out = append(out, wrapLine(line, width)...)
	}
	return strings.Join(out, "\n")
}

func wrapLine(line string, width int) []string {
	if runewidth.StringWidth(line) <= width {
		return []string{line}
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	if len(indent) >= width {
		indent = ""
	}
	var out []string
	current := indent
	empty := true
	for _, word := range strings.Fields(line) {
		switch {
		case empty:
			current += word
		case runewidth.StringWidth(current)+1+runewidth.StringWidth(word) <= width:
			current += " " + word
		default:
			out = append(out, current)
			current = indent + word
		}
		empty = false
		for runewidth.StringWidth(current) > width {
			head := runewidth.Truncate(current, width, "")
			if head == "" || head == indent {
				break
			}
			out = append(out, head)
			current = indent + current[len(head):]
		}
	}
	return append(out, current)
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// The ANSI codes in use; the sixteen basic colours follow the reader's own theme.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (t Tone) code() string {
	switch t {
	case Good:
		return green
	case Warn:
		return yellow
	case Bad:
		return red
	case Dim:
		return dim
	}
	return ""
}

func paint(o Options, code, s string) string {
	if !o.Color || code == "" || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// paintLines paints each line for itself, so that no colour runs over the padding of its neighbours.
func paintLines(o Options, code, s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = paint(o, code, line)
	}
	return strings.Join(lines, "\n")
}
