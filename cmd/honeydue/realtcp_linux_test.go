package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// realTCPVariable is set in the process that runs in a network namespace of its own.
const realTCPVariable = "HONEYDUE_REAL_TCP_NAMESPACE"

const (
	realUsers, realTasks = 300, 60
	realRate             = 25 // reads a second
	// secondRoundTrip: a read that took longer has waited for a second round trip.
	secondRoundTrip = 1.8
)

// BenchmarkRealTCP compares cold reads over the simulated link with the same reads over the kernel's TCP, between two
// network namespaces that a relay joins (kernelPath), with each of the kernel's common congestion controls.
//
//	make bench-targets REAL_TCP=1
func BenchmarkRealTCP(b *testing.B) {
	if os.Getenv(realTCPVariable) == "" {
		inNamespace(b)
		return
	}
	path, err := openKernelPath(targetRTT)
	if err != nil {
		b.Fatal(err)
	}
	defer path.Close()
	l := labtest.New(b, lab.Config{PoolerHost: databaseAddress})
	env := l.Env()
	if err := store.Migrate(b.Context(), env.DirectURL); err != nil {
		b.Fatal(err)
	}
	var tokens bytes.Buffer
	_, err = store.Seed(b.Context(), env.DirectURL, store.SeedOptions{Users: realUsers, ResidencesPerUser: 1, TasksPerResidence: realTasks, CompletionsPerTask: 1, Seed: 7, TokensOut: &tokens})
	if err != nil {
		b.Fatal(err)
	}
	var users []string
	for line := range strings.Lines(tokens.String()) {
		_, token, _ := strings.Cut(strings.TrimSpace(line), " ")
		users = append(users, token)
	}

	var report strings.Builder
	fmt.Fprintf(&report, "\ncold reads of %d unseen users with %d tasks each at %d/s, 20 connections, R = %s; Linux %s, MTU 1500, one machine\n",
		realUsers, realTasks, realRate, targetRTT, kernelRelease())
	w := tabwriter.NewWriter(&report, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "path\tn\tp50 ms\tp90\tp99\tmax\tp50 / R\tp90 / R\tp99 / R\tfrom 1.8 R on")
	add := func(name string, took []time.Duration) {
		slices.Sort(took)
		at := func(p int) time.Duration { return took[(p*len(took)+99)/100-1] }
		late := 0
		for _, d := range took {
			if d >= rtts(secondRoundTrip) {
				late++
			}
		}
		of := func(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(targetRTT)) }
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", name, len(took), ms(at(50)), ms(at(90)), ms(at(99)), ms(took[len(took)-1]), of(at(50)), of(at(90)), of(at(99)), late)
	}

	simulated, proxy := labtest.Pooler(b, env, link.Model{RTT: targetRTT})
	before := proxy.Counts()
	add("simulated link", coldReads(b, users, nil, simulated.DatabaseURL))
	after := proxy.Counts()
	notes := []string{fmt.Sprintf("simulated link: %d waits for the congestion window; a read takes %d bytes on average", after.Stalls-before.Stalls, (after.BytesToClient-before.BytesToClient)/realUsers)}
	for _, control := range []string{"cubic", "bbr"} {
		if err := path.setCongestionControl(control); err != nil {
			b.Fatal(err)
		}
		took := coldReads(b, users, path, overPath(b, env.DatabaseURL, l.PoolerAddr()))
		add("kernel, "+control, took)
		notes = append(notes, fmt.Sprintf("%s: %s", control, describeFlights(path.takeReplies())))
	}
	w.Flush()
	for _, note := range notes {
		fmt.Fprintln(&report, note)
	}
	fmt.Fprintf(&report, "%d packets, %d dropped by the relay\n", path.packets.Load(), path.dropped.Load())
	b.Log(report.String())
}

// describeFlights says which replies had to wait for the sender's congestion window. Time that the machine took is not in it.
func describeFlights(replies []flights) string {
	var one, more, first []int
	for _, r := range replies {
		switch {
		case r.flights == 1:
			one = append(one, r.bytes)
		case r.flights > 1:
			more, first = append(more, r.bytes), append(first, r.firstSegments)
		}
	}
	said := fmt.Sprintf("%d replies left in one flight", len(one))
	if len(one) > 0 {
		said += fmt.Sprintf(", the largest with %d bytes", slices.Max(one))
	}
	if len(more) > 0 {
		said += fmt.Sprintf("; %d waited for the congestion window, the smallest with %d bytes, after %d to %d segments", len(more), slices.Min(more), slices.Min(first), slices.Max(first))
	}
	return said
}

