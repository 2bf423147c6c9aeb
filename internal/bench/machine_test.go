package bench

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A plan has to find descriptors and ports for the connections that it takes if the server just keeps its target.
func TestPlanHasToFitTheMachine(t *testing.T) {
	plan, err := NewPlan(PlanOptions{Get: true, Rate: 1000, Duration: time.Second, P99: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	near, far := parsed(t, "http://127.0.0.1:8080"), parsed(t, "https://127.0.0.1:8080")
	for _, tc := range []struct {
		what        string
		m           Machine
		target      *url.URL
		connections int
		want        string // "" = it fits
	}{
		{"room enough", Machine{Descriptors: 1024, DescriptorsUsed: 10, Ports: 28232}, near, 0, ""},
		{"exactly enough", Machine{Descriptors: 200 + descriptorsKept + 10, DescriptorsUsed: 10}, near, 0, ""},
		{"one too few", Machine{Descriptors: 200 + descriptorsKept + 9, DescriptorsUsed: 10}, near, 0, "takes 200 connections at once if each answer takes the 200ms of its target, and of the 225 descriptors that this process may have 199 are free"},
		{"a cap", Machine{Descriptors: 64, DescriptorsUsed: 10}, near, 20, ""},
		{"a cap that is too high", Machine{Descriptors: 64, DescriptorsUsed: 10}, near, 50, "50 connections"},
		{"one connection may carry all", Machine{Descriptors: 64, DescriptorsUsed: 10}, far, 0, ""},
		{"ports", Machine{Descriptors: 1024, Ports: 300, PortsUsed: 101}, near, 0, "of this machine's 300 ephemeral ports 199 are free towards the target"},
		{"nothing can be read", Machine{}, near, 0, ""},
	} {
		err := tc.m.Fits(plan, tc.target, tc.connections)
		if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", tc.what, err, tc.want)
		}
		if _, isPlan := errors.AsType[*PlanError](err); err != nil && !isPlan {
			t.Errorf("%s: %v is no plan error", tc.what, err)
		}
	}
}

// What is read of the machine moves with what is opened on it.
func TestMachineIsRead(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	target := parsed(t, "http://"+listener.Addr().String())
	before := ReadMachine(target)
	if before.Descriptors == 0 || before.DescriptorsUsed < 3 || before.PortsUsed != 0 {
		t.Errorf("%+v: every process has a limit and its three standard files", before)
	}
	const more = 20
	for range more {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	// Accepted by nobody, so one descriptor each.
	after := ReadMachine(target)
	if got := after.DescriptorsUsed - before.DescriptorsUsed; got < more {
		t.Errorf("%d descriptors more after %d connections", got, more)
	}
	if _, err := os.Stat("/proc/net/tcp"); err != nil {
		return // not this system's
	}
	if before.Ports < more || after.PortsUsed != more {
		t.Errorf("%d of %d ports after %d connections", after.PortsUsed, after.Ports, more)
	}
}

// lacking is a transport that fails as the kernel makes it fail.
type lacking struct{ errno syscall.Errno }

func (l lacking) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", l.errno)}
}

// Requests that this machine could not send make the run invalid and name what it lacked, whatever else ended it.
func TestWhatTheMachineLacksIsNamed(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EMFILE:        "the descriptors of this process",
		syscall.ENFILE:        "the descriptors of this process",
		syscall.EADDRNOTAVAIL: "this machine's ephemeral ports",
	} {
		server := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(server.Close)
		h := newHitter(t, HitterConfig{Base: parsed(t, server.URL), Transport: lacking{errno}})
		mix, err := NewMix(MixRoute{ID: "/", Path: "/", Weight: 1})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := NewPlan(PlanOptions{Get: true, Rate: 400, Duration: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), Config{Target: server.URL, Hitter: h, Plan: plan, Mix: mix, canaryFor: 50 * time.Millisecond})
		if err != nil || r.Verdict != Invalid || !strings.Contains(strings.Join(r.Reasons, "\n"), "what ran out is "+want) {
			t.Errorf("%v: verdict %s because of %q, %v; want invalid and %q", errno, r.Verdict, r.Reasons, err, want)
		}
	}
}

// What this machine lacked for a first request is no answer of the server's.
func TestAFirstRequestThatCouldNotBeSentIsInvalid(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	c := Config{
		Target: server.URL, Hitter: newHitter(t, HitterConfig{Base: parsed(t, server.URL), Transport: lacking{syscall.EMFILE}}),
		Plan: Plan{Phases: []PhasePlan{{Name: PhaseFirst, Restarts: 2, Users: 2, Target: time.Second}}},
		Mix:  testMix(t), Users: testUsers(2), Restart: func(context.Context) error { return nil }, canaryFor: 50 * time.Millisecond,
	}
	r, err := Run(t.Context(), c)
	if err != nil || r.Verdict != Invalid || !strings.Contains(strings.Join(r.Reasons, "\n"), "what ran out is the descriptors of this process") {
		t.Errorf("verdict %s because of %q, %v", r.Verdict, r.Reasons, err)
	}
}
