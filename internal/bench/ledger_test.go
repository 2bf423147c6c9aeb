package bench

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestALedgerOutlivesItsRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "loadtest")
	l, err := NewLedger(dir, "00aa", "http://127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []ledgerLine{
		{Email: "loadtest-00aa-0@example.invalid", Password: "p0"},
		{Email: "loadtest-00aa-1@example.invalid", Password: "p1"},
		{Email: "loadtest-00aa-1@example.invalid", UserID: 7, Token: "t1"},
		{UserID: 9, Token: "t9", Theirs: true},
	} {
		if err := l.note(line); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "00aa"+ledgerSuffix)
	for name, want := range map[string]os.FileMode{path: 0o600, dir: 0o700 | os.ModeDir} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
	if left, busy, err := Leftovers(dir); err != nil || len(left) != 0 || !slices.Equal(busy, []string{"00aa"}) {
		t.Errorf("while the run lives: %v, %v, %v", left, busy, err)
	}
	// The process ends without a word, in the middle of a line.
	if _, err := l.file.WriteString(`{"email":"loadtest-00aa-2@exam`); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(false); err != nil {
		t.Fatal(err)
	}
	left, busy, err := Leftovers(dir)
	if err != nil || len(left) != 1 || len(busy) != 0 {
		t.Fatalf("%v, %v, %v", left, busy, err)
	}
	want := []ledgerLine{
		{Email: "loadtest-00aa-0@example.invalid", Password: "p0"},
		{Email: "loadtest-00aa-1@example.invalid", Password: "p1", UserID: 7, Token: "t1"},
		{UserID: 9, Token: "t9", Theirs: true},
	}
	if got := left[0]; got.Run != "00aa" || got.Target != "http://127.0.0.1:8080" || got.StartedAt.IsZero() || !slices.Equal(got.accounts, want) {
		t.Errorf("%+v", got)
	}
	// Two clean-ups do not meet.
	if _, err := openLeftover(path); !errors.Is(err, ErrInUse) {
		t.Errorf("a second clean-up: %v", err)
	}
	if err := left[0].Close(true); err != nil {
		t.Fatal(err)
	}
	if left, _, err := Leftovers(dir); err != nil || len(left) != 0 {
		t.Errorf("after the clean-up: %v, %v", left, err)
	}
	if left, _, err := Leftovers(filepath.Join(dir, "none")); err != nil || len(left) != 0 {
		t.Errorf("a folder that is not there: %v, %v", left, err)
	}
}
