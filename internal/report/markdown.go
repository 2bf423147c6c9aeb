package report

import (
	"bytes"
	"strings"
)

// writeMarkdown prints GitHub's Markdown with pipe tables.
func writeMarkdown(b *bytes.Buffer, d Document) {
	var parts []string
	if d.Title != "" {
		parts = append(parts, "# "+inline(d.Title))
	}
	blocks := d.Blocks
	if d.Brief != nil {
		blocks = d.Brief
	}
	for _, block := range blocks {
		switch block := block.(type) {
		case Paragraph:
			parts = append(parts, paragraphMarkdown(block.Text))
		case Verbatim:
			if block.Title != "" {
				parts = append(parts, inline(block.Title))
			}
			parts = append(parts, verbatimMarkdown(block.Text))
		case Table:
			parts = append(parts, tableMarkdown(block))
		case KeyValues:
			parts = append(parts, keyValuesMarkdown(block))
		}
	}
	if len(parts) > 0 {
		b.WriteString(strings.Join(parts, "\n\n"))
		b.WriteByte('\n')
	}
}

func paragraphMarkdown(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = inline(line)
	}
	return strings.Join(lines, "  \n")
}

// verbatimMarkdown fences the text with more backticks than it has in a row.
func verbatimMarkdown(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "\n" + text + "\n" + fence
}

func tableMarkdown(t Table) string {
	var b strings.Builder
	if t.Title != "" {
		b.WriteString("## " + inline(t.Title) + "\n\n")
	}
	right := t.rightColumns()
	rule := make([]string, len(t.Columns))
	heads := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		heads[i] = fieldMarkdown(c)
		rule[i] = "---"
		if right[i] {
			rule[i] = "--:"
		}
	}
	line := func(fields []string) { b.WriteString("| " + strings.Join(fields, " | ") + " |\n") }
	line(heads)
	line(rule)
	for _, row := range t.Rows {
		fields := make([]string, len(t.Columns))
		for i := range t.Columns {
			fields[i] = linkedMarkdown(cell(row, i))
		}
		line(fields)
	}
	if t.Note != "" {
		b.WriteString("\n" + inline(t.Note) + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func keyValuesMarkdown(kv KeyValues) string {
	var b strings.Builder
	if kv.Title != "" {
		b.WriteString("## " + inline(kv.Title) + "\n\n")
	}
	for _, p := range kv.Pairs {
		b.WriteString("- " + inline(p.Key) + ": " + strings.ReplaceAll(inline(p.Value.Text), "\n", " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// linkedMarkdown is a cell, with its link if it has one.
func linkedMarkdown(c Cell) string {
	text, address := fieldMarkdown(c.Text), c.Address()
	if address == "" || text == "" {
		return text
	}
	// Inside < > only these end an address; a bar would end the cell.
	address = strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C", "\\", "%5C", "`", "%60").Replace(address)
	return "[" + text + "](<" + address + ">)"
}

// fieldMarkdown makes a text safe inside a table's row.
func fieldMarkdown(s string) string {
	return strings.ReplaceAll(inline(s), "\n", "<br>")
}

// markdownEscapes are the characters that would start markup in running text.
var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "|", `\|`, "#", `\#`,
)

func inline(s string) string { return markdownEscapes.Replace(s) }
