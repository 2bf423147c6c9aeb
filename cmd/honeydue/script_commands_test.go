package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/honeydue/honeydue/internal/lab"
)

// patience bounds every wait of a script's command.
const patience = 60 * time.Second

// scriptCommands are the words that scripts have besides testscript's own.
//
//	exits CODE honeydue ...         runs a program and requires its exit code
//	json FILE PATH [VALUE]          requires a member (a.0.b) of a JSON file, or of stdout; VALUE may be re:PATTERN
//	httpget [-status N] [-header H] URL   prints the body of a GET
//	waithttp URL                    waits until a GET answers 200
//	waitfile FILE [TEXT]            waits until a file is there (FILE may be a pattern) and has the text
//	freeport NAME                   sets NAME to a free loopback port
//	labdir NAME                     sets NAME to a folder that the lab's servers can enter, for a lab of the script's own
//	readlists URL FILE              reads the hot lists of the users whose tokens seed wrote, until all come from the cache
//	sql STATEMENT                   runs SQL on DATABASE_DIRECT_URL, as somebody who is none of ours
//	webserver NAME                  sets NAME to the URL of a server that answers every request at once, /fails with 503, /slow after 1 s
//	redis COMMAND...                runs a command on REDIS_URL
//	ownlab                          starts a lab that is the script's alone, and points it at a migrated database there
//	server stop|start NAME          stops or starts redis, pooler or postgres of that lab
//	lab [empty]                     points the script at a fresh database and Redis in the test run's lab
func scriptCommands(t *testing.T) map[string]func(*testscript.TestScript, bool, []string) {
	commands := map[string]func(*testscript.TestScript, bool, []string){
		"exits":    exitsCommand,
		"json":     jsonCommand,
		"httpget":  httpgetCommand,
		"waithttp": waithttpCommand,
		"waitfile": waitfileCommand,
		"freeport": freeportCommand,
		"lab":      labCommand(t),
		"labdir":   labdirCommand,

		"readlists": readlistsCommand,
		"sql":       sqlCommand,
		"redis":     redisCommand,
		"webserver": webserverCommand,
	}
	own := &ownLabs{t: t, labs: map[*testscript.TestScript]*lab.Lab{}}
	maps.Copy(commands, own.commands())
	return commands
}

func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failure, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = failure.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s ended with %d, not with %d", strings.Join(args[1:], " "), got, want)
	}
}

func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: json FILE PATH [VALUE]")
	}
	var document any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &document); err != nil {
		ts.Fatalf("%s is no JSON: %v", args[0], err)
	}
	value, found := member(document, args[1])
	text := fmt.Sprint(value)
	if value == nil && found {
		text = "null"
	}
	ok := found
	if len(args) == 3 && found {
		if pattern, isPattern := strings.CutPrefix(args[2], "re:"); isPattern {
			ok = regexp.MustCompile(pattern).MatchString(text)
		} else {
			ok = text == args[2]
		}
	}
	if ok == neg {
		ts.Fatalf("%s of %s is %q (found: %v)", args[1], args[0], text, found)
	}
}

// member follows a dotted path of keys and indexes; "#" is the length of a list.
func member(document any, path string) (any, bool) {
	for key := range strings.SplitSeq(path, ".") {
		switch node := document.(type) {
		case map[string]any:
			value, ok := node[key]
			if !ok {
				return nil, false
			}
			document = value
		case []any:
			if key == "#" {
				document = len(node)
				continue
			}
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(node) {
				return nil, false
			}
			document = node[i]
		default:
			return nil, false
		}
	}
	return document, true
}

func httpgetCommand(ts *testscript.TestScript, neg bool, args []string) {
	want := http.StatusOK
	header := http.Header{}
	for len(args) > 2 {
		switch args[0] {
		case "-status":
			n, err := strconv.Atoi(args[1])
			ts.Check(err)
			want = n
		case "-header":
			name, value, _ := strings.Cut(args[1], ":")
			header.Add(name, strings.TrimSpace(value))
		default:
			ts.Fatalf("httpget has no flag %s", args[0])
		}
		args = args[2:]
	}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: httpget [-status N] [-header 'NAME: VALUE'] URL")
	}
	request, err := http.NewRequest(http.MethodGet, args[0], nil)
	ts.Check(err)
	request.Header = header
	response, err := (&http.Client{Timeout: patience}).Do(request)
	ts.Check(err)
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(response.Body.Close())
	if response.StatusCode != want {
		ts.Fatalf("GET %s answered %s\n%s", args[0], response.Status, body)
	}
	_, err = ts.Stdout().Write(body)
	ts.Check(err)
}

func waithttpCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waithttp URL")
	}
	client := &http.Client{Timeout: patience}
	wait(ts, args[0]+" to answer 200", func() bool {
		response, err := client.Get(args[0])
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

func waitfileCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: waitfile FILE [TEXT]")
	}
	pattern := ts.MkAbs(args[0])
	wait(ts, strings.Join(args, " with "), func() bool {
		paths, err := filepath.Glob(pattern)
		ts.Check(err)
		return slices.ContainsFunc(paths, func(path string) bool {
			text, err := os.ReadFile(path)
			return err == nil && (len(args) == 1 || strings.Contains(string(text), args[1]))
		})
	})
}

func wait(ts *testscript.TestScript, what string, done func() bool) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
	}
	ts.Fatalf("waited %v for %s", patience, what)
}

func freeportCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport NAME")
	}
	addr, err := freeAddr()
	ts.Check(err)
	_, port, err := net.SplitHostPort(addr)
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// freeAddr is an address that is free now; the kernel does not hand its port out again at once.
func freeAddr() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
