package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
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
			{Suite: "other", Name: "spike", Status: Skipped, Message: "not asked for"},
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
	}, Cases: []Case{{Suite: text.Draw(t, "suite"), Name: text.Draw(t, "case"), Status: Failed, Message: text.Draw(t, "message")}}}
}

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
