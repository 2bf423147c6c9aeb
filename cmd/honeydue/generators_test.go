package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/honeydue/honeydue/internal/cli/exit"
)

const (
	generatorLength = 5 * time.Second
	generatorRounds = 3
	rungLength      = 3 * time.Second
	// keptShare is the share of the planned requests that have to be sent in their time for a rate to be kept.
	keptShare = 0.99
	// honestLag bounds the p99 of how late requests were sent: what loadtest itself allows at its target of 200 ms.
	honestLag = 20 * time.Millisecond
)

// generatorRates are the rates at which the cost is compared, in requests a second.
func generatorRates() []int { return []int{1000, 4000, 8000} }

// rungs are the rates at which it is tried who keeps them.
func rungs() []int { return []int{2000, 4000, 6000, 8000, 10_000, 12_500, 16_000, 20_000} }

// BenchmarkGenerators compares the generators of load, each in a process of its own, against one server that does
// nothing, in turns: what a request costs at the same rates, and the highest rate that each keeps on this machine.
// honeydue's process measures its own floor, and computes its verdict, histograms and timeline; all of that is in its
// figures. What a request cost while it was sending is beside it.
//
//	make bench-loadtest
func BenchmarkGenerators(b *testing.B) {
	if b.N != 1 {
		b.Fatal("this benchmark has its own rounds: run it with -benchtime 1x, as make bench-loadtest does")
	}
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	tools, missing := generators(b)
	bench := generatorBench{url: server.URL, served: &served, scratch: b.TempDir()}
	var s strings.Builder
	fmt.Fprintf(&s, "\n%s, GOMAXPROCS %d; generators and server share the machine; %d runs of %s each, in turns; the median\n",
		runtime.Version(), runtime.GOMAXPROCS(0), generatorRounds, generatorLength)
	if err := errors.Join(bench.costs(b.Context(), tools, &s), bench.honest(b.Context(), tools, &s)); err != nil {
		b.Fatal(err)
	}
	for _, m := range missing {
		fmt.Fprintln(&s, m)
	}
	b.Log(s.String())
}

// generator is a load generator and how it is started.
type generator struct {
	name   string
	path   string
	args   func(generatorRun) []string
	report func(generatorRun, *generated) error // reads what the tool says of the run; nil: nothing
	closed bool                                 // it has no rate: each of its connections waits for its answer
}

// generatorRun is one run of a generator.
type generatorRun struct {
	url     string
	rate    int // 0: it has none
	length  time.Duration
	results string // a file for what the tool keeps of each request; "" = nothing
}

// generated is what one generator did in one run.
type generated struct {
	cpu      time.Duration // of its process, and of no other
	sending  time.Duration // the part of that while it sent to the server; 0: not told
	requests int           // that came to the server
	stdout   []byte
	lag      time.Duration // p99; 0: not told
	dropped  int           // requests that the tool itself says it did not send in time
	failed   int           // that the tool says have failed
}

// kept says whether a run kept its rate, and if not, why.
func (g generated) kept(r generatorRun) (why string, ok bool) {
	planned := float64(r.rate) * r.length.Seconds()
	switch {
	case float64(g.requests) < keptShare*planned:
		return fmt.Sprintf("%d of %.0f requests came", g.requests, planned), false
	case g.lag > honestLag:
		return fmt.Sprintf("lag p99 %s", g.lag.Round(time.Millisecond)), false
	case g.dropped > 0:
		return fmt.Sprintf("%d iterations were dropped", g.dropped), false
	case g.failed > 0:
		return fmt.Sprintf("%d requests failed", g.failed), false
	}
	return "", true
}

// generatorBench is the server and what came to it.
type generatorBench struct {
	url     string
	served  *atomic.Int64
	scratch string
}

