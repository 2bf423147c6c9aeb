package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"

	"github.com/honeydue/honeydue/internal/bench/stats"
	"github.com/honeydue/honeydue/internal/report"
)

// timedResult is a result with timelines, made of samples and the same each time: warm with a stall in the middle
// and some failures after it, and cold without any of that.
func timedResult() Result {
	var due []time.Duration
	var samples []Sample
	for i := range 600 { // 50 a second
		at := time.Duration(i) * 20 * time.Millisecond
		spread := float64(scatter(uint64(i))%1000) / 1000
		s := Sample{Latency: time.Duration(float64(100*time.Millisecond) * math.Pow(1.4, spread*spread))}
		s.Reply.CacheStatus = "token; hit"
		if stalled := 6*time.Second + 100*time.Millisecond - at; at >= 5*time.Second && stalled > 0 {
			s.Latency = stalled
		}
		if at >= 8*time.Second && at < 9*time.Second && i%5 == 0 {
			s.Kind, s.Reply.Status = "503", 503
		}
		due, samples = append(due, at), append(samples, s)
	}
	r := passingResult()
	r.Target = "http://127.0.0.1:8080/?<b>&"
	warm := phaseOf(PhaseWarm, 200*time.Millisecond, due, samples)
	warm.Verdict, warm.Reasons = Fail, []string{"100% of them: a, b"}
	for i := range samples {
		samples[i] = Sample{Latency: 2 * samples[i].Latency, Reply: samples[i].Reply}
	}
	cold := phaseOf("cold, again", 700*time.Millisecond, due[:300], samples[:300])
	cold.Verdict = Inconclusive
	warm.Timeline.StartedAt, cold.Timeline.StartedAt = r.StartedAt.Add(2500*time.Millisecond), r.StartedAt.Add(20*time.Second)
	warm.Server = testServerTimeline(14)
	r.Verdict, r.Phases = Fail, []Phase{warm, cold}
	r.NotMeasured = []Skipped{{PhaseFirst, "there was nothing to restart the server with"}}
	return r
}

func TestFormsGolden(t *testing.T) {
	texts := render(t, timedResult())
	// What the histograms hold is TestHistogramLogCanBeReadBack's; their bytes are the compressor's own affair.
	texts[report.FormatHDR] = regexp.MustCompile(`HISTFAAAA\S*`).ReplaceAllString(texts[report.FormatHDR], "HISTFAAAA...")
	for format, name := range map[report.Format]string{
		report.FormatCSV: "timed.csv", report.FormatHDR: "timed.hlog", report.FormatGitHub: "timed.github.txt", report.FormatHTML: "timed.html",
	} {
		golden(t, name, texts[format])
	}
}

// The HDR log holds the phases: another reader of the format finds the same percentiles, at the same moments.
func TestHistogramLogCanBeReadBack(t *testing.T) {
	r := timedResult()
	log := hdrhistogram.NewHistogramLogReader(strings.NewReader(render(t, r)[report.FormatHDR]))
	read := make(map[string]*stats.Histogram)
	first := make(map[string]int64)
	for {
		h, err := log.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			break
		}
		if read[h.Tag()] == nil {
			read[h.Tag()], first[h.Tag()] = stats.NewHistogram(), h.StartTimeMs()
		}
		read[h.Tag()].Merge(&stats.Histogram{H: h})
	}
	for i, tag := range []string{"warm", "cold__again"} {
		p, got := r.Phases[i], read[tag]
		if got == nil {
			t.Fatalf("the log has no intervals of %s: %v", tag, read)
		}
		if got.Count() != p.Requests || stats.MS(got.Quantile(0.5)) != p.Latency.P50 || stats.MS(got.Quantile(0.99)) != *p.Latency.P99 || stats.MS(got.Max()) != p.Latency.Max {
			t.Errorf("%s: n = %d, p50 %v, p99 %v, max %v; the phase has %d and %+v", tag, got.Count(), got.Quantile(0.5), got.Quantile(0.99), got.Max(), p.Requests, p.Latency)
		}
		if first[tag] != p.Timeline.StartedAt.UnixMilli() {
			t.Errorf("%s begins at %d, not at %d", tag, first[tag], p.Timeline.StartedAt.UnixMilli())
		}
	}
}

