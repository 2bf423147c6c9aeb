package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"
)

const (
	generatorLength = 8 * time.Second
	generatorRounds = 3
	// keptShare is the share of the planned requests that have to come for the rate to be kept.
	keptShare = 0.95
)

// generated is what one load generator did in one run.
type generated struct {
	cpu time.Duration // of its process, and of no other
	// fine is false where the tool itself says that it did not keep up.
	fine bool
}

// generator is a load generator and how it is started for a rate; rate 0 is as fast as it can.
type generator struct {
	name string
	path string
	args func(url string, rate int) []string
	// fine, if set, reads what the tool says of its own run: that it kept up.
	fine func(stdout []byte, code int) bool
	// closed: it has no rate, each of its connections waits for its answer.
	closed bool
}

// BenchmarkGenerators compares what a request costs the generators of load, each in a process of its own, against one
// server that does nothing, at the same rates: CPU a request, and the highest rate that each keeps on this machine.
// honeydue computes its verdict, histograms and timeline in that; vegeta and wrk what they compute.
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
	var s strings.Builder
	fmt.Fprintf(&s, "\n%s, GOMAXPROCS %d; generator and server share the machine; %d runs of %s each, in turns; the median\n",
		runtime.Version(), runtime.GOMAXPROCS(0), generatorRounds, generatorLength)
	w := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "generator\trate\trequests\tCPU µs a request\trequests/s a core\tratio to vegeta\tkept the rate")
	for _, rate := range []int{1000, 4000, 8000, 0} {
		perCore := map[string]float64{}
		for _, g := range tools {
			if (rate == 0) != g.closed {
				continue
			}
			var cost, sent []float64
			kept := 0
			for range generatorRounds {
				before := served.Load()
				got, err := g.run(b.Context(), server.URL, rate)
				if err != nil {
					b.Fatal(err)
				}
				requests := float64(served.Load() - before) // what came, and not what it says
				cost = append(cost, float64(got.cpu.Microseconds())/requests)
				sent = append(sent, requests)
				if got.fine && requests >= keptShare*float64(rate)*generatorLength.Seconds() {
					kept++
				}
			}
			us := medianOf(cost)
			perCore[g.name] = 1e6 / us
			ratio := "-"
			if v := perCore["vegeta attack"]; v > 0 {
				ratio = fmt.Sprintf("%.2f", perCore[g.name]/v)
			}
			label, held := strconv.Itoa(rate), fmt.Sprintf("%d of %d", kept, generatorRounds)
			if g.closed {
				label, held = "-", "has none"
			}
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%.1f\t%.0f\t%s\t%s\n", g.name, label, medianOf(sent), us, 1e6/us, ratio, held)
		}
	}
	w.Flush()
	for _, m := range missing {
		fmt.Fprintln(&s, m)
	}
	b.Log(s.String())
}

// generators are vegeta first, for the others are compared with it. vegeta is built from the module that this one
// is built with; what else is not on PATH is named and left out.
func generators(b *testing.B) (tools []generator, missing []string) {
	b.Helper()
	vegeta := filepath.Join(b.TempDir(), "vegeta")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", vegeta, "github.com/tsenart/vegeta/v12").CombinedOutput(); err != nil {
		b.Fatalf("build vegeta: %v\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	length := fmt.Sprint(int(generatorLength.Seconds())) + "s"
	tools = []generator{
		{
			name: "vegeta attack", path: vegeta,
			args: func(_ string, rate int) []string {
				return []string{"vegeta", "attack", "-rate", strconv.Itoa(rate), "-duration", length, "-output", os.DevNull}
			},
		},
		{
			name: "honeydue loadtest", path: self,
			args: func(url string, rate int) []string {
				return []string{"honeydue", "loadtest", "--target", url, "--get", "/", "--rate", strconv.Itoa(rate), "--duration", length, "-o", "json"}
			},
			fine: func(stdout []byte, code int) bool {
				var said struct{ Verdict string }
				return code == exitOK && json.Unmarshal(stdout, &said) == nil && said.Verdict == "pass"
			},
		},
	}
	if path, err := exec.LookPath("wrk"); err == nil {
		tools = append(tools, generator{
			name: "wrk, 2 threads, 16 connections", path: path, closed: true,
			args: func(url string, _ int) []string { return []string{"wrk", "-t2", "-c16", "-d" + length, url + "/"} },
		})
	} else {
		missing = append(missing, "wrk is not on PATH and was left out (Debian: apt-get install wrk)")
	}
	if path, err := exec.LookPath("k6"); err == nil {
		script := filepath.Join(b.TempDir(), "k6.js")
		const text = `import http from 'k6/http'; export default function () { http.get(__ENV.TARGET); }`
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		tools = append(tools, generator{
			name: "k6 run, 50 virtual users", path: path, closed: true,
			args: func(url string, _ int) []string {
				return []string{"k6", "run", "--quiet", "--vus", "50", "--duration", length, "-e", "TARGET=" + url + "/", script}
			},
		})
	} else {
		missing = append(missing, "k6 is not on PATH and was left out")
	}
	return tools, missing
}

func (g generator) run(ctx context.Context, url string, rate int) (generated, error) {
	ctx, cancel := context.WithTimeout(ctx, generatorLength+time.Minute)
	defer cancel()
	args := g.args(url, rate)
	cmd := exec.CommandContext(ctx, g.path, args[1:]...)
	cmd.Args[0] = args[0]
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("GET "+url+"/\n"), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return generated{}, fmt.Errorf("%s: %w", g.name, err)
	}
	code := cmd.ProcessState.ExitCode()
	if code < 0 || code == exitUsage || code == exitFailed {
		return generated{}, fmt.Errorf("%s ended with %d: %s", g.name, code, lastLines.FindString(stderr.String()))
	}
	return generated{
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		fine: g.fine == nil || g.fine(stdout.Bytes(), code),
	}, nil
}

var lastLines = regexp.MustCompile(`(?s).{0,400}$`)
