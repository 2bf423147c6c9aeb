#!/usr/bin/env bash
# huma: NaN passes minimum and maximum of a float parameter, because every comparison with it is false; a reply that
# carries it cannot be written. Infinity is refused, but the problem document repeats the value, which JSON cannot hold:
# the client gets a line of text instead of the document.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

type input struct {
	Share float64 `query:"share" minimum:"0" maximum:"1"`
}

func main() {
	mux := http.NewServeMux()
	api := humago.New(mux, huma.DefaultConfig("finding", "1"))
	var seen float64
	huma.Register(api, huma.Operation{Method: http.MethodGet, Path: "/"}, func(_ context.Context, in *input) (*struct{}, error) {
		seen = in.Share
		return nil, nil
	})
	get := func(share string) (code int, document bool) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?share="+share, nil))
		document = json.Valid(w.Body.Bytes())
		fmt.Printf("?share=%s: %d, a problem document: %v\n", share, w.Code, document)
		return w.Code, document
	}
	high, highDocument := get("1.5")
	infinite, infiniteDocument := get("Inf")
	nan, _ := get("NaN")
	fmt.Printf("the handler sees %v\n", seen)
	if high != http.StatusUnprocessableEntity || !highDocument || infinite != http.StatusUnprocessableEntity || infiniteDocument ||
		nan != http.StatusNoContent || !math.IsNaN(seen) {
		fmt.Println("CHANGED: NaN or infinity is treated otherwise")
		os.Exit(1)
	}
	fmt.Println("as found: NaN lies between 0 and 1, and infinity is refused without a document")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/danielgtaylor/huma/v2@v2.37.2 >/dev/null 2>&1
go list -m github.com/danielgtaylor/huma/v2
go mod tidy >/dev/null 2>&1
go run .