func (gb generatorBench) run(ctx context.Context, g generator, r generatorRun) (generated, error) {
	r.url = gb.url
	ctx, cancel := context.WithTimeout(ctx, r.length+time.Minute)
	defer cancel()
	args := g.args(r)
	cmd := exec.CommandContext(ctx, g.path, args[1:]...)
	cmd.Args[0] = args[0]
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("GET "+r.url+"/\n"), &stdout, &stderr
	before := gb.served.Load()
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return generated{}, fmt.Errorf("%s: %w", g.name, err)
	}
	if code := cmd.ProcessState.ExitCode(); code < 0 || code == exit.BadUsage || code == exit.Failed {
		return generated{}, fmt.Errorf("%s ended with %d: %s", g.name, code, lastLines.FindString(stderr.String()))
	}
	out := generated{
		cpu:      cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		requests: int(gb.served.Load() - before), // what came, and not what it says
		stdout:   stdout.Bytes(),
	}
	if g.report == nil {
		return out, nil
	}
	if err := g.report(r, &out); err != nil {
		return out, fmt.Errorf("what %s says of its run: %w", g.name, err)
	}
	return out, nil
}

var lastLines = regexp.MustCompile(`(?s).{0,400}$`)

// costs runs all tools at the same rates, in turns, and writes what a request cost each.
func (gb generatorBench) costs(ctx context.Context, tools []generator, s *strings.Builder) error {
	w := tabwriter.NewWriter(s, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "generator\trate\trequests\tCPU µs a request\twhile sending\trequests/s a core\tratio to vegeta\tkept the rate")
	for _, rate := range append(generatorRates(), 0) {
		var cost, sending, sent [8][]float64
		var kept [8]int
		r := generatorRun{rate: rate, length: generatorLength}
		for range generatorRounds {
			for i, g := range tools {
				if (rate == 0) != g.closed {
					continue
				}
				got, err := gb.run(ctx, g, r)
				if err != nil {
					return err
				}
				n := float64(max(got.requests, 1))
				cost[i] = append(cost[i], float64(got.cpu.Microseconds())/n)
				sending[i] = append(sending[i], float64(got.sending.Microseconds())/n)
				sent[i] = append(sent[i], n)
				if _, ok := got.kept(r); ok {
					kept[i]++
				}
			}
		}
		for i, g := range tools {
			if len(cost[i]) == 0 {
				continue
			}
			us, ratio, held, label, part := medianOf(cost[i]), "-", fmt.Sprintf("%d of %d", kept[i], generatorRounds), strconv.Itoa(rate), "-"
			if len(cost[0]) > 0 {
				ratio = fmt.Sprintf("%.2f", medianOf(cost[0])/us)
			}
			if g.closed {
				label, held = "-", "has none"
			}
			if m := medianOf(sending[i]); m > 0 {
				part = fmt.Sprintf("%.1f", m)
			}
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%.1f\t%s\t%.0f\t%s\t%s\n", g.name, label, medianOf(sent[i]), us, part, 1e6/us, ratio, held)
		}
	}
	return w.Flush()
}

// honest climbs with each tool, in turns, until it has missed a rate twice.
func (gb generatorBench) honest(ctx context.Context, tools []generator, s *strings.Builder) error {
	fmt.Fprintf(s, "\nthe highest honest rate: at least %.0f%% of the requests sent, p99 of the lag at most %s (k6: no iteration dropped), none failed; %s at each of %v/s; one miss is tried again\n",
		100*keptShare, honestLag, rungLength, rungs())
	highest, missed := make([]int, len(tools)), make([]string, len(tools))
	for _, rate := range rungs() {
		for i, g := range tools {
			for try := 0; try < 2 && !g.closed && missed[i] == "" && highest[i] < rate; try++ {
				r := generatorRun{rate: rate, length: rungLength, results: gb.scratch + "/results"}
				got, err := gb.run(ctx, g, r)
				if err != nil {
					return err
				}
				why, ok := got.kept(r)
				switch {
				case ok:
					highest[i] = rate
				case try > 0:
					missed[i] = fmt.Sprintf("not %d/s: %s", rate, why)
				}
			}
		}
	}
	w := tabwriter.NewWriter(s, 0, 0, 2, ' ', 0)
	for i, g := range tools {
		if g.closed {
			continue
		}
		if missed[i] == "" {
			missed[i] = "the highest that was tried"
		}
		fmt.Fprintf(w, "%s\t%d/s\t%s\n", g.name, highest[i], missed[i])
	}
	return w.Flush()
}
