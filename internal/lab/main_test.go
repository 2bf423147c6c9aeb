package lab

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// Environment of the helper process: this test binary once more, as a program
// that keeps a lab.
const (
	helperDir   = "HONEYDUE_TEST_LAB_DIR"
	helperGuard = "HONEYDUE_TEST_LAB_GUARD"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		os.Exit(keepLab(dir, os.Getenv(helperGuard)))
	}
	os.Exit(m.Run())
}

// guards are the ways to keep children from outliving their parent, by name.
// "none" is a crash of the guard itself.
var guards = map[string]func() (guard, error){
	"":         newGuard,
	"watchdog": func() (guard, error) { return startWatchdog() },
	"none":     func() (guard, error) { return noGuard{}, nil },
}

type noGuard struct{}

func (noGuard) attach(a *syscall.SysProcAttr, _ syscall.Signal) { a.Setpgid = true }
func (noGuard) started(int)                                     {}
func (noGuard) close() error                                    { return nil }

// keepLab starts a lab and keeps it until SIGTERM or SIGINT.
func keepLab(dir, guardName string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	l, err := Start(ctx, Config{Dir: dir, newGuard: guards[guardName]})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	err = l.Wait(ctx)
	if stopErr := l.Stop(context.Background()); err == nil {
		err = stopErr
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
