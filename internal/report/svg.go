package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

// The size of a plot in the units of its viewBox: CSS pixels on a page of full width.
const (
	halfWidth  = 540
	fullWidth  = 1112
	plotHeight = 236
	wideHeight = 300

	marginLeft   = 46
	marginRight  = 10
	marginTop    = 12
	marginBottom = 26

	// maxHits bounds the areas under the pointer of one plot.
	maxHits = 200
	// heatLevels is how many shades a heat map has.
	heatLevels = 8
)

// canvas is an SVG under way.
type canvas struct {
	strings.Builder
	width, height float64
}

func newCanvas(title string, wide bool) *canvas {
	c := &canvas{width: halfWidth, height: plotHeight}
	if wide {
		c.width, c.height = fullWidth, wideHeight
	}
	fmt.Fprintf(c, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, c.width, c.height, escape(title))
	return c
}

func (c *canvas) end() { fmt.Fprint(c, "</svg>") }

func (c *canvas) left() float64   { return marginLeft }
func (c *canvas) right() float64  { return c.width - marginRight }
func (c *canvas) top() float64    { return marginTop }
func (c *canvas) bottom() float64 { return c.height - marginBottom }

// drawPlot is a plot as an HTML figure: caption, legend and SVG. It needs no script: what lies under the pointer is
// told by the browser's own tooltip, and the colours follow the page's.
func drawPlot(p Plot) template.HTML {
	drawn := ""
	switch p := p.(type) {
	case LineChart:
		drawn = p.draw()
	case HeatMap:
		drawn = p.draw()
	case SpanChart:
		drawn = p.draw()
	}
	//nolint:gosec // markup of this file; every text in it went through escape
	return template.HTML(drawn)
}

func (p LineChart) draw() string {
	c := newCanvas(p.Title, p.Wide)
	xs, ys := p.span()
	x := newScale(p.X, xs[0], xs[1], c.left(), c.right(), 8)
	y := newScale(p.Y, ys[0], ys[1], c.bottom(), c.top(), 5)
	c.axes(x, y)
	drawn := 0
	for _, l := range p.Lines {
		drawn += c.line(l, x, y)
	}
	c.marks(p.Marks, y) // a line must not hide the target's name
	if drawn == 0 && p.Empty != "" {
		fmt.Fprintf(c, `<text class="empty" x="%g" y="%g">%s</text>`, (c.left()+c.right())/2, (c.top()+c.bottom())/2, escape(p.Empty))
	}
	c.hits(p, x)
	for _, l := range p.Lines {
		if l.Style == Dots {
			c.dots(l, x, y)
		}
	}
	c.end()
	var legend strings.Builder
	for _, l := range p.Lines {
		fmt.Fprintf(&legend, `<span class="key"><i class="k-%s %s"></i>%s</span>`, l.Style.name(), l.Colour.name(), escape(l.Name))
	}
	return figure(p.Title, p.Y.Unit, legend.String(), c.String(), p.Wide)
}

// span is the least and the greatest value of both axes; bars reach down to zero.
func (p LineChart) span() (xs, ys [2]float64) {
	xs, ys = nothing(), nothing()
	for _, l := range p.Lines {
		for _, q := range l.Points {
			widen(&xs, q.X)
			if p.Y.Log && q.Y <= 0 {
				continue
			}
			widen(&ys, q.Y)
		}
	}
	for _, m := range p.Marks {
		widen(&ys, m.Y)
	}
	if p.X.Time {
		widen(&xs, 0)
	}
	if p.X.To > 0 {
		widen(&xs, p.X.To)
	}
	for _, s := range []*[2]float64{&xs, &ys} {
		if s[0] > s[1] {
			*s = [2]float64{0, 1}
		}
	}
	return xs, ys
}

// nothing is the span of no value.
func nothing() [2]float64 { return [2]float64{math.Inf(1), math.Inf(-1)} }

// widen takes a value into a span. What is no number, and what is too large to calculate with, is left out.
func widen(span *[2]float64, v float64) {
	const largest = 1e100
	if math.Abs(v) <= largest {
		span[0], span[1] = min(span[0], v), max(span[1], v)
	}
}

// axes draws the grid and the labels of both axes.
func (c *canvas) axes(x, y scale) {
	for _, t := range y.ticks {
		if !y.holds(t.At) {
			continue
		}
		at := y.at(t.At)
		fmt.Fprintf(c, `<path class="grid" d="M%s %sH%s"/><text class="yt" x="%s" y="%s">%s</text>`,
			pos(c.left()), pos(at), pos(c.right()), pos(c.left()-7), pos(at+3.5), escape(t.Label))
	}
	fmt.Fprintf(c, `<path class="axis" d="M%s %sH%s"/>`, pos(c.left()), pos(c.bottom()), pos(c.right()))
	for _, t := range x.ticks {
		if !x.holds(t.At) {
			continue
		}
		at, anchor := x.at(t.At), ""
		switch {
		case at > c.right()-14:
			anchor = " end"
		case at < c.left()+6:
			anchor = " start"
		}
		fmt.Fprintf(c, `<path class="axis" d="M%s %sv4"/><text class="xt%s" x="%s" y="%s">%s</text>`,
			pos(at), pos(c.bottom()), anchor, pos(at), pos(c.bottom()+17), escape(t.Label))
	}
}