// Readers of the log leave tagged lines out unless they are asked for the tag, so there is one only where it tells phases apart.
func TestOnePhaseIsNotTagged(t *testing.T) {
	two := timedResult()
	one := two
	one.Phases = one.Phases[:1]
	unmeasured := two
	unmeasured.Phases = []Phase{two.Phases[0], {Name: PhaseCold, Verdict: Inconclusive}}
	for name, tc := range map[string]struct {
		r      Result
		tagged bool
	}{"one phase": {one, false}, "a second without requests": {unmeasured, false}, "two": {two, true}} {
		if log := render(t, tc.r)[report.FormatHDR]; strings.Contains(log, "Tag=") != tc.tagged {
			t.Errorf("%s: tagged is %v", name, !tc.tagged)
		}
	}
}

// The rows of the CSV have a time of the clock that never goes back, also where two servers took turns.
func TestSheetTimesGrow(t *testing.T) {
	r := timedResult()
	began := r.StartedAt
	turns := r
	turns.Phases = []Phase{r.Phases[0], r.Phases[1]}
	turns.Phases[0].Timeline.Turns = []Turn{{0, began}, {5000, began.Add(10 * time.Second)}, {10_000, began.Add(20 * time.Second)}}
	turns.Phases[1].Timeline.Turns = []Turn{{0, began.Add(5 * time.Second)}, {5000, began.Add(15 * time.Second)}}
	for name, r := range map[string]Result{"phases": r, "turns": turns} {
		sheet := r.sheet()
		var last time.Time
		phases := ""
		for i, row := range sheet.Rows {
			at, err := time.Parse(time.RFC3339, row[1])
			if err != nil || at.Before(last) {
				t.Errorf("%s, row %d: %s after %v, %v", name, i+1, row[1], last, err)
			}
			if last = at; !strings.HasSuffix(phases, row[0]) {
				phases += "|" + row[0]
			}
		}
		if want := map[string]string{"phases": "|warm|cold, again", "turns": "|warm|cold, again|warm|cold, again|warm"}[name]; phases != want {
			t.Errorf("%s: the order is %s, want %s", name, phases, want)
		}
	}
}

