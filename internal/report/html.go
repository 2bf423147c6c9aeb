package report

import (
	_ "embed"
	"html/template"
	"io"
	"regexp"
	"strings"
)

//go:embed page.html.tmpl
var pageSource string

// writeHTML prints one page that needs nothing from anywhere: no script, no font, no image, no request.
func writeHTML(w io.Writer, d Document, o Options) error {
	page, err := template.New("page").Funcs(template.FuncMap{
		"kind":  kind,
		"tone":  func(t Tone) string { return t.name() },
		"cell":  cell,
		"right": Table.rightColumns,
		"svg":   drawPlot,
		"shape": shape,
		"whole": whole,
	}).Parse(pageSource)
	if err != nil {
		return err
	}
	return page.Execute(w, struct {
		Document
		Version, Commit string
	}{d, o.Version, o.Commit})
}

// The lengths by which a cell gets its shape, in letters.
const (
	longestWord = 40 // a name or a code; what is longer, such as a URL, may be broken
	longText    = 48 // sentences, which a narrow column would make into a tower
)

// shape is the class of a cell that is one word, and stays whole, or a long text, and needs room: the table is scrolled
// where the page has none.
func shape(text string) string {
	switch words := strings.Fields(text); {
	case len(words) == 1 && len([]rune(text)) <= longestWord:
		return " word"
	case len(words) > 1 && len([]rune(text)) > longText:
		return " long"
	}
	return ""
}

// hyphened is a word that a browser would break after one of its hyphens, such as a code or a flag.
var hyphened = regexp.MustCompile(`\S*-[0-9A-Za-z]\S*`)

// whole escapes a text and keeps such words in one piece.
func whole(text string) template.HTML {
	var b strings.Builder
	last := 0
	for _, at := range hyphened.FindAllStringIndex(text, -1) {
		word := text[at[0]:at[1]]
		if len([]rune(word)) > longestWord {
			continue
		}
		b.WriteString(template.HTMLEscapeString(text[last:at[0]]) + `<span class="word">` + template.HTMLEscapeString(word) + `</span>`)
		last = at[1]
	}
	b.WriteString(template.HTMLEscapeString(text[last:]))
	return template.HTML(b.String()) //nolint:gosec // each part of the text is escaped
}

func kind(b Block) string {
	switch b.(type) {
	case Paragraph:
		return "paragraph"
	case Table:
		return "table"
	case KeyValues:
		return "keyvalues"
	case Verbatim:
		return "verbatim"
	case Charts:
		return "charts"
	}
	return ""
}

func (t Tone) name() string {
	switch t {
	case Good:
		return "good"
	case Warn:
		return "warn"
	case Bad:
		return "bad"
	case Dim:
		return "dim"
	}
	return "plain"
}
