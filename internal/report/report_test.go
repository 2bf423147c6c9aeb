package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample has one of everything, and texts that are out to break each format.
func sample() Document {
	return Document{
		Schema: "honeydue.sample/1",
		Title:  "Release gate against https://api.example <staging>",
		Blocks: []Block{
			Paragraph{Text: "FAIL: cold misses its target by 61 ms.", Tone: Bad},
			Paragraph{Text: "Two pods, 25 connections each.\nMeasured from the schedule, not from the send."},
			Table{
				Title:   "Phases",
				Columns: []string{"phase", "verdict", "requests", "p99 ms", "evidence"},
				Rows: [][]Cell{
					{Text("warm"), Toned(Good, "pass"), Count(12000), Number(118.44, 1), Text("41 of 101 allowed over 200 ms")},
					{Text("cold"), Toned(Bad, "fail"), Count(1049), Number(761, 1), Text("plan: Seq Scan on tasks (a | b) *and* <script>alert(1)</script>\nsecond line")},
					{Text("first"), Toned(Warn, "inconclusive"), Count(3)},
				},
				Note: "ms from the scheduled moment; 95% confidence",
			},
			KeyValues{Title: "Conditions", Pairs: []Pair{
				{"link", Text("110 ms, both ways")},
				{"samples", Count(1234567)},
				{"cache", Toned(Dim, "warm")},
			}},
			sampleCharts(),
			Verbatim{Text: "psql \"$DATABASE_URL\" -c 'ANALYZE tasks; -- <as it stands>, `not` wrapped at any width'"},
		},
		Data: struct {
			Verdict string  `json:"verdict"`
			P99     float64 `json:"p99_ms"`
			Plan    string  `json:"plan"`
			Commit  string  `json:"commit"`
		}{"fail", 761, "a < b", ""},
		Cases: []Case{
			{Suite: "loadtest", Name: "warm", Status: Passed, Seconds: 240},
			{Suite: "loadtest", Name: "cold", Status: Failed, Seconds: 60.5, Message: `p99 761 ms "over" <700> ms` + "\x1b[0m"},
			{Suite: "loadtest", Name: "first", Status: Errored, Message: "too few restarts"},
			{Suite: "other", Name: "soak", Status: Remarked, Message: "3 requests were sent again"},
			{Suite: "other", Name: "spike", Status: Skipped, Message: "not asked for"},
			{Suite: "other", Name: "100%, at: once", Status: Passed, Message: "first line\r\n::error::second"},
		},
		Sheet: &Sheet{Columns: []string{"phase", "p99_ms"}, Rows: [][]string{{"warm", "118.44"}, {`a "b", c`, ""}, {"two\nlines\x1b", "1"}}},
		HistogramLog: func(w io.Writer) error {
			_, err := io.WriteString(w, "#[Histogram log format version 1.3]\n")
			return err
		},
	}
}

// sampleCharts has one of every style, gaps and values that can't be drawn.
func sampleCharts() Charts {
	nan := math.NaN()
	course := func(y ...float64) []Point {
		points := make([]Point, len(y))
		for i, v := range y {
			points[i] = Point{X: float64(i) + 0.5, Y: v}
		}
		return points
	}
	return Charts{
		Title: "Course <of> it", Note: "a & b",
		Plots: []Plot{
			LineChart{
				Title: "Latency \x1b & more", Wide: true, X: Axis{Time: true, To: 90}, Y: Axis{Unit: "ms", Log: true},
				Lines: []Line{
					{Name: "max", Colour: Grey, Points: course(900, nan, 450, 451, nan)},
					{Name: "p50 <median>", Style: Area, Points: course(0, 12, 14, 11, 13)},
					{Name: "target", Colour: Red, Style: Dots, Points: []Point{{X: 2, Y: 200, Text: `"200" ms`}}},
				},
				Marks: []Mark{{"target 200 ms", 200}},
			},
			LineChart{
				Title: "Throughput", X: Axis{Ticks: []Tick{{0, "none"}, {5, "all"}}, To: 5}, Y: Axis{Unit: "requests/s"},
				Lines: []Line{{Name: "due", Style: Dashed, Colour: Amber, Points: course(50, 50, 1250)}},
			},
			LineChart{Title: "Errors", X: Axis{Time: true}, Y: Axis{Whole: true}, Lines: []Line{{Name: "5xx", Style: Bars, Points: course(0, 0, 0)}}, Empty: "no request failed"},
			LineChart{Title: "Errors, some", X: Axis{Time: true}, Y: Axis{Whole: true}, Lines: []Line{{Name: "5xx", Style: Bars, Colour: Red, Points: course(0, 2, 1)}}, Empty: "no request failed"},
			HeatMap{
				Title: "Heat", X: Axis{Time: true}, Y: Axis{Unit: "ms", Log: true}, Bounds: []float64{1, 10, 100, 1000},
				Columns: []HeatColumn{{From: 0, To: 1, First: 0, Counts: []int{1, 30}, Text: "31 <requests>"}, {From: 1, To: 2, First: 1, Counts: []int{0, 4}}},
				Marks:   []Mark{{"target 200 ms", 200}},
			},
		},
	}
}

