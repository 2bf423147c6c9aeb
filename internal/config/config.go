// Package config reads the environment into one small struct per concern.
//
// The environment is handed in as an Environ; nothing here looks at the process's own. Each Parse function returns a
// struct that is complete and valid, or every mistake at once as *Error values joined: which variable, what is wrong
// with it, what to do. No error and no text made here carries a secret; Mask and MaskText keep it so elsewhere.
//
// The values that the team settled on live in Tuned, with the decision each one comes from. They are the defaults of
// the variables that carry them, what `honeydue config` and `honeydue probe` compare with, and what the manifests'
// test holds the deployment to.
package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Environ is a set of environment variables. A variable that is set to nothing counts as not set, as an optional
// value of a manifest arrives that way.
type Environ map[string]string

// FromEnviron makes an Environ of entries in the form NAME=value, as os.Environ gives them. The last one wins.
func FromEnviron(entries []string) Environ {
	e := make(Environ, len(entries))
	for _, entry := range entries {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			e[name] = value
		}
	}
	return e
}

// Error is one variable that makes no sense. Neither its text nor its hint ever carries a secret.
type Error struct {
	Variable string
	Problem  string // continues the variable's name: "DB_PORT is no port"
	Remedy   string
}

func (e *Error) Error() string { return e.Variable + " " + e.Problem }

// Hint says what to do about it.
func (e *Error) Hint() string { return e.Remedy }

// parse fills the tagged fields of into. The tags are env (the variable), envDefault, and secret for what must never
// be printed: "all", or "url" where only the credentials within are.
func parse(e Environ, into any) error {
	environment := make(map[string]string, len(e))
	for _, t := range Tuned() {
		if t.Env != "" && t.Env != poolerHost {
			environment[t.Env] = t.Value
		}
	}
	for name, value := range e {
		if value != "" && !e.overruled(name) {
			environment[name] = value
		}
	}
	err := env.ParseWithOptions(into, env.Options{Environment: environment})
	if err == nil {
		return nil
	}
	aggregate, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return fmt.Errorf("read the environment into %T: %w", into, err)
	}
	var problems []error
	for _, one := range aggregate.Errors {
		bad, ok := errors.AsType[env.ParseError](one)
		if !ok {
			return fmt.Errorf("read the environment into %T: %w", into, one)
		}
		problems = append(problems, unreadable(reflect.TypeOf(into).Elem(), bad))
	}
	return errors.Join(problems...)
}

// overruled tells whether a variable is a part of the database's URL that nothing asks for: DATABASE_URL gives the
// whole, or there is no host. Kubernetes sets DB_PORT by itself where a Service is called db.
func (e Environ) overruled(name string) bool {
	switch name {
	case "DB_HOST":
		return e["DATABASE_URL"] != ""
	case "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_SSLMODE":
		return e["DATABASE_URL"] != "" || e["DB_HOST"] == ""
	}
	return false
}

// unreadable says which variable could not be read, and what would do. The value stays out: what is wrong with it
// may be that a password slipped into it.
func unreadable(t reflect.Type, bad env.ParseError) error {
	field, _ := t.FieldByName(bad.Name)
	out := &Error{Variable: variable(field)}
	if own, ok := errors.AsType[*Error](bad.Err); ok { // of a type that reads itself
		out.Problem, out.Remedy = own.Problem, own.Remedy
		return out
	}
	switch {
	case field.Type == reflect.TypeFor[time.Duration]():
		out.Problem, out.Remedy = "is not a duration", "Write it with a unit, such as 1800s, 5m or 1h."
	case field.Type.Kind() == reflect.Bool:
		out.Problem, out.Remedy = "is neither true nor false", "Set it to true or false."
	default:
		out.Problem, out.Remedy = "is not a whole number in the allowed range", "Write it in digits only, such as 25."
	}
	return out
}

// variable is the name in a field's env tag, "" when it has none.
func variable(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
	return name
}

// oneOf checks a value against a list.
func oneOf(variable, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return &Error{variable, "has a value that honeydue does not know", "Set it to one of " + strings.Join(allowed, ", ") + "."}
}

// atLeast checks a number or a duration against its least value.
func atLeast[N ~int | ~int32 | ~int64](variable string, value, least N) error {
	if value >= least {
		return nil
	}
	return &Error{variable, fmt.Sprintf("is %v, below the minimum of %v", value, least), "Set a larger value, or remove it to use the tuned value."}
}
