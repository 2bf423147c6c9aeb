package config

import (
	"errors"
	"strconv"
)

// withPool adds to the environment what DATABASE_URL says of the pool, where the variable of its own is not set, and a
// number of idle connections that fits a pool smaller than the tuned one. from has the parameter that a variable's
// value comes from, "" for the latter.
func (e Environ) withPool() (out Environ, from map[string]string, notes []Note) {
	out, from = Environ{}, map[string]string{}
	for name, value := range e {
		out[name] = value
	}
	c, _ := readConnString("DATABASE_URL", e["DATABASE_URL"]) // whoever needs the URL itself reports what is wrong with it
	for _, p := range c.pool {
		name := useOf(p.key).variable
		switch {
		case e[name] != "":
			notes = append(notes, Note{"DATABASE_URL", p.key, name + " is set"})
		case from[name] != "":
			notes = append(notes, Note{"DATABASE_URL", p.key, from[name] + " is set, too"})
		default:
			out[name], from[name] = p.value, p.key
		}
	}
	tuned, _ := TunedFor("DB_MIN_IDLE_CONNS")
	idle, _ := strconv.Atoi(tuned.Value)
	if most, err := strconv.Atoi(out["DB_MAX_CONNS"]); err == nil && most > 0 && most < idle && out["DB_MIN_IDLE_CONNS"] == "" {
		out["DB_MIN_IDLE_CONNS"], from["DB_MIN_IDLE_CONNS"] = strconv.Itoa(most), ""
	}
	return out, from, notes
}

// renamed blames the parameter of DATABASE_URL for a value that came from there.
func renamed(err error, from map[string]string) error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		one, ok := errors.AsType[*Error](err)
		if ok && from[one.Variable] != "" {
			return &Error{"DATABASE_URL", "sets " + from[one.Variable] + ", for which " + one.Error(), one.Remedy}
		}
		return err
	}
	var out []error
	for _, e := range several.Unwrap() {
		out = append(out, renamed(e, from))
	}
	return errors.Join(out...)
}