func TestGolden(t *testing.T) {
	build := Options{Version: "1.2.3", Commit: "abc1234"}
	color, narrow := build, build
	color.Color = true
	narrow.Width = 60
	tests := []struct {
		file   string
		format Format
		o      Options
	}{
		{"sample.txt", FormatTable, build},
		{"sample.color.txt", FormatTable, color},
		{"sample.narrow.txt", FormatTable, narrow},
		{"sample.json", FormatJSON, build},
		{"sample.md", FormatMarkdown, build},
		{"sample.html", FormatHTML, build},
		{"sample.junit.xml", FormatJUnit, build},
		{"sample.github.txt", FormatGitHub, build},
		{"sample.csv", FormatCSV, build},
		{"sample.hlog", FormatHDR, build},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			var got bytes.Buffer
			if err := Write(&got, tt.format, sample(), tt.o); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", tt.file)
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("differs from %s; when that is meant, run the test with -update\n%s", path, got.String())
			}
		})
	}
}

func TestJSONPutsTheEnvelopeFirst(t *testing.T) {
	type own struct {
		Figure  int    `json:"figure_ms"`
		Schema  string `json:"schema"`
		Commit  string `json:"commit"`
		Started string `json:"started_at"`
	}
	tests := []struct {
		name string
		data any
		want string
	}{
		{"nothing", nil, `{"schema":"s/1","version":"v","commit":"c"}`},
		{"its own", own{1, "own/2", "own", "t"}, `{"schema":"own/2","version":"v","commit":"own","figure_ms":1,"started_at":"t"}`},
		{"its own left empty", own{1, "", "", ""}, `{"schema":"s/1","version":"v","commit":"c","figure_ms":1,"started_at":""}`},
		{"a map", map[string]any{"b": 1, "a": []int{}}, `{"schema":"s/1","version":"v","commit":"c","a":[],"b":1}`},
	}
	for _, tt := range tests {
		var out, compact bytes.Buffer
		if err := Write(&out, FormatJSON, Document{Schema: "s/1", Data: tt.data}, Options{Version: "v", Commit: "c"}); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if err := json.Compact(&compact, out.Bytes()); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if compact.String() != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, compact.String(), tt.want)
		}
	}
}

