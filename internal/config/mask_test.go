package config

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// canary cannot be part of anything else that is drawn: nothing else has capitals.
const canary = "CANARY"

func drawSecret(t *rapid.T) string {
	odd := rapid.StringOfN(rapid.RuneFrom([]rune("/?#%@:&= +\"'<>[]\\é\tx1")), 0, 6, -1)
	return odd.Draw(t, "before") + canary + odd.Draw(t, "after")
}

func TestMaskURLNeverTells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := drawSecret(t)
		written := secret // as people do
		if rapid.Bool().Draw(t, "encoded") {
			written = url.QueryEscape(secret)
		}
		word := rapid.StringMatching(`[a-z0-9]{0,8}`)
		raw := rapid.SampledFrom([]string{"postgres", "redis", "https", ""}).Draw(t, "scheme") + "://" +
			word.Draw(t, "user") + ":" + written + "@" + word.Draw(t, "host") + "/" + word.Draw(t, "path") + "?sslmode=require"
		if shown := MaskURL(raw); strings.Contains(shown, canary) {
			t.Fatalf("%q is shown as %q", raw, shown)
		}
		if shown := MaskURL("postgres://h/d?x=1&password=" + url.QueryEscape(secret)); strings.Contains(shown, canary) {
			t.Fatalf("a password in the query is shown as %q", shown)
		}
	})
}

func TestNoErrorAndNoSettingTells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := drawSecret(t)
		e := Environ{}
		for _, s := range Settings(Environ{}) {
			switch rapid.IntRange(0, 3).Draw(t, s.Env) {
			case 0:
				if s.Secret != "" {
					e[s.Env] = "postgres://u:" + secret + "@h:1/d"
				}
			case 1:
				if s.Secret != "" {
					e[s.Env] = secret
				}
			case 2:
				if s.Secret == secretAll {
					e[s.Env] = secret
				}
			}
		}
		if err := Check(e); err != nil && tells(err) {
			t.Fatalf("%v: %v", e, err)
		}
		for _, s := range Settings(e) {
			if strings.Contains(s.Value, canary) {
				t.Fatalf("%s is shown as %q", s.Env, s.Value)
			}
		}
	})
}

func tells(err error) bool {
	if strings.Contains(err.Error(), canary) {
		return true
	}
	one, ok := errors.AsType[*Error](err)
	return ok && strings.Contains(one.Hint(), canary)
}

func TestSecretsAreTakenOutOfAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := drawSecret(t)
		u := url.URL{Scheme: "postgres", User: url.UserPassword("u", secret), Host: "h", Path: "/d"}
		e := Environ{"DATABASE_URL": u.String(), "DB_PASSWORD": secret, "OTEL_EXPORTER_OTLP_HEADERS": "key=" + url.PathEscape(secret)}
		text := "cannot connect as (" + secret + ") to <" + u.String() + ">: " + url.QueryEscape(secret)
		if shown := MaskText(text, e.Secrets()...); strings.Contains(shown, canary) {
			t.Fatalf("%q is shown as %q", text, shown)
		}
	})
}

// Every shell sets PWD and OLDPWD: paths, which have to stay readable. What else sounds like a secret is one.
func TestTheWorkingDirectoryIsNoSecret(t *testing.T) {
	e := Environ{"PWD": "/srv/honeydue/run", "OLDPWD": "/srv/honeydue/old", "MYSQL_PWD": "canary-PASSWORD"}
	if got := e.Secrets(); !slices.Equal(got, []string{"canary-PASSWORD"}) {
		t.Errorf("the secrets are %q", got)
	}
}

func TestNewMask(t *testing.T) {
	mask := NewMask([]string{"canary", "canary-2", "abc", ""})
	if got := mask.Replace("a canary-2, canary, abc"); got != "a *****, *****, abc" {
		t.Errorf("got %q", got)
	}
}

func TestMaskText(t *testing.T) {
	tests := []struct{ in, want string }{
		{`dial postgres://u:p@h:1/d: refused`, `dial postgres://*****@h:1/d: refused`},
		{`user=u password=secret host=h`, `user=u password=***** host=h`},
		{`PGPASSWORD='a b' psql`, `PGPASSWORD=***** psql`},
		{`password authentication failed for user "web"`, `password authentication failed for user "web"`},
		{`see https://docs.example/a`, `see https://docs.example/a`},
	}
	for _, tt := range tests {
		if got := MaskText(tt.in); got != tt.want {
			t.Errorf("MaskText(%q)\n got %q\nwant %q", tt.in, got, tt.want)
		}
	}
}

func TestMaskURLKeepsWhatHelps(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"postgres://web:pw@ep-pooler.x:5432/app?sslmode=verify-full", "postgres://web:*****@ep-pooler.x:5432/app?sslmode=verify-full"},
		{"postgres://web@h/app", "postgres://web@h/app"},
		{"redis://:pw@h:6379/0", "redis://:*****@h:6379/0"},
		{"https://tokentoken@collector", "https://*****@collector"},
		{"postgres://web:a/b@h/app", "postgres://*****"},
		{"s3://bucket?secret_access_key=x&region=eu", "s3://bucket?secret_access_key=*****&region=eu"},
		{"no url at all", "*****"},
		// A password that was set in the URL's place.
		{"x:/secret", "*****"},
		{"x1:///secret", "*****"},
		{"secret://", "*****"},
		{"secret=/", "*****"},
	}
	for _, tt := range tests {
		if got := MaskURL(tt.in); got != tt.want {
			t.Errorf("MaskURL(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestAPasswordInTheURLsPlaceIsNoParameter: with an equals sign in it, it reads like libpq's keywords and values.
func TestAPasswordInTheURLsPlaceIsNoParameter(t *testing.T) {
	for _, raw := range []string{canary + "=/", canary + "=1 x=2", "x= " + canary + "=1"} {
		if err := Check(Environ{"DATABASE_URL": raw}); err == nil || tells(err) {
			t.Errorf("%q: %v", raw, err)
		}
	}
	// Beside a parameter that exists, one that does not is named: it is misspelled.
	if err := Check(Environ{"DATABASE_URL": "host=h dbname=d user=u " + canary + "=1"}); !tells(err) {
		t.Errorf("the unknown parameter is not named: %v", err)
	}
}

func FuzzMaskURL(f *testing.F) {
	f.Add("postgres", "u", "p", "h/d?x=1")
	f.Add("redis", "", "a#b", "h")
	f.Add("", "a:b", "@", "")
	f.Fuzz(func(t *testing.T, scheme, user, rest, tail string) {
		for _, s := range []string{scheme, user, rest, tail} {
			if strings.Contains(s, canary) || strings.Contains(s, "@") && strings.ContainsAny(scheme+user, "@") {
				return
			}
		}
		// A secret is what stands between the first colon after the scheme and the last @.
		raw := scheme + "://" + user + ":" + rest + canary + "@" + strings.ReplaceAll(tail, "@", "")
		if shown := MaskURL(raw); strings.Contains(shown, canary) {
			t.Errorf("%q is shown as %q", raw, shown)
		}
		if shown := MaskText(raw, Environ{"DATABASE_URL": raw}.Secrets()...); strings.Contains(shown, canary) {
			t.Errorf("%q is told as %q", raw, shown)
		}
	})
}
