package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// labs runs the tests and stops the lab afterwards, if a script has started it.
type labs struct{ m *testing.M }

func (l labs) Run() int { return l.m.Run() }

// labSecrets are the passwords of the lab that a script uses.
func labSecrets(*testscript.Env) []string { return nil }

func labCommand(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("there is no lab yet")
}