func TestWhatCannotBeRenderedWritesNothing(t *testing.T) {
	tests := []struct {
		name   string
		format Format
		d      Document
	}{
		{"data that is no object", FormatJSON, Document{Data: []int{1}}},
		{"data that JSON does not know", FormatJSON, Document{Data: map[string]any{"f": func() {}}}},
		{"no cases for JUnit", FormatJUnit, Document{Title: "x"}},
		{"a case without a status", FormatJUnit, Document{Cases: []Case{{Name: "x"}}}},
		{"no cases for GitHub", FormatGitHub, Document{Title: "x"}},
		{"a case without a status for GitHub", FormatGitHub, Document{Cases: []Case{{Name: "x"}}}},
		{"no sheet", FormatCSV, Document{Title: "x"}},
		{"a row of the sheet that is too short", FormatCSV, Document{Sheet: &Sheet{Columns: []string{"a", "b"}, Rows: [][]string{{"1"}}}}},
		{"no histograms", FormatHDR, Document{Title: "x"}},
		{"histograms that can't be written", FormatHDR, Document{HistogramLog: func(w io.Writer) error {
			_, _ = io.WriteString(w, "half")
			return errors.New("no")
		}}},
		{"a cell without bounds", FormatTable, Document{Blocks: []Block{Charts{Plots: []Plot{HeatMap{Bounds: []float64{1, 2}, Columns: []HeatColumn{{Counts: []int{1, 2}}}}}}}}},
		{"a cell below the first", FormatHTML, Document{Blocks: []Block{Charts{Plots: []Plot{HeatMap{Bounds: []float64{1, 2}, Columns: []HeatColumn{{First: -1, Counts: []int{1}}}}}}}}},
		{"a row longer than the columns", FormatTable, Document{Blocks: []Block{Table{Columns: []string{"a"}, Rows: [][]Cell{{Text("1"), Text("2")}}}}}},
		{"an unknown format", "yaml", sample()},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		if err := Write(&out, tt.format, tt.d, Options{}); err == nil || out.Len() > 0 {
			t.Errorf("%s: error %v, and %d bytes were written", tt.name, err, out.Len())
		}
	}
}

func TestEmptyTablesAndDocuments(t *testing.T) {
	for _, f := range []Format{FormatTable, FormatMarkdown, FormatHTML, FormatJSON} {
		for _, d := range []Document{{}, {Title: "t"}, {Blocks: []Block{Table{Title: "none", Columns: []string{"a", "b"}}, KeyValues{}, Paragraph{}}}} {
			if err := Write(&bytes.Buffer{}, f, d, Options{Color: true, Width: 40}); err != nil {
				t.Errorf("%s of %+v: %v", f, d, err)
			}
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", 1234567: "1,234,567", -12: "-12"} {
		if got := Thousands(n); got != want {
			t.Errorf("Thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0", 118440 * time.Microsecond: "118.4", 2 * time.Second: "2000.0",
	} {
		if got := Millis(d); got.Text != want || !got.Right {
			t.Errorf("Millis(%v) = %+v, want %q", d, got, want)
		}
	}
}

func drawDocument(t *rapid.T) Document {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab <>&\"'|*_`#\\\n\té漢\x1b\x00")), 0, 30, -1)
	columns := rapid.IntRange(1, 5).Draw(t, "columns")
	table := Table{Title: text.Draw(t, "title"), Note: text.Draw(t, "note"), Columns: rapid.SliceOfN(text, columns, columns).Draw(t, "heads")}
	for range rapid.IntRange(0, 4).Draw(t, "rows") {
		var row []Cell
		for range rapid.IntRange(0, columns).Draw(t, "cells") {
			row = append(row, Cell{Text: text.Draw(t, "cell"), Tone: Tone(rapid.IntRange(0, 4).Draw(t, "tone")), Right: rapid.Bool().Draw(t, "right")})
		}
		table.Rows = append(table.Rows, row)
	}
	return Document{Title: text.Draw(t, "document"), Blocks: []Block{
		Paragraph{Text: text.Draw(t, "paragraph")},
		table,
		KeyValues{Pairs: []Pair{{text.Draw(t, "key"), Text(text.Draw(t, "value"))}}},
		Verbatim{Text: text.Draw(t, "verbatim")},
		drawCharts(t, text),
	}, Cases: []Case{{Suite: text.Draw(t, "suite"), Name: text.Draw(t, "case"), Status: Failed, Message: text.Draw(t, "message")}}}
}

