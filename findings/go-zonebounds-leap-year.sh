#!/usr/bin/env bash
# Go's time.Time.ZoneBounds is documented to return start <= t < end. On 31 December of a leap year, in a zone whose rule for the
# future has summer time, the end lies before t: a loop that goes from bound to bound never ends.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
	_ "time/tzdata"
)

func main() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	fmt.Println(runtime.Version())
	broken := 0
	for _, year := range []int{2039, 2040, 2043, 2044} {
		t := time.Date(year, time.December, 31, 12, 0, 0, 0, berlin)
		_, end := t.ZoneBounds()
		ok := end.After(t)
		fmt.Printf("%s: the zone's period ends %s, after it: %v\n", t.Format(time.RFC3339), end.Format(time.RFC3339), ok)
		if leap := year%4 == 0; ok == leap {
			broken++
		}
	}
	if broken > 0 {
		fmt.Println("CHANGED: the end is no longer before the instant in leap years alone")
		os.Exit(1)
	}
	fmt.Println("as found: in leap years the period of 31 December ends before that day's noon")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go run .
