#!/usr/bin/env bash
# huma: a path or query parameter of a narrow integer type wraps around without an error. GET /tasks/4294967298 with an
# int32 is task 2, and ?age=300 with a uint8 is 44. In a JSON body the same numbers are refused with 422.
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
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

type read struct {
	ID  int32 `path:"id"`
	Age uint8 `query:"age"`
}

type write struct {
	Body struct {
		ID  int32 `json:"id"`
		Age uint8 `json:"age"`
	}
}

func main() {
	mux := http.NewServeMux()
	api := humago.New(mux, huma.DefaultConfig("finding", "1"))
	var seen read
	huma.Register(api, huma.Operation{Method: http.MethodGet, Path: "/tasks/{id}"}, func(_ context.Context, in *read) (*struct{}, error) {
		seen = *in
		return nil, nil
	})
	huma.Register(api, huma.Operation{Method: http.MethodPost, Path: "/tasks"}, func(context.Context, *write) (*struct{}, error) { return nil, nil })
	call := func(method, url, body string) int {
		r := httptest.NewRequest(method, url, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Code
	}
	get := call(http.MethodGet, "/tasks/4294967298?age=300", "")
	fmt.Printf("GET /tasks/4294967298?age=300: %d, the handler sees id %d and age %d\n", get, seen.ID, seen.Age)
	id := call(http.MethodPost, "/tasks", `{"id": 4294967298, "age": 1}`)
	age := call(http.MethodPost, "/tasks", `{"id": 1, "age": 300}`)
	fmt.Printf("POST with the id in the body: %d, with the age: %d\n", id, age)
	if get != http.StatusNoContent || seen != (read{ID: 2, Age: 44}) || id != http.StatusUnprocessableEntity || age != http.StatusUnprocessableEntity {
		fmt.Println("CHANGED: a number that its type cannot hold is treated otherwise")
		os.Exit(1)
	}
	fmt.Println("as found: parameters wrap around, bodies do not")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/danielgtaylor/huma/v2@v2.37.2 >/dev/null 2>&1
go list -m github.com/danielgtaylor/huma/v2
go mod tidy >/dev/null 2>&1
go run .
