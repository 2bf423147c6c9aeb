#!/usr/bin/env bash
# huma reads a query parameter by the kind of its Go type. A type that is an integer, reads its own text by UnmarshalText
# and says in its schema that it is a string is still parsed as a decimal number, and then refused for not being a
# string: no value is ever accepted.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

type Cursor int64

var called int

func (c *Cursor) UnmarshalText(b []byte) error {
	called++
	n, err := strconv.ParseInt(string(b), 36, 64)
	*c = Cursor(n)
	return err
}

func (Cursor) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9a-z]{1,13}$"}
}

type input struct {
	Cursor Cursor `query:"cursor"`
}

func main() {
	mux := http.NewServeMux()
	api := humago.New(mux, huma.DefaultConfig("finding", "1"))
	huma.Register(api, huma.Operation{Method: http.MethodGet, Path: "/"}, func(context.Context, *input) (*struct{}, error) { return nil, nil })
	refused := 0
	for _, value := range []string{"7", "2s"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?cursor="+value, nil))
		fmt.Printf("?cursor=%s: %d\n", value, w.Code)
		if w.Code == http.StatusUnprocessableEntity {
			refused++
		}
	}
	fmt.Printf("UnmarshalText was called %d times\n", called)
	if refused != 2 || called != 0 {
		fmt.Println("CHANGED: the type's own UnmarshalText counts now")
		os.Exit(1)
	}
	fmt.Println("as found: both are refused, and UnmarshalText is never called")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/danielgtaylor/huma/v2@v2.37.2 >/dev/null 2>&1
go list -m github.com/danielgtaylor/huma/v2
go mod tidy >/dev/null 2>&1
go run .
