// Package report turns one plain result into bytes: a table for people at a terminal, JSON for programs, Markdown
// for an issue, one self-contained HTML page with its charts for a mail, JUnit and annotations for a pipeline, CSV and
// the HDR log for other tools.
//
// A measurement returns data; its Document method says how the data reads; Write does the rest. Write is pure: the
// same document, format and options give the same bytes, and nothing here looks at a terminal, a clock or the
// environment.
package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Format names one of the forms a Document can take.
type Format string

// The formats, by the names that -o takes.
const (
	FormatTable    Format = "table"
	FormatJSON     Format = "json"
	FormatMarkdown Format = "markdown"
	FormatHTML     Format = "html"
	FormatJUnit    Format = "junit"
	FormatGitHub   Format = "github" // workflow commands that annotate a GitHub Actions run
	FormatCSV      Format = "csv"
	FormatHDR      Format = "hdr"    // the interval log of HdrHistogram
	FormatVegeta   Format = "vegeta" // every request as vegeta's commands read it; written while a test runs, and no form of a document
)

// Formats lists every format, the default first. Each document has the first four; see Document.Formats.
func Formats() []Format {
	return []Format{
		FormatTable, FormatJSON, FormatMarkdown, FormatHTML, FormatJUnit, FormatGitHub, FormatCSV, FormatHDR, FormatVegeta,
	}
}

// ParseFormat returns the format with that name.
func ParseFormat(name string) (Format, error) {
	f := Format(strings.ToLower(strings.TrimSpace(name)))
	if !slices.Contains(Formats(), f) {
		return "", fmt.Errorf("there is no output format %q", name)
	}
	return f, nil
}

// Document is a result, ready to be read.
type Document struct {
	// Schema names the shape of Data, such as "honeydue.probe/1". JSON prints it first.
	Schema string
	Title  string
	Blocks []Block
	// Width is how wide the table form is where no terminal says it (Options.Width is 0); 0 = as wide as it needs.
	Width int
	// Brief is what Markdown prints instead of Blocks, where the reader is a chat's and not a report's; nil = Blocks.
	Brief []Block
	// Data is what JSON prints: a value that encodes to a JSON object. Its field names carry their units (p99_ms).
	Data any
	// Cases is what JUnit and GitHub print; a document without cases has neither form.
	Cases []Case
	// Seconds is how long all cases took together, where they shared that time and have none of their own.
	Seconds float64
	// Sheet is what CSV prints; a document without one has no CSV form.
	Sheet *Sheet
	// HistogramLog writes the HDR form. Only who holds the histograms can encode them; a document without any has nil.
	HistogramLog func(io.Writer) error
}

// Formats lists the formats that the document can take, in the order of the function of that name.
func (d Document) Formats() []Format {
	return slices.DeleteFunc(Formats(), func(f Format) bool {
		switch f {
		case FormatJUnit, FormatGitHub:
			return len(d.Cases) == 0
		case FormatCSV:
			return d.Sheet == nil
		case FormatHDR:
			return d.HistogramLog == nil
		case FormatVegeta:
			return true
		}
		return false
	})
}

// Block is one part of a document: Paragraph, Table, KeyValues, Verbatim or Charts.
type Block interface{ block() }

// Tone says how a text is meant. Colour follows from it, and never stands alone: the words must say it too.
type Tone int

// The tones.
const (
	Plain Tone = iota
	Good
	Warn
	Bad
	Dim
)

// Paragraph is running text. Line breaks in it are kept.
type Paragraph struct {
	Text string
	Tone Tone
}

// Table is rows under columns. A row may be shorter than Columns; one that is longer is an error.
type Table struct {
	Title   string
	Columns []string
	Rows    [][]Cell
	Note    string // one line below the table, such as the conditions of its numbers
	// Spare are columns that a terminal goes without where it is too narrow for all in whole words, by their positions,
	// the first to go first.
	Spare []int
}

// KeyValues is a list of named values.
type KeyValues struct {
	Title string
	Pairs []Pair
}

// Verbatim is text to be copied, such as commands: it is never wrapped and never coloured. Title stands above it.
type Verbatim struct{ Title, Text string }

// Pair is one named value.
type Pair struct {
	Key   string
	Value Cell
}

// Cell is one field of a table. A column whose cells are all Right (or empty) has its heading to the right as well.
type Cell struct {
	Text  string
	Tone  Tone
	Right bool
	Link  string // http or https: where HTML and Markdown lead from the text; anything else leads nowhere
}

func (Paragraph) block() {}
func (Table) block()     {}
func (KeyValues) block() {}
func (Verbatim) block()  {}

// Text returns a plain cell.
func Text(s string) Cell { return Cell{Text: s} }