func encoded(t testing.TB) []byte {
	data, err := StoredRun{Version: "1.2.3", Commit: "abc123", Result: timedResult()}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A stored run gives every report that the run itself gave, to the byte.
func TestStoredRunGivesTheSameReports(t *testing.T) {
	stored, err := ReadStoredRun(bytes.NewReader(encoded(t)))
	if err != nil {
		t.Fatal(err)
	}
	if stored.Version != "1.2.3" || stored.Commit != "abc123" {
		t.Errorf("measured by %q %q", stored.Version, stored.Commit)
	}
	again := render(t, stored.Result)
	for format, want := range render(t, timedResult()) {
		if again[format] != want {
			t.Errorf("%s is another:\n%s", format, again[format])
		}
	}
	if want := timedResult().Document().Formats(); len(again) != len(want) {
		t.Errorf("%d of %d forms", len(again), len(report.Formats()))
	}
	twice, err := stored.Encode()
	if err != nil || !bytes.Equal(twice, encoded(t)) {
		t.Errorf("a stored run is not stored as it was: %v", err)
	}
	// Percentiles that no report has can be computed from what is kept.
	want := timedResult().Phases[0].latency.Quantile(0.95)
	if got := stored.Result.Phases[0].latency.Quantile(0.95); got != want || got == 0 {
		t.Errorf("p95 %v, not %v", got, want)
	}
}

func TestStoredRunRefusesWhatItIsNot(t *testing.T) {
	change := func(f func(m *storedFile)) []byte {
		var file storedFile
		if err := json.Unmarshal(encoded(t), &file); err != nil {
			t.Fatal(err)
		}
		f(&file)
		data, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	whole := encoded(t)
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":            {nil, "it is not JSON"},
		"text":             {[]byte("phase,at_ms\n"), "it is not JSON"},
		"no schema":        {[]byte(`{"a":1}`), "it has no schema"},
		"a report":         {[]byte(`{"schema":"honeydue.loadtest/1","result":3}`), "is a report (honeydue.loadtest/1) and no stored run"},
		"a later schema":   {[]byte(`{"schema":"honeydue.loadtest-run/2","result":3}`), `schema is "honeydue.loadtest-run/2"`},
		"cut off":          {whole[:len(whole)/2], "the stored run is damaged"},
		"nothing in it":    {[]byte(`{"schema":"honeydue.loadtest-run/1"}`), "has not the histograms of each phase"},
		"another type":     {[]byte(`{"schema":"honeydue.loadtest-run/1","result":3}`), "the stored run is damaged"},
		"a phase missing":  {change(func(f *storedFile) { f.Histograms = f.Histograms[:1] }), "has not the histograms of each phase"},
		"phases exchanged": {change(func(f *storedFile) { h := f.Histograms; h[0], h[1] = h[1], h[0] }), "those of another phase"},
		"no histogram":     {change(func(f *storedFile) { f.Histograms[0].Latency = "" }), "can't be decoded"},
		"a bit flipped": {change(func(f *storedFile) {
			h := []byte(f.Histograms[0].Latency)
			h[len(h)/2] ^= 2
			f.Histograms[0].Latency = string(h)
		}), "can't be decoded"},
		"requests":        {change(func(f *storedFile) { f.Result.Phases[0].Requests++ }), "holds 600 requests of 601"},
		"percentiles":     {change(func(f *storedFile) { *f.Result.Phases[0].Latency.P99++ }), "not those of its histogram"},
		"a slice's count": {change(func(f *storedFile) { f.Result.Phases[0].Timeline.Slices[2].Requests++ }), "slice 3 of its timeline holds 50 requests of 51"},
		"a slice left out": {change(func(f *storedFile) {
			f.Histograms[0].Slices[2], f.Result.Phases[0].Timeline.Slices[2].Requests = "", 0
		}), "its timeline holds 550 requests of 600"},
		"buckets too many": {change(func(f *storedFile) { f.Result.Phases[0].Timeline.Slices[0].FirstBucket = 40 }), "buckets that do not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadStoredRun(bytes.NewReader(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v; wanted: %s", err, tt.want)
			}
		})
	}
	broken := errors.New("broken disk")
	if _, err := ReadStoredRun(io.MultiReader(bytes.NewReader(whole[:10]), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Whatever has happened to the file: it is refused, or every report can be made of it. No prefix of it passes.
func TestStoredRunSurvivesDamage(t *testing.T) {
	whole := encoded(t)
	rapid.Check(t, func(t *rapid.T) {
		data := bytes.Clone(whole)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
			data[at] = rapid.SampledFrom([]byte(`0123456789-.,:"[]{}eA`)).Draw(t, "byte")
		}
		if r, err := ReadStoredRun(bytes.NewReader(data)); err == nil {
			d := r.Result.Document()
			for _, f := range d.Formats() {
				if err := report.Write(io.Discard, f, d, report.Options{}); err != nil {
					t.Fatalf("%s: %v", f, err)
				}
			}
		}
		cut := rapid.IntRange(0, len(whole)-2).Draw(t, "cut")
		if _, err := ReadStoredRun(bytes.NewReader(whole[:cut])); err == nil {
			t.Fatalf("%d of %d bytes are taken for a run", cut, len(whole))
		}
	})
}

// A run that was stored when the p99 of 360 requests was still the 356th fastest
// is read, with the figures that it was judged by.
func TestStoredRunOfTheNearestRankIsRead(t *testing.T) {
	data, err := os.ReadFile("testdata/stored-nearest-rank.json")
	if err != nil {
		t.Fatal(err)
	}
	run, err := ReadStoredRun(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	p := run.Result.Phases[0]
	if got, now := *p.Latency.P99, stats.MS(p.latency.Quantile(0.99)); got != stats.MS(p.latency.AtRank(356)) || now <= got {
		t.Errorf("stored p99 %v, by the histogram %v now and %v then", got, now, stats.MS(p.latency.AtRank(356)))
	}
}
