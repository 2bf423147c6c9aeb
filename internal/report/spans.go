package report

import (
	"fmt"
	"slices"
	"strings"
)

// SpanChart is one bar for each row, made of spans along one axis: a waterfall, where each row begins where the one
// above has ended, or bars that are stacked.
type SpanChart struct {
	Title string
	Wide  bool // as wide as the page, not half of it
	X     Axis
	Rows  []SpanRow
	Empty string // what the chart says when it has no row
}

// SpanRow is one bar.
type SpanRow struct {
	Name  string
	Spans []Span
	Sum   string // what stands behind the bar, such as its length in words
}

// Span is a part of a bar. Name is what the legend calls all spans of its colour; Text tells this one where the
// pointer rests. A span that ends before it begins is not drawn.
type Span struct {
	Name     string
	Colour   Colour
	From, To float64
	Text     string
}

// The measures of a span chart, in the units of its viewBox.
const (
	rowHeight  = 22
	barHeight  = 13
	rowLetters = 6.2 // the width of a letter at the page's size of text in charts
	sumWidth   = 64
)

func (p SpanChart) draw() string {
	c := &canvas{width: halfWidth}
	if p.Wide {
		c.width = fullWidth
	}
	names := 0
	end := 0.0
	for _, r := range p.Rows {
		names = max(names, len([]rune(r.Name)))
		for _, s := range r.Spans {
			end = max(end, s.To)
		}
	}
	if end <= 0 {
		end = 1
	}
	left := min(float64(names)*rowLetters+14, c.width/2)
	right := c.width - sumWidth
	c.height = float64(marginTop + max(1, len(p.Rows))*rowHeight + marginBottom)
	fmt.Fprintf(c, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, c.width, c.height, escape(p.Title))
	x := newScale(p.X, 0, max(end, p.X.To), left, right, 8)
	for _, t := range x.ticks {
		if !x.holds(t.At) {
			continue
		}
		fmt.Fprintf(c, `<path class="grid" d="M%s %sV%s"/><text class="xt" x="%s" y="%s">%s</text>`,
			pos(x.at(t.At)), pos(c.top()), pos(c.bottom()), pos(x.at(t.At)), pos(c.bottom()+17), escape(t.Label))
	}
	fmt.Fprintf(c, `<path class="axis" d="M%s %sV%s"/>`, pos(left), pos(c.top()), pos(c.bottom()))
	if len(p.Rows) == 0 && p.Empty != "" {
		fmt.Fprintf(c, `<text class="empty" x="%g" y="%g">%s</text>`, (left+right)/2, (c.top()+c.bottom())/2, escape(p.Empty))
	}
	for i, r := range p.Rows {
		c.row(r, float64(marginTop+i*rowHeight), left, x)
	}
	c.end()
	return figure(p.Title, p.X.Unit, p.legend(), c.String(), p.Wide)
}

// row draws one bar with its name before it and its sum behind it.
func (c *canvas) row(r SpanRow, top, left float64, x scale) {
	middle := top + rowHeight/2.0 + 3.5
	fmt.Fprintf(c, `<text class="rowt" x="%s" y="%s">%s</text>`, pos(left-8), pos(middle), escape(r.Name))
	last := left
	for _, s := range r.Spans {
		if !(s.To > s.From) {
			continue
		}
		from := x.at(s.From)
		width := max(x.at(s.To)-from, 0.8) // a tenth of a millisecond is still seen
		last = max(last, from+width)
		fmt.Fprintf(c, `<rect class="span %s" x="%s" y="%s" width="%s" height="%d"><title>%s</title></rect>`,
			s.Colour.name(), pos(from), pos(top+(rowHeight-barHeight)/2.0), pos(width), barHeight, escape(s.Text))
	}
	if r.Sum != "" {
		fmt.Fprintf(c, `<text class="sumt" x="%s" y="%s">%s</text>`, pos(last+6), pos(middle), escape(r.Sum))
	}
}

// legend names each kind of span once, in the order in which they come.
func (p SpanChart) legend() string {
	var names []string
	var b strings.Builder
	for _, r := range p.Rows {
		for _, s := range r.Spans {
			if s.Name == "" || slices.Contains(names, s.Name) {
				continue
			}
			names = append(names, s.Name)
			fmt.Fprintf(&b, `<span class="key"><i class="k-bars %s"></i>%s</span>`, s.Colour.name(), escape(s.Name))
		}
	}
	return b.String()
}