// inNamespace runs this benchmark once more, in a process that is alone in a network namespace.
func inNamespace(b *testing.B) {
	b.Helper()
	c := exec.CommandContext(b.Context(), "/proc/self/exe", "-test.run=^$", "-test.v", "-test.bench=^BenchmarkRealTCP$", "-test.benchtime=1x", "-test.timeout=8m")
	c.Env = append(os.Environ(), realTCPVariable+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := c.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		b.Fatal("a network namespace can't be made: run it as root on Linux")
	}
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	b.Logf("\n%s", out)
}

// overPath is the URL of the pooler as the app's namespace reaches it. Its certificate is for another address.
func overPath(b *testing.B, raw, pooler string) string {
	b.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		b.Fatal(err)
	}
	_, port, err := net.SplitHostPort(pooler)
	if err != nil {
		b.Fatal(err)
	}
	u.Host = net.JoinHostPort(databaseAddress, port)
	q := u.Query()
	q.Set("sslmode", "verify-ca")
	u.RawQuery = q.Encode()
	return u.String()
}

// coldReads starts a server, here or on the app's side of the path, and reads each user's board once, each at its time.
func coldReads(b *testing.B, users []string, path *kernelPath, databaseURL string) []time.Duration {
	b.Helper()
	base, dial := startRealServe(b, path, databaseURL)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableCompression: true, DialContext: dial, MaxIdleConnsPerHost: len(users)}}
	defer client.CloseIdleConnections()
	took := make([]time.Duration, len(users))
	var readers sync.WaitGroup
	began := time.Now().Add(targetIdle)
	for i, token := range users {
		readers.Go(func() {
			due := began.Add(time.Duration(i) * time.Second / realRate)
			time.Sleep(time.Until(due))
			r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, base+"/api/tasks/", nil)
			if err != nil {
				b.Error(err)
				return
			}
			r.Header.Set("Authorization", "Token "+token)
			r.Header.Set("Accept-Encoding", "gzip")
			res, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			defer res.Body.Close()
			_, err = io.Copy(io.Discard, res.Body)
			took[i] = time.Since(due)
			if turns := res.Header.Get("X-Db-Turns"); err != nil || res.StatusCode != http.StatusOK || turns != "1" {
				b.Errorf("user %d: %d, %s turns, %v", i, res.StatusCode, turns, err)
			}
		})
	}
	readers.Wait()
	return took
}

// startRealServe runs serve as a process of its own, without Redis, and ends it when the benchmark ends.
func startRealServe(b *testing.B, path *kernelPath, databaseURL string) (base string, dial func(context.Context, string, string) (net.Conn, error)) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	c := exec.CommandContext(ctx, "/proc/self/exe", "serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--drain-delay", "0s")
	c.Args[0] = "honeydue" // as testscript knows it
	c.Env = append(os.Environ(), "DATABASE_URL="+databaseURL, "REDIS_URL=")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = patience
	var said safeBuffer
	c.Stderr = &said
	started, ended := make(chan error, 1), make(chan error, 1)
	run := func() error {
		if err := c.Start(); err != nil {
			started <- err
			return err
		}
		started <- nil
		return c.Wait() // on the thread that has started it: the kernel ends the process with that thread
	}
	go func() {
		if path != nil {
			ended <- path.inNamespace(&path.app, run)
			return
		}
		runtime.LockOSThread()
		ended <- run()
	}()
	if err := <-started; err != nil {
		cancel()
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			b.Error(err)
		}
	})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if m := servesURL.FindStringSubmatch(said.String()); m != nil {
			if path != nil {
				return m[1], path.dial
			}
			return m[1], new(net.Dialer).DialContext
		}
	}
	b.Fatalf("serve is not ready:\n%s", said.String())
	return "", nil
}

func kernelRelease() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	return cmp.Or(strings.TrimSpace(string(release)), fmt.Sprint(err))
}
