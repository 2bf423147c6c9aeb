package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const (
	// buildK6 asks for k6 to be built where it is not on PATH: a minute or two, once.
	buildK6 = "HONEYDUE_BENCH_K6"
	// k6Version is the release that was current when this was written.
	k6Version = "v1.8.1"
)

// k6Script sends at a rate, without waiting for answers, and says how many it could not send.
const k6Script = `import http from 'k6/http';
export const options = {
  discardResponseBodies: true,
  scenarios: { all: { executor: 'constant-arrival-rate', rate: Number(__ENV.RATE), timeUnit: '1s', duration: __ENV.LENGTH, preAllocatedVUs: 200, maxVUs: 2000 } },
};
export default function () { http.get(__ENV.TARGET); }
export function handleSummary(data) {
  const count = (name) => data.metrics[name] ? data.metrics[name].values.count : 0;
  return { stdout: JSON.stringify({ dropped: count('dropped_iterations') }) };
}
`

// generators are vegeta first, for the others are compared with it. vegeta is built from the module that this one
// is built with; what else is not there is named and left out.
func generators(b *testing.B) (tools []generator, missing []string) {
	b.Helper()
	attack := filepath.Join(b.TempDir(), "vegeta")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", attack, "github.com/tsenart/vegeta/v12").CombinedOutput(); err != nil {
		b.Fatalf("build vegeta: %v\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	tools = []generator{
		{name: "vegeta attack", path: attack, args: vegetaArgs, report: vegetaSays},
		{name: "honeydue loadtest", path: self, args: honeydueArgs, report: honeydueSays},
	}
	if path, err := k6(b); err == nil {
		script := filepath.Join(b.TempDir(), "k6.js")
		if err := os.WriteFile(script, []byte(k6Script), 0o600); err != nil {
			b.Fatal(err)
		}
		tools = append(tools, generator{name: "k6 run, constant-arrival-rate", path: path, report: k6Says, args: func(r generatorRun) []string {
			return []string{
				"k6", "run", "--quiet", "--no-usage-report", "-e", "TARGET=" + r.url + "/", "-e", "RATE=" + strconv.Itoa(r.rate),
				"-e", "LENGTH=" + r.length.String(), script,
			}
		}})
	} else {
		missing = append(missing, "k6 was left out: "+err.Error())
	}
	if path, err := exec.LookPath("wrk"); err == nil {
		tools = append(tools, generator{name: "wrk, 2 threads, 16 connections", path: path, closed: true, args: func(r generatorRun) []string {
			return []string{"wrk", "-t2", "-c16", "-d" + r.length.String(), r.url + "/"}
		}})
	} else {
		missing = append(missing, "wrk was left out: it is not on PATH (Debian: apt-get install wrk)")
	}
	return tools, missing
}

func vegetaArgs(r generatorRun) []string {
	results := r.results
	if results == "" {
		results = os.DevNull
	}
	return []string{"vegeta", "attack", "-rate", strconv.Itoa(r.rate), "-duration", r.length.String(), "-output", results}
}

// vegetaSays reads vegeta's own record of each request. How late one was it does not say: that is counted from the
// schedule, as it would be if its earliest request had been on time.
func vegetaSays(r generatorRun, g *generated) (err error) {
	if r.results == "" {
		return nil
	}
	f, err := os.Open(r.results)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var began []time.Duration // as each request would have it
	results := vegeta.NewDecoder(f)
	var first time.Time
	for {
		var one vegeta.Result
		switch err := results.Decode(&one); {
		case errors.Is(err, io.EOF):
			g.lag = 0
			if len(began) > 0 {
				slices.Sort(began)
				g.lag = began[(99*len(began)+99)/100-1] - began[0]
			}
			return nil
		case err != nil:
			return err
		}
		if first.IsZero() {
			first = one.Timestamp
		}
		began = append(began, one.Timestamp.Sub(first)-time.Duration(float64(one.Seq)/float64(r.rate)*float64(time.Second)))
		if one.Error != "" {
			g.failed++
		}
	}
}

func honeydueArgs(r generatorRun) []string {
	return []string{"honeydue", "loadtest", "get", r.url + "/", "--rate", strconv.Itoa(r.rate), "--duration", r.length.String(), "-o", "json"}
}

func honeydueSays(r generatorRun, g *generated) error {
	var said struct {
		Phases []struct {
			Errors int
			LagMS  struct{ P99 float64 } `json:"lag_ms"`
		}
		Generator struct {
			CPUPct float64 `json:"cpu_pct"`
		}
	}
	if err := json.Unmarshal(g.stdout, &said); err != nil {
		return err
	}
	if len(said.Phases) != 1 {
		return fmt.Errorf("%d phases", len(said.Phases))
	}
	g.failed = said.Phases[0].Errors
	g.lag = time.Duration(said.Phases[0].LagMS.P99 * float64(time.Millisecond))
	g.sending = time.Duration(said.Generator.CPUPct / 100 * float64(r.length))
	return nil
}

func k6Says(_ generatorRun, g *generated) error {
	var said struct{ Dropped int }
	if err := json.Unmarshal(g.stdout, &said); err != nil {
		return err
	}
	g.dropped = said.Dropped
	return nil
}

// k6 is where k6 is: on PATH, or in the cache, built from its module if that is asked for.
func k6(b *testing.B) (string, error) {
	b.Helper()
	if path, err := exec.LookPath("k6"); err == nil {
		return path, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "honeydue", "bench")
	path := filepath.Join(folder, "k6-"+k6Version)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if os.Getenv(buildK6) == "" {
		return "", fmt.Errorf("it is not on PATH, and %s=1 was not set, which builds it from its module", buildK6)
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(b.Context(), 8*time.Minute)
	defer cancel()
	module := b.TempDir()
	for _, args := range [][]string{
		{"mod", "init", "honeydue.invalid/k6"}, {"get", "go.k6.io/k6@" + k6Version}, {"build", "-o", path + ".new", "go.k6.io/k6"},
	} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir, cmd.Env = module, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			last := bytes.TrimSpace(out)
			return "", fmt.Errorf("go %s: %w: %s", args[0], err, last[bytes.LastIndexByte(last, '\n')+1:])
		}
	}
	return path, os.Rename(path+".new", path)
}
