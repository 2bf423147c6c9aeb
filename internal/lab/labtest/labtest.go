// Package labtest gives tests real servers: one lab for each test package,
// started by the first test that asks for it, at a round trip of zero.
//
//	func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }
//
//	func TestBoard(t *testing.T) {
//		env := labtest.Database(t, store.Migrate)
//		...
//	}
//
// A test whose servers are missing fails; it is never skipped. Autovacuum does not run: what a test reads about
// statistics, plans and dead rows is what it made.
package labtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/honeydue/honeydue/internal/lab"
)

// redisDatabases is how many tests of one package can have a Redis database of
// their own at the same time.
const redisDatabases = 64

// timeout bounds each thing that labtest does for a test.
const timeout = 90 * time.Second

// shared is the lab of this test process. TestMain has no way to hand a value
// to the tests, so it is a variable.
var shared struct {
	mu        sync.Mutex
	running   bool // Run is active
	lab       *lab.Lab
	err       error
	dir       string
	templates map[uintptr]*template
	databases int
	redis     []int // free Redis databases
}

// panics passes on the lines that report a panic, as net/http logs that of a handler.
type panics struct{ to io.Writer }

func (w panics) Write(line []byte) (int, error) {
	if !bytes.Contains(line, []byte("panic")) {
		return len(line), nil
	}
	return w.to.Write(line)
}

// Run runs the tests of a package and ends the lab afterwards, if a test has
// started it. It returns the exit code for os.Exit.
func Run(m *testing.M) int {
	sweep()
	// Or go-redis and the test servers' net/http would write to stderr in the middle of a test's output, about a Redis that
	// was stopped or a certificate that was refused on purpose. A handler's panic is shown.
	logging.Disable()
	log.SetOutput(panics{os.Stderr})
	shared.mu.Lock()
	shared.running, shared.templates = true, map[uintptr]*template{}
	for n := redisDatabases - 1; n > 0; n-- { // 0 is nobody's: a client that selects none is found out
		shared.redis = append(shared.redis, n)
	}
	shared.mu.Unlock()

	code := m.Run()

	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.running = false
	if shared.lab != nil {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := shared.lab.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	return code
}

// Lab returns the package's lab: round trip zero, shared by all its tests. A
// test that needs to break a server or to have a link of its own starts its own
// by New, or puts a Link in between.
func Lab(t testing.TB) *lab.Lab {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.running {
		t.Fatal("labtest: this package needs func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }")
	}
	if shared.lab == nil && shared.err == nil {
		shared.lab, shared.dir, shared.err = start(lab.Config{RedisDatabases: redisDatabases})
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.lab
}

// New starts a lab for one test alone (about 1.5 s) and ends it with the test.
// Config.Dir is chosen for it when it is empty.
func New(t testing.TB, c lab.Config) *lab.Lab {
	t.Helper()
	l, dir, err := start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := l.Stop(ctx); err != nil {
			t.Error(err)
		}
		if c.Dir == "" {
			_ = os.RemoveAll(dir)
		}
	})
	return l
}

func start(c lab.Config) (*lab.Lab, string, error) {
	if c.Dir == "" {
		dir, err := Dir()
		if err != nil {
			return nil, "", err
		}
		c.Dir = dir
	}
	if c.BinDirs == nil {
		c.BinDirs = filepath.SplitList(os.Getenv("HONEYDUE_BIN_DIRS"))
	}
	c.NoAutovacuum = true
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	l, err := lab.Start(ctx, c)
	if err == nil {
		return l, c.Dir, nil
	}
	var advised interface{ Hint() string }
	if errors.As(err, &advised) {
		err = fmt.Errorf("%w\n%s", err, advised.Hint())
	}
	return nil, c.Dir, err
}

const prefix = "honeydue-labtest-"

// Dir makes a temporary folder that the servers' user can enter, as those of
// testing.T can't be. It is the caller's to remove.
func Dir() (string, error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return "", fmt.Errorf("labtest: %w", err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // what is secret in it is closed itself
			return "", fmt.Errorf("labtest: %w", err)
		}
	}
	return dir, nil
}

// sweep removes what test processes left behind that were killed. No test
// process lives for an hour.
func sweep() {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, dir := range left {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < time.Hour {
			continue
		}
		if s, err := lab.ReadState(dir); err == nil && !s.Running {
			_ = os.RemoveAll(dir)
		}
	}
}
