#!/usr/bin/env bash
# hdrhistogram-go's interval logs. The writer cuts the base time to whole seconds and writes the intervals relative to the
# exact one, so that all read back early by the fraction. The reader adds the start time for a range that is relative to it
# instead of subtracting it, so that a range such as 0 to 10 s after the start finds nothing at all.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
}

func main() {
	const start = 1733024000750 // ms
	var log bytes.Buffer
	w := hdrhistogram.NewHistogramLogWriter(&log)
	check(w.OutputLogFormatVersion())
	check(w.OutputStartTime(start))
	w.SetBaseTime(start)
	check(w.OutputBaseTime(start))
	check(w.OutputLegend())
	h := hdrhistogram.New(1, 60_000_000, 3)
	check(h.RecordValue(42))
	h.SetStartTimeMs(start + 2000)
	h.SetEndTimeMs(start + 3000)
	check(w.OutputIntervalHistogram(h))
	read := func(from, to float64, absolute bool) *hdrhistogram.Histogram {
		back, err := hdrhistogram.NewHistogramLogReader(bytes.NewReader(log.Bytes())).NextIntervalHistogramWithRange(from, to, absolute)
		check(err)
		return back
	}
	whole := read(0, 1e12, true)
	relative := read(0, 10, false)
	fmt.Print(log.String())
	fmt.Printf("an interval that begins %d ms reads back as %d ms: %d ms\n", h.StartTimeMs(), whole.StartTimeMs(), whole.StartTimeMs()-h.StartTimeMs())
	fmt.Printf("it begins 2 s after the start; a relative range of 0 to 10 s finds it: %v\n", relative != nil)
	if whole.StartTimeMs()-h.StartTimeMs() != -750 || relative != nil {
		fmt.Println("CHANGED: the fraction is kept, or relative ranges work")
		os.Exit(1)
	}
	fmt.Println("as found: times read back early, and a relative range finds nothing")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/HdrHistogram/hdrhistogram-go@v1.4.0 >/dev/null 2>&1
go list -m github.com/HdrHistogram/hdrhistogram-go
go mod tidy >/dev/null 2>&1
go run .
