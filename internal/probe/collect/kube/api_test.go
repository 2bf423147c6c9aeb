package kube

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKubectlLeavesNobodyBehind: a child of kubectl that keeps its pipes does not keep the probe, and ends with it.
func TestKubectlLeavesNobodyBehind(t *testing.T) {
	const stays = 60 * time.Second
	file := filepath.Join(t.TempDir(), "child")
	began := time.Now()
	hangs := kubectl{[]string{"sh", "-c", "sleep 60 & echo $! > " + file + "; wait"}}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if text, err := os.ReadFile(file); err == nil && strings.HasSuffix(string(text), "\n") {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if _, err := hangs.get(ctx, "/version"); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for syscall.Kill(child, 0) == nil && !ended(child) {
		if time.Since(began) > stays/2 {
			t.Fatal("the child is still there")
		}
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(began); took > stays/2 {
		t.Errorf("it waited for the child: %v", took)
	}

	// What it had said when it ended counts, although somebody keeps the pipes.
	says := kubectl{[]string{"sh", "-c", "sleep 5 & echo '{}'"}}
	if body, err := says.get(t.Context(), "/version"); err != nil || string(body) != "{}\n" {
		t.Errorf("%q, %v", body, err)
	}
}

// ended reports whether a process is a zombie that nobody waits for.
func ended(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), ") Z ")
}
