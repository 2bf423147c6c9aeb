package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal: what is written to the one file is read from the other.
func terminal(t *testing.T, rows, columns uint16) (inside, outside *os.File) {
	t.Helper()
	outside, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = outside.Close() })
	number, err := unix.IoctlGetInt(int(outside.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(outside.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	inside, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(inside.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return inside, outside
}

// On a terminal a load test shows a view, takes it away at its end, on Ctrl-C too, and stdout has the report alone.
func TestLoadtestOnATerminal(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	for _, tc := range []struct {
		name, duration string
		environ        []string
		interrupt      bool
		colors         bool
	}{
		{"to its end", "2500ms", []string{"NO_COLOR=1"}, false, false},
		{"with colours", "2500ms", nil, false, true},
		{"interrupted", "1h", []string{"NO_COLOR=1"}, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inside, outside := terminal(t, 24, 80)
			ctx, interrupt := context.WithCancelCause(t.Context())
			defer interrupt(nil)
			// The screen is looked at after each piece that comes: the last picture of the view is kept.
			s := &screen{columns: 80, rows: []string{""}}
			var raw bytes.Buffer
			picture := ""
			read := make(chan error, 1)
			go func() {
				buffer := make([]byte, 1<<16)
				for {
					n, err := outside.Read(buffer)
					raw.Write(buffer[:n])
					if _, failed := s.Write(buffer[:n]); failed != nil {
						read <- failed
						return
					}
					if strings.Contains(s.String(), "answered") {
						picture = s.String()
						if tc.interrupt {
							interrupt(errInterrupted)
						}
					}
					if err != nil { // the other end was closed
						read <- nil
						return
					}
				}
			}()
			console := newConsole(inside)
			fmt.Fprintln(console, "$ loadtest")
			var stdout bytes.Buffer
			code := run(ctx, []string{"loadtest", "--target", server.URL, "--get", "/", "--rate", "200", "--duration", tc.duration, "--p99", "4s"}, &stdout, console, tc.environ)
			if err := inside.Close(); err != nil {
				t.Fatal(err)
			}
			if err := <-read; err != nil {
				t.Fatal(err)
			}
			want := map[bool]int{false: exitOK, true: exitInconclusive}[tc.interrupt]
			if code != want && code != exitInvalid { // a machine that is too busy is no fault of the view
				t.Errorf("exit code %d, want %d\n%s", code, want, stdout.String())
			}
			if !strings.HasPrefix(picture, "$ loadtest\nloadtest of "+server.URL+", profile get\n") || !strings.Contains(picture, "requests") || !strings.Contains(picture, "generator   lag p99") {
				t.Errorf("the view was\n%s", picture)
			}
			if s.String() != "$ loadtest" || s.row != 1 || s.col != 0 {
				t.Errorf("at the end the cursor is at %d, %d of\n%s", s.row, s.col, s)
			}
			if colors := strings.Contains(raw.String(), "\x1b[2m"); colors != tc.colors {
				t.Errorf("colours: %v", colors)
			}
			if strings.Contains(stdout.String(), "\x1b") || strings.Contains(stdout.String(), "last minute") || !strings.Contains(stdout.String(), "loadtest of "+server.URL) {
				t.Errorf("stdout is\n%s", stdout.String())
			}
		})
	}
}
