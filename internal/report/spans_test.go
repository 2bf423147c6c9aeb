package report

import (
	"bytes"
	"strings"
	"testing"
)

// TestSpanChart: each span that has a length is drawn, the legend names each kind once, and no text is markup.
func TestSpanChart(t *testing.T) {
	chart := SpanChart{
		Title: "Wall <b>", X: Axis{Unit: "ms"},
		Rows: []SpanRow{
			{Name: "first & last", Sum: "12.0", Spans: []Span{
				{Name: "network", Colour: Blue, From: 0, To: 10, Text: "network: 10"}, {Name: "residual", Colour: Red, From: 10, To: 12, Text: "residual: 2"},
			}},
			{Name: "second", Spans: []Span{
				{Name: "network", Colour: Blue, From: 0, To: 5, Text: "network: 5"}, {Name: "residual", Colour: Red, From: 5, To: 4, Text: "residual: -1"},
			}},
		},
	}
	svg := chart.draw()
	for part, want := range map[string]int{
		`<rect class="span blue"`: 2, `<rect class="span red"`: 1, `k-bars blue"></i>network`: 1, `k-bars red"></i>residual`: 1,
		"first &amp; last": 1, "<b>": 0, ">12.0</text>": 1, "NaN": 0,
	} {
		if got := strings.Count(svg, part); got != want {
			t.Errorf("%q is there %d times, want %d", part, got, want)
		}
	}
	for name, c := range map[string]SpanChart{"empty": {Title: "t", Empty: "nothing was reached"}, "no length": {Rows: []SpanRow{{Name: "x", Spans: []Span{{To: 0}}}}}} {
		if svg := c.draw(); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || strings.Contains(svg, `class="span`) || !strings.Contains(svg, c.Empty) {
			t.Errorf("%s is drawn as %s", name, svg)
		}
	}
}

// TestBrief: Markdown takes the brief form where there is one, and no other form does.
func TestBrief(t *testing.T) {
	d := Document{Title: "t", Data: map[string]int{}, Blocks: []Block{Paragraph{Text: "all of it"}}, Brief: []Block{Paragraph{Text: "in\x1b short"}}}
	for format, want := range map[Format]string{FormatMarkdown: "in short", FormatTable: "all of it", FormatHTML: "all of it"} {
		var b bytes.Buffer
		if err := Write(&b, format, d, Options{}); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); !strings.Contains(got, want) || strings.Contains(got, "in short") != (format == FormatMarkdown) {
			t.Errorf("as %s it is\n%s", format, got)
		}
	}
}
