package report

import (
	_ "embed"
	"html/template"
	"io"
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
	}).Parse(pageSource)
	if err != nil {
		return err
	}
	return page.Execute(w, struct {
		Document
		Version, Commit string
	}{d, o.Version, o.Commit})
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
