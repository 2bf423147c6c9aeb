#!/usr/bin/env bash
# goccy/go-yaml (in strict mode) and gopkg.in/yaml.v3 (with KnownFields) decode 2.5 into an integer by dropping the
# fraction: 0.5 becomes 0, and there is no error. sigs.k8s.io/yaml refuses the same documents.
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

	goccy "github.com/goccy/go-yaml"
	v3 "gopkg.in/yaml.v3"
	sigs "sigs.k8s.io/yaml"
)

type document struct {
	Weight int            `yaml:"weight" json:"weight"`
	Rate   float64        `yaml:"rate" json:"rate"`
	Mix    map[string]int `yaml:"mix" json:"mix"`
}

func main() {
	changed := false
	for _, text := range []string{"weight: 2.5", "mix: {read: 0.5, write: 0.5}", "rate: &r 2.5\nweight: *r"} {
		fmt.Printf("%q\n", text)
		for _, library := range []struct {
			name    string
			decode  func([]byte, *document) error
			refuses bool
		}{
			{name: "goccy/go-yaml", decode: func(b []byte, d *document) error { return goccy.UnmarshalWithOptions(b, d, goccy.Strict()) }},
			{name: "yaml.v3", decode: func(b []byte, d *document) error {
				decoder := v3.NewDecoder(bytes.NewReader(b))
				decoder.KnownFields(true)
				return decoder.Decode(d)
			}},
			{name: "sigs.k8s.io/yaml", decode: func(b []byte, d *document) error { return sigs.UnmarshalStrict(b, d) }, refuses: true},
		} {
			var d document
			err := library.decode([]byte(text), &d)
			fmt.Printf("  %-16s weight %d, mix %v, refused: %v\n", library.name, d.Weight, d.Mix, err != nil)
			changed = changed || (err != nil) != library.refuses
		}
	}
	if changed {
		fmt.Println("CHANGED: another library refuses a fraction, or accepts one")
		os.Exit(1)
	}
	fmt.Println("as found: two of three libraries drop the fraction, and no error says so")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/goccy/go-yaml@v1.19.2 gopkg.in/yaml.v3@v3.0.1 sigs.k8s.io/yaml@v1.6.0 >/dev/null 2>&1
go list -m github.com/goccy/go-yaml gopkg.in/yaml.v3 sigs.k8s.io/yaml
go mod tidy >/dev/null 2>&1
go run .
