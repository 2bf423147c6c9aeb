package term_test

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

	"github.com/honeydue/honeydue/internal/cli"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/cli/term"
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
			s := term.NewScreen(80)
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
							interrupt(app.ErrInterrupted)
						}
					}
					if err != nil { // the other end was closed
						read <- nil
						return
					}
				}
			}()
			console := term.NewConsole(inside)
			fmt.Fprintln(console, "$ loadtest")
			var stdout bytes.Buffer
			code := cli.Run(ctx, app.Build{}, []string{"loadtest", "get", server.URL + "/", "--rate", "200", "--duration", tc.duration, "--p99", "4s"}, &stdout, console, tc.environ)
			if err := inside.Close(); err != nil {
				t.Fatal(err)
			}
			if err := <-read; err != nil {
				t.Fatal(err)
			}
			want := map[bool]int{false: exit.OK, true: exit.Inconclusive}[tc.interrupt]
			if code != want && code != exit.Invalid { // a machine that is too busy is no fault of the view
				t.Errorf("exit code %d, want %d\n%s", code, want, stdout.String())
			}
			if !strings.HasPrefix(picture, "$ loadtest\nloadtest of "+server.URL+", profile get\n") || !strings.Contains(picture, "requests") || !strings.Contains(picture, "generator   lag p99") {
				t.Errorf("the view was\n%s", picture)
			}
			if row, column := s.Cursor(); s.String() != "$ loadtest" || row != 1 || column != 0 {
				t.Errorf("at the end the cursor is at %d, %d of\n%s", row, column, s)
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
