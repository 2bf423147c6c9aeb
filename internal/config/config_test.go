package config

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestDefaultsAreTheContract(t *testing.T) {
	d, err := ParseDatabase(Environ{})
	if err != nil {
		t.Fatal(err)
	}
	if d.MaxConns != 25 || d.MinIdleConns != 20 || d.MaxLifetime != 1800*time.Second || d.MaxIdleTime != 0 || d.ExecMode != "exec" || d.Port != 5432 {
		t.Errorf("database defaults: %+v", d)
	}
	if d.URL != "" || d.DirectURL != "" {
		t.Errorf("nothing configured, and yet URL %q and direct URL %q", d.URL, d.DirectURL)
	}
	c, err := ParseCache(Environ{})
	if err != nil {
		t.Fatal(err)
	}
	if c.TokenTTL != time.Hour || c.UserTTL != 5*time.Minute || c.UserSize != 5000 || c.ResidenceIDsTTL != 5*time.Minute || c.BoardTTL != 30*24*time.Hour {
		t.Errorf("cache defaults: %+v", c)
	}
	if err := Check(Environ{}); err != nil {
		t.Errorf("an empty environment is valid, and was refused: %v", err)
	}
}

func TestASetButEmptyVariableIsNotSet(t *testing.T) {
	d, err := ParseDatabase(Environ{"DB_MAX_CONNS": "", "DB_CONN_MAX_LIFETIME": "", "DATABASE_URL": ""})
	if err != nil {
		t.Fatal(err)
	}
	if d.MaxConns != 25 || d.MaxLifetime != 1800*time.Second || d.URL != "" {
		t.Errorf("got %+v", d)
	}
}

func TestDatabaseURL(t *testing.T) {
	parts := func(extra ...string) Environ {
		e := Environ{"DB_HOST": "ep-1-pooler.example", "DB_NAME": "app", "DB_USER": "web", "DB_PASSWORD": "p/w#?@ 1"}
		for i := 0; i < len(extra); i += 2 {
			e[extra[i]] = extra[i+1]
		}
		return e
	}
	tests := []struct {
		name         string
		env          Environ
		main, direct string
	}{
		{"parts", parts(), "postgres://web:p%2Fw%23%3F%40%201@ep-1-pooler.example:5432/app?sslmode=verify-full", ""},
		{
			"parts with a direct host", parts("DB_DIRECT_HOST", "ep-1.example", "DB_PORT", "6432"),
			"postgres://web:p%2Fw%23%3F%40%201@ep-1-pooler.example:6432/app?sslmode=verify-full",
			"postgres://web:p%2Fw%23%3F%40%201@ep-1.example:6432/app?sslmode=verify-full",
		},
		{
			"a direct host with its own port",
			Environ{"DATABASE_URL": "postgres://u:p@pool:6432/app?sslmode=disable", "DB_DIRECT_HOST": "pg:5432"},
			"postgres://u:p@pool:6432/app?sslmode=disable", "postgres://u:p@pg:5432/app?sslmode=disable",
		},
		{"parts without a host are nobody's", Environ{"DB_PORT": "tcp://10.0.0.1:5432"}, "", ""},
		{"the whole URL hides the parts", parts("DATABASE_URL", "postgres://u@h/d"), "postgres://u@h/d", ""},
		{
			"PGSSLROOTCERT is trusted",
			Environ{"DATABASE_URL": "postgres://u@h/d?sslmode=require", "PGSSLROOTCERT": "/ca.pem"},
			"postgres://u@h/d?sslmode=require&sslrootcert=%2Fca.pem", "",
		},
		{
			"the URL's own authority wins",
			Environ{"DATABASE_URL": "postgres://u@h/d?sslmode=verify-full&sslrootcert=/own.pem", "PGSSLROOTCERT": "/ca.pem", "SSL_CERT_FILE": "/sys.pem"},
			"postgres://u@h/d?sslmode=verify-full&sslrootcert=/own.pem", "",
		},
		{
			"SSL_CERT_FILE replaces the system's",
			Environ{"DATABASE_URL": "postgres://u@h/d?sslmode=verify-full", "SSL_CERT_FILE": "/sys.pem"},
			"postgres://u@h/d?sslmode=verify-full&sslrootcert=%2Fsys.pem", "",
		},
		{
			"SSL_CERT_FILE asks for no verification",
			Environ{"DATABASE_URL": "postgres://u@h/d?sslmode=require", "SSL_CERT_FILE": "/sys.pem"},
			"postgres://u@h/d?sslmode=require", "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := ParseDatabase(tt.env)
			if err != nil {
				t.Fatal(err)
			}
			if d.URL != tt.main {
				t.Errorf("URL\n got %s\nwant %s", d.URL, tt.main)
			}
			if d.DirectURL != tt.direct {
				t.Errorf("direct URL\n got %s\nwant %s", d.DirectURL, tt.direct)
			}
		})
	}
}

