package render

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

// charts are the pictures of a result: connecting as a waterfall for each endpoint, the hot paths and the running
// server's reads as bars of their terms. Bars of one kind share one axis, so that lengths can be compared.
func charts(r facts.Result) []report.Block {
	var out []report.Block
	if plots := waterfalls(r.Endpoints); len(plots) > 0 {
		out = append(out, report.Charts{
			Title: "Connecting, drawn", Plots: plots,
			Note: "Each phase begins where the one before it has ended. All endpoints have one axis.",
		})
	}
	if c := hotPathBars(r.HotPaths); len(c.Rows) > 0 {
		out = append(out, report.Charts{Title: "Hot paths, drawn", Plots: []report.Plot{c}})
	}
	if r.Target != nil {
		if c := bars(*r.Target); len(c.Rows) > 0 {
			out = append(out, report.Charts{Title: "Reads of the running server, drawn", Plots: []report.Plot{c}})
		}
	}
	return out
}

// waterfalls are one chart for each endpoint that was reached.
func waterfalls(endpoints []facts.Endpoint) []report.Plot {
	var out []report.Plot
	longest := 0.0
	for _, e := range endpoints {
		longest = max(longest, e.ConnectMS)
	}
	for _, e := range endpoints {
		if len(e.Phases) == 0 {
			continue
		}
		c := report.SpanChart{Title: "Connecting to " + e.Name, X: report.Axis{Unit: "ms", To: longest}}
		at := 0.0
		for _, p := range e.Phases {
			name, colour := phaseKind(p.Name)
			c.Rows = append(c.Rows, report.SpanRow{
				Name: p.Name, Sum: fmt.Sprintf("%.1f", p.MS),
				Spans: []report.Span{{
					Name: name, Colour: colour, From: at, To: at + p.MS,
					Text: fmt.Sprintf("%s: %.1f ms in %s", p.Name, p.MS, facts.Plural(int(p.Turns), "turn", "turns")),
				}},
			})
			at += p.MS
		}
		out = append(out, c)
	}
	return out
}

// phaseKind says on which layer a phase lies.
func phaseKind(phase string) (string, report.Colour) {
	switch phase {
	case "dns":
		return "name", report.Grey
	case "tcp", "earlier_attempts":
		return "TCP", report.Teal
	case "ssl_request", "tls":
		return "TLS", report.Violet
	case "startup", "sasl_first", "sasl_final", "password", "auth":
		return "authentication", report.Blue
	}
	return "first commands", report.Blue
}

// term is one part of a bar.
type term struct {
	name   string
	colour report.Colour
	ms     float64
}

// stack lays terms end to end. A term below zero, which measuring can give, has no length.
func stack(terms []term) []report.Span {
	var out []report.Span
	at := 0.0
	for _, t := range terms {
		length := max(0, t.ms)
		out = append(out, report.Span{
			Name: t.name, Colour: t.colour, From: at, To: at + length, Text: fmt.Sprintf("%s: %.2f ms", t.name, t.ms),
		})
		at += length
	}
	return out
}

func hotPathBars(hot []facts.HotPath) report.SpanChart {
	c := report.SpanChart{
		Title: "Wall = turns x minimum RTT + planning + execution + residual", Wide: true, X: report.Axis{Unit: "ms"},
	}
	for _, h := range hot {
		if h.Runs == 0 {
			continue
		}
		residual := term{"residual", report.Grey, h.ResidualMS}
		if h.ResidualName != "" {
			residual.name, residual.colour = h.ResidualName, report.Red
		}
		c.Rows = append(c.Rows, report.SpanRow{
			Name: h.Name + ", " + h.Subject, Sum: fmt.Sprintf("%.1f", h.WallMS),
			Spans: stack([]term{
				{"network: turns x minimum RTT", report.Blue, h.NetworkMS},
				{"planning", report.Violet, h.PlanningMS},
				{"execution", report.Amber, h.ExecutionMS},
				residual,
			}),
		})
	}
	return c
}

// bars are the terms of each read.
func bars(t facts.Target) report.SpanChart {
	c := report.SpanChart{
		Title: "Wall = client network + ingress + app + acquire + turns x minimum RTT + rest of the database + Redis", Wide: true,
		X: report.Axis{Unit: "ms"},
	}
	for _, r := range t.Timed() {
		c.Rows = append(c.Rows, report.SpanRow{
			Name: strings.ReplaceAll(r.Route, "?", " ?"), Sum: fmt.Sprintf("%.1f", r.WallMS),
			Spans: stack([]term{
				{"client network", report.Grey, r.ClientNetworkMS},
				{"ingress", report.Violet, r.IngressMS},
				{"app", report.Green, r.AppMS},
				{"wait for a connection", report.Red, r.AcquireMS},
				{"turns x minimum RTT", report.Blue, r.TurnsMS},
				{"rest of the database", report.Amber, r.DBRestMS},
				{"Redis", report.Teal, r.RedisMS},
			}),
		})
	}
	return c
}
