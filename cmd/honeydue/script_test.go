package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// canarySecret is the password in the DATABASE_URL of every script. It appears in no output and in no file that
// honeydue writes.
const canarySecret = "canary-PASSWORD-9f3"

// outputsVar names the file that collects what honeydue prints in a script, for the search at its end.
const outputsVar = "HONEYDUE_TEST_OUTPUTS"

func TestMain(m *testing.M) {
	testscript.Main(labs{m}, map[string]func(){
		"honeydue": honeydue,
		"drain":    drain,
	})
}

// honeydue is main with its output copied to the file named by outputsVar.
func honeydue() {
	stdout, stderr := io.Writer(os.Stdout), io.Writer(os.Stderr)
	if path := os.Getenv(outputsVar); path != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		stdout, stderr = io.MultiWriter(f, stdout), io.MultiWriter(f, stderr)
	}
	ctx, stop := app.WatchSignals(context.Background(), stderr)
	code := run(ctx, os.Args[1:], stdout, stderr, os.Environ())
	stop()
	os.Exit(code)
}

// TestScripts runs testdata/script/*.txt: the command line as people use it, against the real program.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup:               setupScript,
		Cmds:                scriptCommands(t),
	})
}

func setupScript(env *testscript.Env) error {
	outputs := filepath.Join(env.WorkDir, ".tmp", "outputs")
	env.Setenv(outputsVar, outputs)
	env.Setenv("DATABASE_URL", "postgres://web:"+canarySecret+"@127.0.0.1:1/none?sslmode=disable")
	env.Setenv("NO_COLOR", "")
	env.Setenv("PATH", os.Getenv("PATH"))
	given := map[string]bool{}
	if err := eachFile(env.WorkDir, func(path string, _ []byte) { given[path] = true }); err != nil {
		return err
	}
	t := env.T()
	env.Defer(func() {
		err := eachFile(env.WorkDir, func(path string, data []byte) {
			if given[path] {
				return
			}
			for _, secret := range append(labSecrets(env), canarySecret) {
				if bytes.Contains(data, []byte(secret)) {
					t.Fatal("a secret was printed; the first line that has it, of " + filepath.Base(path) + ": " + lineWith(data, secret))
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	return nil
}

func eachFile(dir string, do func(path string, data []byte)) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		do(path, data)
		return nil
	})
}

func lineWith(data []byte, secret string) string {
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, secret) {
			return strings.ReplaceAll(line, secret, "<SECRET>")
		}
	}
	return ""
}

// drain is a program that only waits for signals: "drain FILE" makes FILE once it listens, and ends well after the
// first one; "drain FILE FILE2" makes FILE2 then and does not end by itself; a third argument is what it leaves.
func drain() {
	ctx, stop := app.WatchSignals(context.Background(), os.Stderr)
	if len(os.Args) > 3 {
		defer app.Leaving(ctx, os.Args[3])()
	}
	if err := os.WriteFile(os.Args[1], nil, 0o600); err != nil {
		panic(err)
	}
	<-ctx.Done()
	if len(os.Args) > 2 {
		if err := os.WriteFile(os.Args[2], nil, 0o600); err != nil {
			panic(err)
		}
		select {}
	}
	_, _ = os.Stdout.WriteString("drained\n")
	stop()
	os.Exit(exit.OK)
}