func (c *canvas) marks(marks []Mark, y scale) {
	for _, m := range marks {
		if !y.holds(m.Y) {
			continue
		}
		at := y.at(m.Y)
		label := at - 4
		if at < c.top()+10 {
			label = at + 11
		}
		fmt.Fprintf(c, `<path class="mark" d="M%s %sH%s"/><text class="markt" x="%s" y="%s">%s</text>`,
			pos(c.left()), pos(at), pos(c.right()), pos(c.right()-2), pos(label), escape(m.Name))
	}
}

// line draws a series, dots excepted, and returns how many points with a value other than zero it has.
func (c *canvas) line(l Line, x, y scale) (values int) {
	for _, q := range l.Points {
		if !math.IsNaN(q.Y) && q.Y != 0 {
			values++
		}
	}
	switch l.Style {
	case Dots:
		return values
	case Bars:
		c.bars(l, x, y)
		return values
	}
	var path, area, alone strings.Builder
	for _, run := range unbroken(l.Points, y) {
		if len(run) == 1 {
			fmt.Fprintf(&alone, "M%s %sh0", pos(x.at(run[0].X)), pos(y.at(run[0].Y)))
			continue
		}
		fmt.Fprintf(&area, "M%s %s", pos(x.at(run[0].X)), pos(c.bottom()))
		for i, q := range run {
			command := "L"
			if i == 0 {
				command = "M"
			}
			fmt.Fprintf(&path, "%s%s %s", command, pos(x.at(q.X)), pos(y.at(q.Y)))
			fmt.Fprintf(&area, "L%s %s", pos(x.at(q.X)), pos(y.at(q.Y)))
		}
		fmt.Fprintf(&area, "L%s %sZ", pos(x.at(run[len(run)-1].X)), pos(c.bottom()))
	}
	if l.Style == Area && area.Len() > 0 {
		fmt.Fprintf(c, `<path class="area %s" d="%s"/>`, l.Colour.name(), area.String())
	}
	if path.Len() > 0 {
		fmt.Fprintf(c, `<path class="line %s %s" d="%s"/>`, l.Style.name(), l.Colour.name(), path.String())
	}
	if alone.Len() > 0 {
		fmt.Fprintf(c, `<path class="alone %s" d="%s"/>`, l.Colour.name(), alone.String())
	}
	return values
}

// unbroken cuts a line where it has gaps.
func unbroken(points []Point, y scale) [][]Point {
	var runs [][]Point
	from := 0
	for i := 0; i <= len(points); i++ {
		if i < len(points) && !math.IsNaN(points[i].X+points[i].Y) && (!y.axis.Log || points[i].Y > 0) {
			continue
		}
		if i > from {
			runs = append(runs, points[from:i])
		}
		from = i + 1
	}
	return runs
}

func (c *canvas) bars(l Line, x, y scale) {
	width := max(1, 0.8*(c.right()-c.left())/max(1, float64(len(l.Points)))-0.5)
	var d strings.Builder
	for _, q := range l.Points {
		if !(q.Y > 0) || math.IsNaN(q.X) {
			continue
		}
		top := min(y.at(q.Y), c.bottom()-1.5) // one of a thousand is still seen
		fmt.Fprintf(&d, "M%s %sV%sh%sV%sZ", pos(x.at(q.X)-width/2), pos(c.bottom()), pos(top), pos(width), pos(c.bottom()))
	}
	if d.Len() > 0 {
		fmt.Fprintf(c, `<path class="bars %s" d="%s"/>`, l.Colour.name(), d.String())
	}
}

func (c *canvas) dots(l Line, x, y scale) {
	for _, q := range l.Points {
		if !y.holds(q.Y) || !x.holds(q.X) {
			continue
		}
		fmt.Fprintf(c, `<path class="dot %s" d="M%s %sl5 5l-5 5l-5 -5Z"><title>%s</title></path>`,
			l.Colour.name(), pos(x.at(q.X)), pos(y.at(q.Y)-5), escape(q.Text))
	}
}

