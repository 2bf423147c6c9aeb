package probe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// lateness is a reason why every statement comes late. One must not be taken for another.
type lateness struct {
	name, code string
	// short is with which consoles it is a part of make test.
	short  []bool
	inject func(t *testing.T, b *bed, pool int)
}

func latenesses() []lateness {
	return []lateness{
		{"distance", "HD-N08", []bool{true}, func(t *testing.T, b *bed, _ int) { b.apart(t, 100*time.Millisecond) }},
		{"queue", "HD-P04", nil, func(t *testing.T, b *bed, pool int) {
			clients(t, 3*pool, func(ctx context.Context) { hold(ctx, t, b.env) })
		}},
		{"starved", "HD-D24", []bool{false}, func(t *testing.T, b *bed, _ int) { starve(t, b.env, 20*time.Millisecond, 80*time.Millisecond) }},
		{"jitter", "HD-N04", nil, func(t *testing.T, b *bed, _ int) {
			b.distance(t, link.Model{RTT: 10 * time.Millisecond, Jitter: 60 * time.Millisecond, Seed: 1})
		}},
	}
}

// apart puts a link between the pooler and Postgres, for the rest of the lab's life: PgBouncer 1.18 ended at the RELOAD that would
// take back the entry of a database that many clients had used.
func (b *bed) apart(t *testing.T, rtt time.Duration) {
	t.Helper()
	far, _ := labtest.Link(t, b.env.DirectURL, link.Model{RTT: rtt})
	u, err := url.Parse(far)
	if err != nil {
		t.Fatal("a URL of the lab can't be read")
	}
	host, port, err := net.SplitHostPort(u.Host)
	must(t, err)
	path := filepath.Join(b.lab.Dir(), "pgbouncer", "pgbouncer.ini")
	before, err := os.ReadFile(path)
	must(t, err)
	const section = "[databases]\n"
	entry := fmt.Sprintf("%s%s = host=%s port=%s\n", section, strings.TrimPrefix(u.Path, "/"), host, port)
	write(t, path, bytes.Replace(before, []byte(section), []byte(entry), 1))
	command(t, b.env, "RELOAD")
	answering(t, b.env)
}

// starve lets all processes of Postgres run and stand still in turn until the test's end, as a limit on its CPU does.
func starve(t *testing.T, env lab.Env, runs, stands time.Duration) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(serverDir(t, env), "postmaster.pid"))
	must(t, err)
	postmaster, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	must(t, err)
	inBackground(t, func(ctx context.Context) {
		for ctx.Err() == nil {
			stopped := processes(postmaster)
			signal(t, stopped, syscall.SIGSTOP)
			pause(ctx, stands)
			signal(t, stopped, syscall.SIGCONT)
			pause(ctx, runs)
		}
	})
}

// processes are the postmaster and its children.
func processes(postmaster int) []int {
	out := []int{postmaster}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", postmaster, postmaster))
	for f := range bytes.FieldsSeq(children) {
		if pid, err := strconv.Atoi(string(f)); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

func signal(t *testing.T, pids []int, s syscall.Signal) {
	for _, pid := range pids {
		if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Error(err)
		}
	}
}

// TestFourReasonsToBeLate injects distance, a queue, a starved server and jitter, alone and in pairs, into poolers of 2 and 20
// connections, and asks with the console and without. Alone each is the first finding; of two both are found, and one of them
// is the first. None that was not injected is found, unless one that was explains it. Without make test-faults two are injected
// alone, into the pooler of 2: TestPoolerWait and the catalogue have the others.
func TestFourReasonsToBeLate(t *testing.T) {
	pools := []int{2}
	if longFaults() {
		pools = []int{2, 20}
	}
	all := latenesses()
	for _, pool := range pools {
		for i, one := range all {
			for _, other := range all[i:] {
				consoles := []bool{true, false}
				if !longFaults() {
					consoles = one.short
					if other.code != one.code {
						consoles = nil
					}
				}
				for _, console := range consoles {
					t.Run(fmt.Sprintf("%s and %s, a pool of %d, console %v", one.name, other.name, pool, console), func(t *testing.T) {
						// A lab of its own: apart changes its pooler for good.
						b := newBed(t, fault{lab: &lab.Config{PoolSize: pool}})
						if !console {
							b.config.AdminURL = ""
						}
						one.inject(t, b, pool)
						if other.code != one.code {
							other.inject(t, b, pool)
						}
						both := func(r facts.Result) bool {
							return len(missed(r, one.code, other.code)) == 0 && len(falselyAccused(r, one.code, other.code)) == 0 &&
								(foundFirst(one.code)(r) || foundFirst(other.code)(r))
						}
						r := undisturbed(t, b.config, both)
						if !both(r) {
							t.Errorf("%v are not found, %v are found, or neither is the first: %s", missed(r, one.code, other.code), falselyAccused(r, one.code, other.code), r.Verdict)
						}
						t.Logf("in %.1f s: %s", r.DurationMS/1000, found(r))
					})
				}
			}
		}
	}
}

// missed are those of the codes that nothing found has.
func missed(r facts.Result, codes ...string) []string {
	return slices.DeleteFunc(codes, func(code string) bool {
		return slices.ContainsFunc(r.Findings, func(f facts.Finding) bool { return f.Code == code })
	})
}

// falselyAccused are the findings about lateness that have none of the codes and are not explained by one of them.
func falselyAccused(r facts.Result, codes ...string) (accused []string) {
	for _, f := range r.Findings {
		late := []string{"HD-N04", "HD-N08", "HD-D24", "HD-P04", "HD-P09", "HD-P10", "HD-P11"}
		if f.Severity != facts.Info && slices.Contains(late, f.Code) && !slices.Contains(codes, f.Code) && !slices.Contains(codes, f.Because) {
			accused = append(accused, f.Code)
		}
	}
	return accused
}

// found lists what was found, as it is ranked.
func found(r facts.Result) string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, fmt.Sprintf("%s %s %.0f ms (%s)", f.Code, f.Severity, f.CostMS, f.Because))
	}
	return strings.Join(out, ", ")
}
