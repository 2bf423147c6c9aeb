#!/usr/bin/env bash
# The ports of HdrHistogram disagree about percentiles: of the values 1 to 160, p99 is 158 in Go and 159 in JavaScript.
# Go rounds the rank (158.4) to the nearest, so that 2 of 160 values, 1.25%, are above a p99 that at most 1% may exceed.
# A gate that compares p99 with a limit passes in one port and fails in the other.
# Needs node and npm.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix "$dir/js" hdr-histogram-js@3.0.1 >/dev/null
echo "hdr-histogram-js 3.0.1, node $(node --version)"
cat >js/p99.js <<'JS'
const hdr = require('hdr-histogram-js');
const h = hdr.build({ lowestDiscernibleValue: 1, highestTrackableValue: 60000000, numberOfSignificantValueDigits: 3 });
for (let i = 1; i <= 160; i++) h.recordValue(i);
console.log(h.getValueAtPercentile(99));
JS
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func main() {
	other, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	h := hdrhistogram.New(1, 60_000_000, 3)
	const n = 160
	for i := range int64(n) {
		if err := h.RecordValue(i + 1); err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
	}
	ours := h.ValueAtQuantile(99)
	fmt.Printf("values 1 to %d: p99 in Go %d, %.2f%% are above it; in JavaScript %d, %.2f%% are above it\n",
		n, ours, float64(n-ours)/n*100, other, float64(n-other)/n*100)
	if ours != 158 || other != 159 {
		fmt.Println("CHANGED: the ports take other ranks")
		os.Exit(1)
	}
	fmt.Println("as found: the ports differ by one value")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/HdrHistogram/hdrhistogram-go@v1.4.0 >/dev/null 2>&1
go list -m github.com/HdrHistogram/hdrhistogram-go
go mod tidy >/dev/null 2>&1
go run . "$(node js/p99.js)"
