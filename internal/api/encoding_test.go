package api

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
)

// TestTheEncodingOfCopiesIsRaised compares the bytes of the hot lists, and of what
// remakes a board, with the file of this encoding. A file that exists is never
// written anew: raise cache.Encoding first, then run with -update.
func TestTheEncodingOfCopiesIsRaised(t *testing.T) {
	var got bytes.Buffer
	for _, v := range []any{
		&household.Board{}, &List[household.Residence]{}, &List[household.Contractor]{}, &List[household.Document]{}, &boardRemake{},
	} {
		fillAll(t, reflect.ValueOf(v).Elem())
		b, err := marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(b)
	}
	path := filepath.Join("testdata", "copies-encoding-"+cache.Encoding+".golden")
	want, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the bytes of copies have changed: raise cache.Encoding, and run with -update\n got %s\nwant %s", got.Bytes(), want)
	}
}

// fillAll gives each field that JSON shows a value that is not zero.
func fillAll(t *testing.T, v reflect.Value) {
	t.Helper()
	if instant, ok := v.Addr().Interface().(*time.Time); ok {
		*instant = time.Date(2027, 1, 31, 8, 9, 10, 123456000, time.UTC)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillAll(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillAll(t, v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			fillAll(t, v.Field(i))
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	default:
		t.Fatalf("a list has a %s: give it a value here", v.Type())
	}
}