func TestPasswordSurvivesTheURL(t *testing.T) {
	const password = `a/b?c#d%e@f:g h&i=j"k'l`
	d, err := ParseDatabase(Environ{"DB_HOST": "h", "DB_NAME": "n", "DB_USER": "u", "DB_PASSWORD": password})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := u.User.Password(); got != password {
		t.Errorf("the URL carries %q, not %q", got, password)
	}
}

func TestMistakesNameTheirVariableAndNoSecret(t *testing.T) {
	const canary = "canary-PASSWORD-9f3"
	tests := []struct {
		env      Environ
		variable string
	}{
		{Environ{"DATABASE_URL": "postgres://u:" + canary + "/x@h/d"}, "DATABASE_URL"},
		{Environ{"DATABASE_URL": "postgres://u:" + canary + "#x@h/d"}, "DATABASE_URL"},
		{Environ{"DATABASE_URL": "postgres://12:34#" + canary + "@h/d"}, "DATABASE_URL"},
		{Environ{"DATABASE_URL": "mysql://u:" + canary + "@h/d"}, "DATABASE_URL"},
		{Environ{"DATABASE_URL": canary}, "DATABASE_URL"},
		{Environ{"DATABASE_URL": "postgres://u:" + canary + "@h/d?sslmode=maybe"}, "DATABASE_URL"},
		{Environ{"DATABASE_DIRECT_URL": "postgres://u:" + canary + "@"}, "DATABASE_DIRECT_URL"},
		{Environ{"DB_HOST": "h", "DB_USER": "u", "DB_PASSWORD": canary}, "DB_NAME"},
		{Environ{"DB_HOST": "u:" + canary + "@h", "DB_NAME": "n", "DB_USER": "u"}, "DB_HOST"},
		{Environ{"DB_DIRECT_HOST": "h"}, "DB_DIRECT_HOST"},
		{Environ{"DB_HOST": "h", "DB_NAME": "n", "DB_USER": "u", "DB_PORT": canary}, "DB_PORT"},
		{Environ{"DB_HOST": "h", "DB_NAME": "n", "DB_USER": "u", "DB_PORT": "70000"}, "DB_PORT"},
		{Environ{"DB_HOST": "h", "DB_NAME": "n", "DB_USER": "u", "DB_SSLMODE": canary}, "DB_SSLMODE"},
		{Environ{"DB_EXEC_MODE": "fast"}, "DB_EXEC_MODE"},
		{Environ{"DB_CONN_MAX_LIFETIME": "1800"}, "DB_CONN_MAX_LIFETIME"},
		{Environ{"DB_CONN_MAX_IDLE_TIME": "-5s"}, "DB_CONN_MAX_IDLE_TIME"},
		{Environ{"DB_MIN_IDLE_CONNS": "30"}, "DB_MIN_IDLE_CONNS"},
		{Environ{"DB_MAX_CONNS": "0", "DB_MIN_IDLE_CONNS": "0"}, "DB_MAX_CONNS"},
		{Environ{"DB_MAX_CONNS": "99999999999999999999"}, "DB_MAX_CONNS"},
		{Environ{"REDIS_URL": "http://:" + canary + "@h"}, "REDIS_URL"},
		{Environ{"REDIS_URL": "redis://:" + canary + "#@h"}, "REDIS_URL"},
		{Environ{"TOKEN_CACHE_TTL": "0"}, "TOKEN_CACHE_TTL"},
		{Environ{"USER_CACHE_SIZE": "0"}, "USER_CACHE_SIZE"},
		{Environ{"LOG_LEVEL": "loud"}, "LOG_LEVEL"},
		{Environ{"LOG_FORMAT": "xml"}, "LOG_FORMAT"},
		{Environ{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://u:" + canary + "/@"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{Environ{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:4318?key=" + canary}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{Environ{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://u:" + canary + "@c:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{Environ{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c/a%2Fb"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{Environ{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c:4318/v1/traces?key=" + canary}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
		{Environ{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c:4318"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
		{Environ{"OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "OTEL_BSP_MAX_QUEUE_SIZE"},
		{Environ{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"},
		{Environ{"OTEL_TRACES_SAMPLER": "sometimes"}, "OTEL_TRACES_SAMPLER"},
		{Environ{"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "NaN"}, "OTEL_TRACES_SAMPLER_ARG"},
		{Environ{"OTEL_SDK_DISABLED": "perhaps"}, "OTEL_SDK_DISABLED"},
	}
	for _, tt := range tests {
		err := Check(tt.env)
		if err == nil {
			t.Errorf("%v was accepted", tt.env)
			continue
		}
		one, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%v: %T is no *Error: %v", tt.env, err, err)
			continue
		}
		if one.Variable != tt.variable {
			t.Errorf("%v: blamed %s: %v", tt.env, one.Variable, err)
		}
		if one.Problem == "" || one.Remedy == "" {
			t.Errorf("%v: says too little: %+v", tt.env, one)
		}
		if said := err.Error() + one.Hint(); strings.Contains(said, canary) || strings.Contains(said, "canary") {
			t.Errorf("%v: tells the secret: %s", tt.env, said)
		}
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	_, err := ParseDatabase(Environ{"DB_MAX_CONNS": "many", "DB_CONN_MAX_LIFETIME": "long"})
	for _, want := range []string{"DB_MAX_CONNS", "DB_CONN_MAX_LIFETIME"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
}

func TestRequire(t *testing.T) {
	d, err := ParseDatabase(Environ{"DATABASE_URL": "postgres://u@h/d"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Require(); err != nil {
		t.Error(err)
	}
	if err := d.RequireDirect(); err == nil {
		t.Error("a direct endpoint was guessed")
	}
	if err := (Database{}).Require(); err == nil {
		t.Error("no database is enough")
	}
}

func TestTelemetry(t *testing.T) {
	tel, err := ParseTelemetry(Environ{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/", "OTEL_EXPORTER_OTLP_HEADERS": "key=a%20b, x=1",
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x=2",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := tel.TracesURL(); got != "http://collector:4318/v1/traces" {
		t.Errorf("spans go to %q", got)
	}
	if h := tel.ExportHeaders(); h["key"] != "a b" || h["x"] != "2" {
		t.Errorf("headers %v", h)
	}
	for _, e := range []Environ{
		{},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"},
	} {
		tel, err := ParseTelemetry(e)
		if err != nil || tel.TracesURL() != "" {
			t.Errorf("%v: spans go to %q (%v)", e, tel.TracesURL(), err)
		}
	}
	tel, err = ParseTelemetry(Environ{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"})
	if err != nil || tel.TracesURL() != "http://t/x" {
		t.Errorf("spans go to %q (%v)", tel.TracesURL(), err)
	}
}