// Textf returns a plain cell with a formatted text.
func Textf(format string, args ...any) Cell { return Cell{Text: fmt.Sprintf(format, args...)} }

// Toned returns a cell with a tone.
func Toned(t Tone, s string) Cell { return Cell{Text: s, Tone: t} }

// Number returns a right-aligned cell with a fixed number of decimals, so that a column of them lines up.
func Number(v float64, decimals int) Cell {
	return Cell{Text: fmt.Sprintf("%.*f", decimals, v), Right: true}
}

// Millis returns a right-aligned cell with a duration in milliseconds, to the tenth.
func Millis(d time.Duration) Cell { return Number(float64(d)/float64(time.Millisecond), 1) }

// Count returns a right-aligned cell with a whole number, thousands set apart: 12,000.
func Count(n int64) Cell { return Cell{Text: Thousands(n), Right: true} }

// WithTone returns the cell in another tone.
func (c Cell) WithTone(t Tone) Cell {
	c.Tone = t
	return c
}

// WithLink returns the cell as a link; "" is none.
func (c Cell) WithLink(address string) Cell {
	c.Link = address
	return c
}

// Address is the cell's link, "" unless it is an http or https URL: the others may run a script.
func (c Cell) Address() string {
	u, err := url.Parse(c.Link)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}

// Thousands writes a whole number with commas between its thousands.
func Thousands(n int64) string {
	digits := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// Case is one verdict of a document in JUnit's terms.
type Case struct {
	Suite   string
	Name    string
	Status  Status
	Seconds float64
	Message string // what was found; JUnit leaves it out where that is Passed
}

// Status is the outcome of a Case.
type Status string

// The outcomes. What should have been judged and could not be is Errored, so that no pipeline takes it for a pass; what
// may be missing is Skipped. Remarked has passed, and its message is worth reading.
const (
	Passed   Status = "passed"
	Remarked Status = "note"
	Failed   Status = "failed"
	Errored  Status = "error"
	Skipped  Status = "skipped"
)

// Options are what a format depends on besides the document.
type Options struct {
	Color   bool   // table only: ANSI colours
	Width   int    // table only: columns of the terminal; 0 = as the document says
	Version string // JSON and HTML: the honeydue that made the report
	Commit  string
}

// Write renders d as f. Nothing reaches w unless the whole document could be rendered.
func Write(w io.Writer, f Format, d Document, o Options) error {
	for _, b := range d.Blocks {
		if t, ok := b.(Table); ok {
			if err := t.check(); err != nil {
				return err
			}
		}
		if c, ok := b.(Charts); ok {
			if err := c.check(); err != nil {
				return err
			}
		}
	}
	d = d.clean()
	if o.Width == 0 {
		o.Width = d.Width
	}
	var (
		buf bytes.Buffer
		err error
	)
	switch f {
	case FormatTable:
		err = writeTable(&buf, d, o)
	case FormatJSON:
		err = writeJSON(&buf, d, o)
	case FormatMarkdown:
		writeMarkdown(&buf, d)
	case FormatHTML:
		err = writeHTML(&buf, d, o)
	case FormatJUnit:
		err = writeJUnit(&buf, d)
	case FormatGitHub:
		err = writeGitHub(&buf, d)
	case FormatCSV:
		err = writeCSV(&buf, d)
	case FormatHDR:
		if d.HistogramLog == nil {
			return errors.New("this report holds no histograms, so it has no HDR log")
		}
		err = d.HistogramLog(&buf)
	case FormatVegeta:
		return errors.New("a report does not hold each request, so it cannot be written for vegeta")
	default:
		err = fmt.Errorf("there is no output format %q", f)
	}
	if err != nil {
		return fmt.Errorf("render %q as %s: %w", d.Title, f, err)
	}
	_, err = w.Write(buf.Bytes())
	return err
}

func (t Table) check() error {
	for i, row := range t.Rows {
		if len(row) > len(t.Columns) {
			return fmt.Errorf("table %q: row %d has %d cells for %d columns", t.Title, i, len(row), len(t.Columns))
		}
	}
	for _, i := range t.Spare {
		if i < 0 || i >= len(t.Columns) {
			return fmt.Errorf("table %q: there is no column %d to spare", t.Title, i)
		}
	}
	return nil
}

// rightColumns tells for each column whether its heading belongs to the right.
func (t Table) rightColumns() []bool {
	right := make([]bool, len(t.Columns))
	for col := range t.Columns {
		some, all := false, true
		for _, row := range t.Rows {
			if col >= len(row) || row[col].Text == "" {
				continue
			}
			some = true
			all = all && row[col].Right
		}
		right[col] = some && all
	}
	return right
}

// cell returns the cell of a row, empty where the row is short.
func cell(row []Cell, col int) Cell {
	if col < len(row) {
		return row[col]
	}
	return Cell{}
}
