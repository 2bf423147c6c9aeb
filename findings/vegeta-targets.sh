#!/usr/bin/env bash
# vegeta's target files. JSON: a last line without a newline is dropped without an error. HTTP: a request line that
# follows a comment is read as a header of the target before it, so that one target is lost and one changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// all reads the targets one by one.
func all(next vegeta.Targeter) (targets []vegeta.Target) {
	for range 10 {
		var t vegeta.Target
		if err := next(&t); errors.Is(err, vegeta.ErrNoTargets) {
			return targets
		} else if err != nil {
			fmt.Println(err)
			return targets
		}
		targets = append(targets, t)
	}
	return targets
}

func main() {
	lines := `{"method":"GET","url":"http://a.example/"}` + "\n" + `{"method":"GET","url":"http://b.example/"}`
	cut := all(vegeta.NewJSONTargeter(strings.NewReader(lines), nil, nil))
	whole := all(vegeta.NewJSONTargeter(strings.NewReader(lines+"\n"), nil, nil))
	fmt.Printf("JSON, two lines: %d targets without a newline at the end, %d with one\n", len(cut), len(whole))
	commented := all(vegeta.NewHTTPTargeter(strings.NewReader("GET http://a.example/\n# a comment\nPOST http://b.example/\n"), nil, nil))
	fmt.Printf("HTTP, two requests with a comment between: %d targets, the first with the headers %v\n", len(commented), commented[0].Header)
	if len(cut) != 1 || len(whole) != 2 || len(commented) != 1 || len(commented[0].Header) != 1 {
		fmt.Println("CHANGED: the targets are counted otherwise now")
		os.Exit(1)
	}
	fmt.Println("as found: one target is lost in each")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/tsenart/vegeta/v12@v12.13.0 >/dev/null 2>&1
go list -m github.com/tsenart/vegeta/v12
go mod tidy >/dev/null 2>&1
go run .