// hits lays an area over each value of X, whose tooltip tells the values of all lines there.
func (c *canvas) hits(p LineChart, x scale) {
	texts := make(map[float64]string)
	for _, l := range p.Lines {
		if l.Style == Dots {
			continue
		}
		for _, q := range l.Points {
			if math.IsNaN(q.X) {
				continue
			}
			text, ok := texts[q.X]
			if !ok {
				if text = q.Text; text == "" {
					text = p.X.words(q.X)
				}
			}
			if !math.IsNaN(q.Y) {
				text += "\n" + l.Name + ": " + p.Y.words(q.Y)
			}
			texts[q.X] = text
		}
	}
	at := make([]float64, 0, len(texts))
	for v := range texts {
		at = append(at, v)
	}
	slices.Sort(at)
	stride := (len(at) + maxHits - 1) / maxHits
	for i := 0; i < len(at); i += stride {
		from, to := c.left(), c.right()
		if i > 0 {
			from = (x.at(at[i-stride]) + x.at(at[i])) / 2
		}
		if i+stride < len(at) {
			to = (x.at(at[i]) + x.at(at[i+stride])) / 2
		}
		c.hit(from, to, texts[at[i]])
	}
}

// words writes a value of the axis where there is room.
func (a Axis) words(v float64) string {
	if a.Time {
		return moment(v)
	}
	return strings.TrimSpace(numeral(v) + " " + a.Unit)
}

func (c *canvas) hit(from, to float64, text string) {
	fmt.Fprintf(c, `<rect class="hit" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`,
		pos(from), pos(c.top()), pos(max(to-from, 0.5)), pos(c.bottom()-c.top()), escape(text))
}

func (h HeatMap) draw() string {
	c := newCanvas(h.Title, false)
	xs, lo, hi, most := [2]float64{0, 0}, len(h.Bounds), 0, 0
	for _, column := range h.Columns {
		widen(&xs, column.From)
		widen(&xs, column.To)
		for i, n := range column.Counts {
			if n > 0 {
				lo, hi, most = min(lo, column.First+i), max(hi, column.First+i+1), max(most, n)
			}
		}
	}
	ys := nothing()
	if most > 0 {
		widen(&ys, h.Bounds[lo])
		widen(&ys, h.Bounds[hi])
	}
	for _, m := range h.Marks {
		widen(&ys, m.Y)
	}
	if ys[0] > ys[1] {
		ys = [2]float64{1, 10}
	}
	x := newScale(h.X, xs[0], xs[1], c.left(), c.right(), 8)
	y := newScale(h.Y, ys[0], ys[1], c.bottom(), c.top(), 5)
	c.axes(x, y)
	var levels [heatLevels]strings.Builder
	for _, column := range h.Columns {
		for i, n := range column.Counts {
			if n <= 0 {
				continue
			}
			cell := column.First + i
			left, right := x.at(column.From), x.at(column.To)
			fmt.Fprintf(&levels[heatLevel(n, most)], "M%s %sH%sV%sH%sZ",
				pos(left), pos(y.at(h.Bounds[cell])), pos(right), pos(y.at(h.Bounds[cell+1])), pos(left))
		}
	}
	for i := range levels {
		if levels[i].Len() > 0 {
			fmt.Fprintf(c, `<path class="h%d" d="%s"/>`, i+1, levels[i].String())
		}
	}
	c.marks(h.Marks, y)
	for _, column := range h.Columns {
		c.hit(x.at(column.From), x.at(column.To), column.Text)
	}
	c.end()
	var legend strings.Builder
	legend.WriteString(`<span class="key">1`)
	for i := range heatLevels {
		fmt.Fprintf(&legend, `<i class="k-heat h%d"></i>`, i+1)
	}
	fmt.Fprintf(&legend, `%s in a cell</span>`, Thousands(int64(most)))
	return figure(h.Title, h.Y.Unit, legend.String(), c.String(), false)
}

// heatLevel is the shade of a count, by its logarithm: one slow request among thousands is still seen.
func heatLevel(n, most int) int {
	if most <= 1 {
		return heatLevels - 1
	}
	return int(math.Round((heatLevels - 1) * math.Log(float64(n)) / math.Log(float64(most))))
}

func figure(title, unit, legend, svg string, wide bool) string {
	class := "plot"
	if wide {
		class += " wide"
	}
	if unit != "" {
		unit = `<span class="unit">` + escape(unit) + `</span>`
	}
	return fmt.Sprintf(`<figure class="%s"><figcaption><span class="name">%s</span>%s<span class="legend">%s</span></figcaption>%s</figure>`,
		class, escape(title), unit, legend, svg)
}

// escape makes a text safe inside the markup. Charts have their texts cleaned here and not before, as they are drawn
// nowhere else.
func escape(s string) string { return template.HTMLEscapeString(printable(s)) }

// pos writes a position to a tenth.
func pos(v float64) string {
	s := fmt.Sprintf("%.1f", v)
	return strings.TrimSuffix(s, ".0")
}

func (c Colour) name() string {
	switch c {
	case Amber:
		return "amber"
	case Red:
		return "red"
	case Grey:
		return "grey"
	case Green:
		return "green"
	case Violet:
		return "violet"
	case Teal:
		return "teal"
	}
	return "blue"
}

func (s Style) name() string {
	switch s {
	case Area:
		return "area"
	case Dashed:
		return "dashed"
	case Bars:
		return "bars"
	case Dots:
		return "dots"
	}
	return "solid"
}
