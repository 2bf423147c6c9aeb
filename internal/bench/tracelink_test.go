package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/report"
)

func TestParseTraceLink(t *testing.T) {
	for template, want := range map[string]string{
		"https://jaeger.example/trace/{trace_id}":      "",
		"http://127.0.0.1:3000/explore?q={trace_id}&x": "",
		"https://jaeger.example/trace/":                "has no {trace_id}",
		"javascript:alert({trace_id})":                 "no http or https URL",
		"/trace/{trace_id}":                            "no http or https URL",
		"https://me:canary@jaeger.example/{trace_id}":  "must not hold a user",
		"https://{trace_id} x":                         "no http or https URL",
	} {
		link, err := ParseTraceLink(template)
		if (err == nil) != (want == "") || (err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary"))) {
			t.Errorf("%s: %v, want %q", template, err, want)
		}
		if err == nil && strings.Contains(link.To("abc"), "{") {
			t.Errorf("%s leads to %s", template, link.To("abc"))
		}
	}
}

// The slowest requests lead to their traces, in every form that can hold a link.
func TestTheSlowestLeadToTheirTraces(t *testing.T) {
	plan, err := NewPlan(PlanOptions{Get: true, Rate: 400, Duration: time.Second, P99: 4 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	r, err := testRun(t, newStandIn(t), plan, nil, func(c *Config) { c.TraceLink = "https://jaeger.example/trace/{trace_id}" })
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Phases[0].Slowest {
		if s.TraceURL != "https://jaeger.example/trace/"+s.TraceID {
			t.Fatalf("%s leads to %s", s.TraceID, s.TraceURL)
		}
	}
	slow := r.Phases[0].Slowest[0]
	for format, want := range map[report.Format]string{
		report.FormatHTML:     `<a href="` + slow.TraceURL + `">` + slow.TraceID + `</a>`,
		report.FormatMarkdown: "[" + slow.TraceID + "](" + slow.TraceURL + ")",
		report.FormatJSON:     `"trace_url": "` + slow.TraceURL + `"`,
		report.FormatTable:    "https://jaeger.example/trace/{trace_id}",
	} {
		if text := render(t, r)[format]; !strings.Contains(text, want) {
			t.Errorf("%s has no %s:\n%s", format, want, text)
		}
	}
}
