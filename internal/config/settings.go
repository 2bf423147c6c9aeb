package config

import (
	"errors"
	"net"
	"reflect"
)

// Setting is one variable as it stands.
type Setting struct {
	Group   string // the concern it belongs to
	Env     string
	Value   string // what is in force, as one writes it; masked where it is secret
	Default string // "" when it has none
	Source  Source
	Secret  string // "all", "url" or ""
	Tuned   string // the tuned value, "" when none was settled on
	// Decision is the tuned value's, such as S2.
	Decision string
	// Differs says that the value in force is not the tuned one.
	Differs bool
}

// Source says where a value came from.
type Source string

// The sources.
const (
	FromDefault     Source = "default"
	FromEnvironment Source = "environment"
	// FromURL is a parameter of DATABASE_URL, such as pool_max_conns.
	FromURL Source = "DATABASE_URL"
	NotSet  Source = "not set"
	// Overruled is set in the environment and not looked at, because of what else is set or not.
	Overruled Source = "overruled"
)

const (
	secretAll = "all"
	secretURL = "url"
)

// groups are the structs of this package that read the environment, by the name that people know them under.
func groups() []struct {
	name   string
	fields reflect.Type
} {
	return []struct {
		name   string
		fields reflect.Type
	}{
		{"database", reflect.TypeFor[Database]()},
		{"redis", reflect.TypeFor[Redis]()},
		{"cache", reflect.TypeFor[Cache]()},
		{"server", reflect.TypeFor[Server]()},
		{"limits", reflect.TypeFor[Limits]()},
		{"experiment", reflect.TypeFor[Experiment]()},
		{"log", reflect.TypeFor[Log]()},
		{"telemetry", reflect.TypeFor[Telemetry]()},
		{"lab", reflect.TypeFor[Lab]()},
		{"loadtest", reflect.TypeFor[Loadtest]()},
	}
}

// Settings lists every variable that honeydue reads, as e has it, valid or not, without its secrets.
func Settings(e Environ) []Setting {
	var out []Setting
	e, from, _ := e.withPool()
	for _, g := range groups() {
		for i := range g.fields.NumField() {
			field := g.fields.Field(i)
			name := variable(field)
			if name == "" {
				continue
			}
			s := setting(e, g.name, name, field.Tag)
			if parameter, moved := from[name]; moved && parameter != "" {
				s.Source = FromURL
			} else if moved {
				s.Source = FromDefault
			}
			out = append(out, s)
		}
	}
	return out
}

func setting(e Environ, group, name string, tag reflect.StructTag) Setting {
	s := Setting{Group: group, Env: name, Default: tag.Get("envDefault"), Secret: tag.Get("secret"), Source: NotSet}
	tuned, isTuned := tunedFor(e, name)
	if isTuned {
		s.Tuned, s.Decision = tuned.Value, tuned.Decision
		if tuned.Kind == KindHost {
			s.Tuned = "a host named *" + tuned.Value
		} else {
			s.Default = tuned.Value
		}
	}
	if s.Default != "" {
		s.Value, s.Source = s.Default, FromDefault
	}
	if value := e[name]; value != "" {
		s.Value, s.Source = value, FromEnvironment
	}
	if e.overruled(name) {
		s.Source = NotSet
		if e[name] != "" {
			s.Source = Overruled
		} else {
			s.Value = ""
		}
	}
	if isTuned {
		s.Differs = s.differs(tuned)
	}
	if name == ablateVariable && s.Value != "" {
		s.Decision, s.Differs = "experiment", true
	}
	switch {
	case s.Source != FromEnvironment && s.Source != Overruled:
	case s.Secret == secretAll:
		s.Value = masked
	case s.Secret == secretURL:
		s.Value = MaskURL(s.Value)
	}
	return s
}

// tunedFor is TunedFor, but that the pooler's name is looked for in the variable that gives the host.
func tunedFor(e Environ, name string) (TunedValue, bool) {
	switch {
	case name == "DATABASE_URL" && e[name] != "":
		return TunedFor(poolerHost)
	case name == poolerHost && e["DATABASE_URL"] != "":
		return TunedValue{}, false
	}
	return TunedFor(name)
}

// differs compares with the tuned value. An address has no name to judge an endpoint by: there only a probe tells.
func (s Setting) differs(tuned TunedValue) bool {
	if tuned.Kind != KindHost {
		return !tuned.Holds(s.Value)
	}
	host := s.Value
	if s.Env == "DATABASE_URL" {
		u, ok := parseURL(asURL(s.Value))
		if !ok {
			return true
		}
		host = u.Hostname()
	}
	return host != "" && host != "localhost" && net.ParseIP(host) == nil && !tuned.Holds(host)
}

// Check reads every concern and returns all that is wrong.
func Check(e Environ) error {
	_, database := ParseDatabase(e)
	_, redis := ParseRedis(e)
	_, cache := ParseCache(e)
	_, telemetry := ParseTelemetry(e)
	_, log := ParseLog(e)
	_, server := ParseServer(e)
	_, limits := ParseLimits(e)
	_, experiment := ParseExperiment(e)
	_, lab := ParseLab(e)
	return errors.Join(database, redis, cache, telemetry, log, server, limits, experiment, lab)
}
