package report

import (
	"fmt"
)

// Charts is a group of plots. HTML draws them; the other forms leave them out, as tables and data hold the figures.
type Charts struct {
	Title string
	Note  string
	Plots []Plot
}

// Plot is one picture of Charts: a LineChart, a HeatMap or a SpanChart.
type Plot interface{ plot() }

// LineChart is lines, bars or dots over one pair of axes.
type LineChart struct {
	Title string
	Wide  bool // as wide as the page, not half of it
	X, Y  Axis
	Lines []Line
	Marks []Mark
	Empty string // what the chart says when no line has a value but zero
}

// Line is one series of a LineChart, its points in the order of X.
type Line struct {
	Name   string
	Colour Colour
	Style  Style
	Points []Point
}

// Point is one value. A Y that is not a number leaves a gap in the line.
type Point struct {
	X, Y float64
	Text string // names X where the pointer rests; "" = X as the axis writes it
}

// Mark is a horizontal line with a name, such as a target.
type Mark struct {
	Name string
	Y    float64
}

// HeatMap is how many values fell into each cell of a grid: a column is one piece of X, and Bounds cut all columns
// alike.
type HeatMap struct {
	Title   string
	X, Y    Axis
	Bounds  []float64 // of the cells along Y, ascending, one more than there are cells
	Columns []HeatColumn
	Marks   []Mark
}

// HeatColumn is the cells over one piece of X.
type HeatColumn struct {
	From, To float64
	First    int   // the cell of Counts[0]
	Counts   []int // of the cells from First on
	Text     string
}

// Axis says how an axis is scaled and labelled. Its ends follow from the values.
type Axis struct {
	Unit  string
	To    float64 // its end is no less; so plots of one time have one axis
	Log   bool    // logarithmic; values of zero or less are not drawn
	Time  bool    // values are seconds
	Whole bool    // values are whole numbers
	Ticks []Tick  // nil: round numbers
}

// Tick is one labelled position of an axis.
type Tick struct {
	At    float64
	Label string
}

// Colour is a colour by its role; light and dark pages have their own of each.
type Colour int

// The colours.
const (
	Blue Colour = iota
	Amber
	Red
	Grey
	Green
	Violet
	Teal
)

// Style is how the points of a line are joined.
type Style int

// The styles.
const (
	Solid Style = iota
	Area        // a line, and the space below it tinted
	Dashed
	Bars // one for each point, down to zero
	Dots // not joined; in the legend and under the pointer with their own texts
)

func (Charts) block() {}

func (LineChart) plot() {}
func (HeatMap) plot()   {}
func (SpanChart) plot() {}

// check refuses a heat map whose cells do not exist.
func (c Charts) check() error {
	for _, p := range c.Plots {
		h, ok := p.(HeatMap)
		if !ok {
			continue
		}
		for i, column := range h.Columns {
			if column.First < 0 || column.First+len(column.Counts) > len(h.Bounds)-1 {
				return fmt.Errorf("heat map %q: column %d has cells beyond its %d bounds", h.Title, i, len(h.Bounds))
			}
		}
	}
	return nil
}