// drawCharts has plots of any values: none, one, negative, not a number, far apart.
func drawCharts(t *rapid.T, text *rapid.Generator[string]) Charts {
	value := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 100), rapid.SampledFrom([]float64{0, -1, math.NaN(), math.Inf(1), 1e-300}))
	axis := rapid.Custom(func(t *rapid.T) Axis {
		return Axis{Unit: text.Draw(t, "unit"), Log: rapid.Bool().Draw(t, "log"), Time: rapid.Bool().Draw(t, "time"), Whole: rapid.Bool().Draw(t, "whole"), To: value.Draw(t, "to")}
	})
	chart := LineChart{Title: text.Draw(t, "chart"), X: axis.Draw(t, "x"), Y: axis.Draw(t, "y"), Empty: text.Draw(t, "empty"), Marks: []Mark{{text.Draw(t, "mark"), value.Draw(t, "at")}}}
	for range rapid.IntRange(0, 3).Draw(t, "lines") {
		chart.Lines = append(chart.Lines, Line{
			Name: text.Draw(t, "line"), Style: Style(rapid.IntRange(0, 4).Draw(t, "style")), Colour: Colour(rapid.IntRange(0, 3).Draw(t, "colour")),
			Points: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Point {
				return Point{X: value.Draw(t, "px"), Y: value.Draw(t, "py"), Text: text.Draw(t, "pt")}
			}), 0, 6).Draw(t, "points"),
		})
	}
	heat := HeatMap{Title: text.Draw(t, "heat"), X: axis.Draw(t, "hx"), Y: axis.Draw(t, "hy"), Bounds: rapid.SliceOfN(value, 4, 4).Draw(t, "bounds")}
	for range rapid.IntRange(0, 3).Draw(t, "columns") {
		heat.Columns = append(heat.Columns, HeatColumn{
			From: value.Draw(t, "from"), To: value.Draw(t, "until"), Text: text.Draw(t, "column"),
			First: rapid.IntRange(0, 1).Draw(t, "first"), Counts: rapid.SliceOfN(rapid.IntRange(-1, 1000), 0, 2).Draw(t, "counts"),
		})
	}
	return Charts{Title: text.Draw(t, "charts"), Plots: []Plot{chart, heat}}
}

// svgs finds each drawing of a page.
var svgs = regexp.MustCompile(`(?s)<svg .*?</svg>`)

func TestEveryDocumentIsWellFormed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		var page, junit, table bytes.Buffer
		if err := Write(&page, FormatHTML, d, Options{}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(page.String(), "<script") {
			t.Fatalf("markup got through: %s", page.String())
		}
		drawn := svgs.FindAllString(page.String(), -1)
		if len(drawn) != 2 {
			t.Fatalf("%d drawings", len(drawn))
		}
		for _, svg := range drawn {
			if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil {
				t.Fatalf("%v in %s", err, svg)
			}
			if bad := regexp.MustCompile(`[ "MLVHhl](NaN|[+-]?Inf)`).FindString(svg); bad != "" {
				t.Fatalf("%q is no position: %s", bad, svg)
			}
		}
		if err := Write(&junit, FormatJUnit, d, Options{}); err != nil {
			t.Fatal(err)
		}
		if err := xml.Unmarshal(junit.Bytes(), new(struct{})); err != nil {
			t.Fatalf("%v in %s", err, junit.String())
		}
		if err := Write(&table, FormatTable, d, Options{}); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(table.String(), "\x1b\x00") {
			t.Fatalf("a control character reaches the terminal: %q", table.String())
		}
	})
}

// TestColumnsGoBeforeWordsBreak: a table goes without what it can spare, says so, and keeps its words whole.
func TestColumnsGoBeforeWordsBreak(t *testing.T) {
	table := Table{
		Columns: []string{"Name", "Count", "Reached by"}, Spare: []int{2, 1},
		Rows: [][]Cell{{Text("residence_list"), Count(12), Text("residence_users_user_idx, residences_pkey")}},
	}
	for width, want := range map[int]string{
		0:  "Name            Count  Reached by\nresidence_list     12  residence_users_user_idx, residences_pkey\n",
		50: "Name            Count  Reached by\nresidence_list     12  residence_users_user_idx,\n                       residences_pkey\n",
		30: "Name            Count\nresidence_list     12\nNo room for: Reached by.\n",
		20: "Name\nresidence_list\nNo room for: Reached\nby, Count.\n",
	} {
		var out bytes.Buffer
		if err := Write(&out, FormatTable, Document{Blocks: []Block{table}}, Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("at %d columns it is\n%s\nwant\n%s", width, out.String(), want)
		}
	}
	table.Spare = []int{3}
	if err := Write(&bytes.Buffer{}, FormatTable, Document{Blocks: []Block{table}}, Options{}); err == nil {
		t.Error("a column that is not there can be spared")
	}
}

