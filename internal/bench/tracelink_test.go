package bench

import (
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/report"
)

func TestTraceLinks(t *testing.T) {
	l, err := ParseTraceLink("https://jaeger.example/trace/{trace_id}?uiEmbed=v0")
	if got := l.To("abc1"); err != nil || got != "https://jaeger.example/trace/abc1?uiEmbed=v0" {
		t.Errorf("%q, %v", got, err)
	}
	if l, err := ParseTraceLink(""); err != nil || l.To("abc1") != "" {
		t.Errorf("no template: %q, %v", l.To("abc1"), err)
	}
	for template, why := range map[string]string{
		"javascript:alert({trace_id})":                         "not an http or https URL",
		"ftp://jaeger.example/{trace_id}":                      "not an http or https URL",
		"/trace/{trace_id}":                                    "not an http or https URL",
		"https://jaeger.example/trace/":                        "once",
		"https://jaeger.example/{trace_id}/{trace_id}":         "once",
		"https://{trace_id}.example/trace/":                    "in the host",
		"https://me:canary-PASSWORD@jaeger.example/{trace_id}": "a user or a password",
		"https://jaeger.example/trace/{trace_id}\"onload=\"x":  "no URL may hold",
	} {
		_, err := ParseTraceLink(template)
		if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, want %q", template, err, why)
		}
	}
}

// The template reaches the slowest requests' data, and the forms that can link do.
func TestSlowestRequestsLeadToTheirTraces(t *testing.T) {
	link, err := ParseTraceLink("http://127.0.0.1:16686/trace/{trace_id}")
	if err != nil {
		t.Fatal(err)
	}
	s := newStandIn(t)
	r, err := testRun(t, s, Plan{Profile: "test", Phases: []PhasePlan{warmPhase(t, 320)}}, testUsers(10), func(c *Config) { c.TraceLink = link })
	if err != nil {
		t.Fatal(err)
	}
	for _, slow := range r.Phases[0].Slowest {
		if slow.TraceURL != "http://127.0.0.1:16686/trace/"+slow.TraceID {
			t.Errorf("%s leads to %q", slow.TraceID, slow.TraceURL)
		}
		told := 0.0
		for _, part := range serverParts() {
			told += slow.ServerTiming[part+"_ms"]
		}
		if slow.NetworkMS == nil || told+*slow.NetworkMS < slow.ServiceMS-0.001 {
			t.Errorf("service of %v ms, of which %v are told and %v network", slow.ServiceMS, told, slow.NetworkMS)
		}
	}
	texts, worst := render(t, r), r.Phases[0].Slowest[0]
	for format, want := range map[report.Format]string{
		report.FormatHTML:     `<a href="` + worst.TraceURL + `" rel="noreferrer">` + worst.TraceID + `</a>`,
		report.FormatMarkdown: "[" + worst.TraceID + "](<" + worst.TraceURL + ">)",
		report.FormatJSON:     `"trace_url": "` + worst.TraceURL + `"`,
		report.FormatTable:    worst.TraceURL,
	} {
		if !strings.Contains(texts[format], want) {
			t.Errorf("%s has no %s", format, want)
		}
	}
}
