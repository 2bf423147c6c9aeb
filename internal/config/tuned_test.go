package config

import "testing"

func TestTunedValuesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range Tuned() {
		if v.Decision == "" || v.Name == "" || v.Value == "" || v.Why == "" {
			t.Errorf("says too little: %+v", v)
		}
		if (v.Env == "") == (v.Redis == "") {
			t.Errorf("%s belongs to exactly one of a variable and Redis", v.Name)
		}
		if seen[v.Env+v.Redis] {
			t.Errorf("%s is there twice", v.Env+v.Redis)
		}
		seen[v.Env+v.Redis] = true
		value := v.Value
		if v.Kind == KindHost {
			value = "ep" + value + ".example"
		}
		if !v.Holds(value) {
			t.Errorf("%s does not hold itself", v.Name)
		}
		if (v.Bytes() > 0) != (v.Kind == KindBytes) {
			t.Errorf("%s is a size of %d bytes", v.Name, v.Bytes())
		}
		if v.Was != "" && v.Holds(v.Was) {
			t.Errorf("%s holds what it was before", v.Name)
		}
	}
}

func TestTunedValuesAreVariablesThatAreRead(t *testing.T) {
	settings := map[string]Setting{}
	for _, s := range Settings(Environ{}) {
		settings[s.Env] = s
	}
	for _, v := range Tuned() {
		if v.Env == "" {
			continue
		}
		s, ok := settings[v.Env]
		if !ok {
			t.Errorf("nothing reads %s", v.Env)
		}
		if s.Differs {
			t.Errorf("%s: the default %q differs from the tuned %q", v.Env, s.Value, v.Value)
		}
	}
}

func TestHolds(t *testing.T) {
	tests := []struct {
		env, value string
		want       bool
	}{
		{"DB_CONN_MAX_LIFETIME", "30m", true},
		{"DB_CONN_MAX_LIFETIME", "1800", false},
		{"DB_CONN_MAX_IDLE_TIME", "0s", true},
		{"DB_CONN_MAX_IDLE_TIME", "", false},
		{"DB_MIN_IDLE_CONNS", "20", true},
		{"DB_MIN_IDLE_CONNS", "2", false},
		{"DB_HOST", "ep-cool-1-pooler.us-east-2.aws.example:5432", true},
		{"DB_HOST", "ep-cool-1.us-east-2-pooler.example", false},
		{"maxmemory", "268435456", true},
		{"maxmemory", "256MB", true},
		{"maxmemory", "256m", false},
		{"maxmemory", "0", false},
		{"maxmemory-policy", "allkeys-lru", true},
		{"maxmemory-policy", "noeviction", false},
	}
	for _, tt := range tests {
		for _, v := range Tuned() {
			if v.Env+v.Redis != tt.env {
				continue
			}
			if got := v.Holds(tt.value); got != tt.want {
				t.Errorf("%s Holds(%q) = %v", tt.env, tt.value, got)
			}
		}
	}
}

func TestThePoolerIsToldByTheHostInForce(t *testing.T) {
	tests := []struct {
		name     string
		e        Environ
		variable string // that S1 is shown beside
		differs  bool
	}{
		{"none", Environ{}, "DB_HOST", false},
		{"a pooler's name", Environ{"DB_HOST": "ep-1-pooler.x"}, "DB_HOST", false},
		{"the direct endpoint's name", Environ{"DB_HOST": "ep-1.x"}, "DB_HOST", true},
		{"a pooler's name in the URL", Environ{"DATABASE_URL": "postgres://u@ep-1-pooler.x/d", "DB_HOST": "ep-1.x"}, "DATABASE_URL", false},
		{"the direct endpoint's name in the URL", Environ{"DATABASE_URL": "postgres://u@ep-1.x/d", "DB_HOST": "ep-1-pooler.x"}, "DATABASE_URL", true},
		{"an address does not tell", Environ{"DATABASE_URL": "postgres://u@127.0.0.1:6432/d"}, "DATABASE_URL", false},
		{"a URL that cannot be read", Environ{"DATABASE_URL": "ep-1-pooler.x"}, "DATABASE_URL", true},
	}
	for _, tt := range tests {
		for _, s := range Settings(tt.e) {
			if s.Decision == "S1" && (s.Env != tt.variable || s.Differs != tt.differs) {
				t.Errorf("%s: beside %s, differs %v", tt.name, s.Env, s.Differs)
			}
		}
	}
}

func TestSettingsTellTheSource(t *testing.T) {
	e := Environ{"DATABASE_URL": "postgres://u:secret1@ep-pooler.x/d", "DB_HOST": "elsewhere", "DB_CONN_MAX_LIFETIME": "600s", "TOKEN_CACHE_TTL": "60m"}
	want := map[string]Setting{
		"DATABASE_URL":         {Source: FromEnvironment, Value: "postgres://u:*****@ep-pooler.x/d"},
		"DB_HOST":              {Source: Overruled, Value: "elsewhere"},
		"DB_CONN_MAX_LIFETIME": {Source: FromEnvironment, Value: "600s", Differs: true},
		"TOKEN_CACHE_TTL":      {Source: FromEnvironment, Value: "60m"},
		"DB_MIN_IDLE_CONNS":    {Source: FromDefault, Value: "20"},
		"DB_PORT":              {Source: NotSet},
		"REDIS_URL":            {Source: NotSet},
	}
	for _, s := range Settings(e) {
		w, ok := want[s.Env]
		if !ok {
			continue
		}
		if s.Source != w.Source || s.Value != w.Value || s.Differs != w.Differs {
			t.Errorf("%s: got %q from %s, differs %v", s.Env, s.Value, s.Source, s.Differs)
		}
	}
}