// TestADocumentIsAsWideAsItSays where no terminal says more.
func TestADocumentIsAsWideAsItSays(t *testing.T) {
	d := Document{Width: 20, Blocks: []Block{Paragraph{Text: "one two three four five"}, Verbatim{Title: "To copy:", Text: "SELECT 1 FROM a_long_name;"}}}
	for width, want := range map[int]string{
		0:  "one two three four\nfive\n\nTo copy:\nSELECT 1 FROM a_long_name;\n",
		12: "one two\nthree four\nfive\n\nTo copy:\nSELECT 1 FROM a_long_name;\n",
	} {
		var out bytes.Buffer
		if err := Write(&out, FormatTable, d, Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("at %d columns it is\n%s\nwant\n%s", width, out.String(), want)
		}
	}
}

// TestManyPassesAreOneAnnotation: GitHub shows ten of a level, and a remark among them is worth more than a pass.
func TestManyPassesAreOneAnnotation(t *testing.T) {
	d := Document{Cases: []Case{{Name: "r", Status: Remarked, Message: "look"}, {Name: "f", Status: Failed}}}
	for i := range githubMost {
		d.Cases = append(d.Cases, Case{Name: fmt.Sprint(i), Status: Passed}, Case{Name: fmt.Sprint(i), Status: Skipped})
	}
	var out bytes.Buffer
	if err := Write(&out, FormatGitHub, d, Options{}); err != nil {
		t.Fatal(err)
	}
	const names = "0%0A1%0A2%0A3%0A4%0A5%0A6%0A7%0A8%0A9"
	want := "::notice title= r%3A note::look\n::error title= f%3A failed::failed\n" +
		"::notice title=10 cases%3A passed::" + names + "\n::warning title=10 cases%3A skipped::" + names + "\n"
	if out.String() != want {
		t.Errorf("it is\n%s\nwant\n%s", out.String(), want)
	}
}

// TestCellsKeepTheirWords: on a page a name is not broken, and sentences have room.
func TestCellsKeepTheirWords(t *testing.T) {
	for text, want := range map[string]string{
		"HD-N11": " word", "└─HD-N11": " word", "residence_users_user_idx": " word", "": "", "holds, limit 8": "",
		strings.Repeat("x", longestWord+1): "", strings.Repeat("word ", 10): " long",
	} {
		if got := shape(text); got != want {
			t.Errorf("%q is%q, want%q", text, got, want)
		}
	}
}

// TestAPageKeepsCodesWhole, and escapes what is around them and in them.
func TestAPageKeepsCodesWhole(t *testing.T) {
	for text, want := range map[string]string{
		"costs 1 ms (HD-Q01; 2 more)":          `costs 1 ms <span class="word">(HD-Q01;</span> 2 more)`,
		"a<b --all<i> [1, -] c":                `a&lt;b <span class="word">--all&lt;i&gt;</span> [1, -] c`,
		strings.Repeat("long-", longestWord/4): strings.Repeat("long-", longestWord/4),
		"plain & simple":                       "plain &amp; simple",
	} {
		if got := whole(text); string(got) != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestTablesStayWithinTheWidth(t *testing.T) {
	word := rapid.StringMatching(`[a-z]{1,9}( [a-z]{1,9}){0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(50, 120).Draw(t, "width")
		table := Table{Title: word.Draw(t, "title"), Columns: []string{"a", "b", "c"}}
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			table.Rows = append(table.Rows, rapid.Custom(func(t *rapid.T) []Cell {
				return []Cell{Text(word.Draw(t, "1")), Text(word.Draw(t, "2")), Text(strings.Repeat(word.Draw(t, "3"), 3))}
			}).Draw(t, "row"))
		}
		var out bytes.Buffer
		if err := Write(&out, FormatTable, Document{Title: "t", Blocks: []Block{table}}, Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if w := runewidth.StringWidth(strings.TrimRight(line, "\n")); w > width {
				t.Fatalf("a line is %d wide of %d: %q", w, width, line)
			}
		}
	})
}
