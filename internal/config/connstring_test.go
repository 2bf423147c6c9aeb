package config

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestConnStringsAreReadAlike(t *testing.T) {
	const password = `a/b?c#d%e@f:g h&i=j"k'l\`
	for name, tt := range map[string]struct{ raw, want string }{
		"keywords and values":   {"host=h port=6432 dbname=d user=u password=p sslmode=require", "postgres://u:p@h:6432/d?sslmode=require"},
		"no port":               {"host=h dbname=d user=u", "postgres://u@h/d"},
		"quotes":                {`host = h  dbname='d' user=u password='a/b?c#d%e@f:g h&i=j"k\'l\\'`, ""},
		"host in the query":     {"postgres:///d?host=h&port=6432&user=u&password=p", "postgres://u:p@h:6432/d"},
		"database in the query": {"postgres://u@h/?dbname=d", "postgres://u@h/d"},
		"the last one counts":   {"postgres://u@h/d?sslmode=disable&sslmode=require", "postgres://u@h/d?sslmode=require"},
		"ssl=true":              {"postgres://u@h/d?ssl=true", "postgres://u@h/d?sslmode=require"},
		"a fallback name":       {"postgres://u@h/d?fallback_application_name=x", "postgres://u@h/d?application_name=x"},
		"its own name":          {"postgres://u@h/d?fallback_application_name=x&application_name=y", "postgres://u@h/d?application_name=y"},
		"what is the case":      {"postgres://u@h/d?gssencmode=disable&keepalives=1&sslcompression=0&load_balance_hosts=random&sslcrl=&client_encoding=UTF8", "postgres://u@h/d"},
		"IPv6":                  {"host=::1 dbname=d user=u", "postgres://u@[::1]/d"},
		"nothing to change":     {"postgres://u@h/d?sslrootcert=/a/b.pem&sslmode=verify-full", "postgres://u@h/d?sslrootcert=/a/b.pem&sslmode=verify-full"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseDatabase(Environ{"DATABASE_URL": tt.raw})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" {
				u, err := url.Parse(d.URL)
				if got, _ := u.User.Password(); err != nil || got != password {
					t.Errorf("the password is read as %q (%v)", got, err)
				}
				return
			}
			if d.URL != tt.want || len(d.Notes) > 0 {
				t.Errorf("got %s with %v, want %s", d.URL, d.Notes, tt.want)
			}
		})
	}
}

func TestWhatNoURLMayName(t *testing.T) {
	for _, tt := range []struct{ raw, names string }{
		{"postgres://u@h1:1,h2:2/d", "more than one host"},
		{"postgres://u:pa@h1,h2/d?sslmode=require", "more than one host"},
		{"host=h1,h2 dbname=d", "more than one host"},
		{"postgres://u@h/d?host=a,b", "more than one host"},
		{"host=/run/postgresql dbname=d", "socket"},
		{"postgres://u@%2Frun/d", "cannot be read"},
		{"postgres:///d", "no host"},
		{"dbname=d", "no host"},
		{"host=h port=x", "port"},
		{"host=h password='open", "cannot be read"},
		{"postgres://u@h/d?pool_max_conn=5", "pool_max_conn,"},
		{"postgres://u@h/d?Pool_Max_Conns=5", "Pool_Max_Conns"},
		{"host=h pgbouncer=true", "pgbouncer"},
		{"postgres://u@h/d?search_path=x", "search_path"},
		{"postgres://u@h/d?target_session_attrs=standby", "target_session_attrs"},
		{"postgres://u@h/d?pool_max_conns=many", "pool_max_conns"},
		{"postgres://u@h/d?pool_max_conns=0", "pool_max_conns"},
		{"postgres://u@h/d?pool_max_conns=5&pool_min_conns=6", "pool_min_conns"},
		{"postgres://u@h/d?pool_max_conn_lifetime=30", "pool_max_conn_lifetime"},
		{"postgres://u@h/d?default_query_exec_mode=fast", "default_query_exec_mode"},
	} {
		_, err := ParseDatabase(Environ{"DATABASE_URL": tt.raw})
		one, ok := errors.AsType[*Error](err)
		if !ok || one.Variable != "DATABASE_URL" || one.Remedy == "" || !strings.Contains(one.Error(), tt.names) {
			t.Errorf("%s: %v", tt.raw, err)
		}
	}
}

// parameters are all that libpq (19) and pgx (5.12) know.
func parameters() []string {
	return strings.Fields(`host hostaddr port dbname user password passfile require_auth channel_binding connect_timeout client_encoding
		options application_name fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count
		tcp_user_timeout replication gssencmode sslmode requiressl sslnegotiation sslcompression sslcert sslkey sslkeylogfile
		sslpassword sslcertmode sslrootcert sslcrl sslcrldir sslsni requirepeer ssl_min_protocol_version ssl_max_protocol_version
		min_protocol_version max_protocol_version krbsrvname krbspn gsslib gssdelegation scram_client_key scram_server_key service
		servicefile target_session_attrs load_balance_hosts oauth_issuer oauth_client_id oauth_client_secret oauth_scope
		pool_max_conns pool_min_conns pool_min_idle_conns pool_max_conn_lifetime pool_max_conn_idle_time pool_health_check_period
		pool_max_conn_lifetime_jitter pool_ping_timeout default_query_exec_mode statement_cache_capacity description_cache_capacity
		datestyle timezone standard_conforming_strings`)
}

// TestEveryParameterIsCarriedOutNotedOrRefused: none is sent to the server as it is, where a pooler would refuse it
// without saying where it comes from, and none is dropped without a word.
func TestEveryParameterIsCarriedOutNotedOrRefused(t *testing.T) {
	values := map[string]string{
		"host": "h", "port": "1", "channel_binding": "require", "connect_timeout": "7", "sslmode": "require", "sslnegotiation": "direct",
		"sslcertmode": "disable", "sslsni": "0", "min_protocol_version": "3.2", "max_protocol_version": "latest", "require_auth": "md5",
		"target_session_attrs": "primary", "pool_max_conns": "21", "pool_min_conns": "2", "pool_min_idle_conns": "2", "pool_max_conn_lifetime": "9m",
		"pool_max_conn_idle_time": "9m", "default_query_exec_mode": "cache_describe", "gssencmode": "require", "requiressl": "1", "keepalives": "0",
	}
	moot := []string{"sslcompression", "load_balance_hosts"}
	for _, key := range parameters() {
		value := values[key]
		if value == "" {
			value = "x"
		}
		query := "host=h&" + url.Values{key: {value}}.Encode()
		d, err := ParseDatabase(Environ{"DATABASE_URL": "postgres://u@h/d?" + query})
		if err != nil {
			if one, ok := errors.AsType[*Error](err); !ok || !strings.Contains(one.Error(), key) {
				t.Errorf("%s: refused by %v", key, err)
			}
			continue
		}
		noted := slices.ContainsFunc(d.Notes, func(n Note) bool { return n.Key == key })
		plain, err := ParseDatabase(Environ{"DATABASE_URL": "postgres://u@h/d"})
		if err != nil {
			t.Fatal(err)
		}
		d.Notes = nil
		changed := d.URL != plain.URL || d.MaxConns != plain.MaxConns || d.MinIdleConns != plain.MinIdleConns ||
			d.MaxLifetime != plain.MaxLifetime || d.MaxIdleTime != plain.MaxIdleTime || d.ExecMode != plain.ExecMode
		if given := key == "host"; noted == (changed || given) && !slices.Contains(moot, key) {
			t.Errorf("%s: noted %t, carried out %t", key, noted, changed)
		}
		if slices.Contains([]string{"sslcert", "sslkey", "sslrootcert"}, key) {
			continue // whose file pgx would read
		}
		cc, err := pgx.ParseConfig(d.URL)
		if err != nil {
			t.Errorf("%s: pgx cannot read what was made of it: %v", key, err)
			continue
		}
		delete(cc.RuntimeParams, "application_name")
		if len(cc.RuntimeParams) > 0 {
			t.Errorf("%s: the server is sent %v", key, cc.RuntimeParams)
		}
	}
}

func TestThePoolOfTheURL(t *testing.T) {
	const u = "postgres://u@h/d?pool_max_conns=9&pool_min_conns=3&pool_max_conn_lifetime=7m&pool_max_conn_idle_time=2m&default_query_exec_mode=simple_protocol"
	d, err := ParseDatabase(Environ{"DATABASE_URL": u, "DATABASE_DIRECT_URL": u})
	if err != nil {
		t.Fatal(err)
	}
	if d.MaxConns != 9 || d.MinIdleConns != 3 || d.MaxLifetime != 7*time.Minute || d.MaxIdleTime != 2*time.Minute || d.ExecMode != "simple_protocol" {
		t.Errorf("the pool is %+v", d)
	}
	if d.URL != "postgres://u@h/d" || d.DirectURL != d.URL || len(d.Notes) != 5 {
		t.Errorf("URLs %s and %s, notes %v", d.URL, d.DirectURL, d.Notes)
	}
	e := Environ{"DATABASE_URL": u, "DB_MAX_CONNS": "12", "DB_MIN_IDLE_CONNS": "4"}
	if d, err = ParseDatabase(e); err != nil || d.MaxConns != 12 || d.MinIdleConns != 4 || len(d.Notes) != 2 {
		t.Errorf("the variables count first: %+v (%v)", d, err)
	}
	for _, s := range Settings(e) {
		want := map[string]Source{"DB_MAX_CONNS": FromEnvironment, "DB_CONN_MAX_LIFETIME": FromURL, "DB_EXEC_MODE": FromURL}[s.Env]
		if want != "" && s.Source != want {
			t.Errorf("%s = %s is said to come from %s", s.Env, s.Value, s.Source)
		}
	}
	d, err = ParseDatabase(Environ{"DATABASE_URL": "postgres://u@h/d?pool_max_conns=5"})
	if err != nil || d.MaxConns != 5 || d.MinIdleConns != 5 {
		t.Errorf("a small pool keeps %d of %d connections (%v)", d.MinIdleConns, d.MaxConns, err)
	}
}

func TestKeywordsAndValuesKeepTheirSecret(t *testing.T) {
	const canary = "canary-PASSWORD-9f3"
	e := Environ{"DATABASE_URL": "host=h dbname=d user=u password='" + canary + "' nonsense=1"}
	if err := Check(e); err == nil || tells(err) || strings.Contains(err.Error(), canary) {
		t.Errorf("says %v", err)
	}
	e["DATABASE_URL"] = strings.TrimSuffix(e["DATABASE_URL"], " nonsense=1")
	if shown := MaskURL(e["DATABASE_URL"]); shown != "postgres://u:*****@h/d" {
		t.Errorf("shown as %s", shown)
	}
	if !slices.Contains(e.Secrets(), canary) {
		t.Error("the password is not among the secrets")
	}
}

// TestWhereAShellFindsThePasswords: a remedy cuts the password out of a variable, where that can be done.
func TestWhereAShellFindsThePasswords(t *testing.T) {
	const url = "postgres://u:p@h/db"
	for name, c := range map[string]struct {
		env                 Environ
		main, direct, admin string
	}{
		"three URLs":      {Environ{"DATABASE_URL": url, "DATABASE_DIRECT_URL": url, "PGBOUNCER_ADMIN_URL": url}, "", "", ""},
		"parts":           {Environ{"DB_HOST": "h", "DB_NAME": "db", "DB_USER": "u", "DB_PASSWORD": "p", "DB_DIRECT_HOST": "d"}, "DB_PASSWORD", "DB_PASSWORD", ""},
		"another host":    {Environ{"DATABASE_URL": url, "DB_DIRECT_HOST": "d"}, "", "DATABASE_URL", ""},
		"keywords":        {Environ{"DATABASE_URL": "host=h user=u password=a@b dbname=db", "DB_DIRECT_HOST": "d"}, "unknown", "unknown", ""},
		"an @ within":     {Environ{"DATABASE_URL": "postgres://u:p@q@h/db"}, "unknown", "", ""},
		"the whole aside": {Environ{"DATABASE_URL": "postgres://h/db?user=u&password=p", "PGBOUNCER_ADMIN_URL": url}, "unknown", "", ""},
	} {
		d, err := ParseDatabase(c.env)
		if err != nil {
			t.Fatal(name, err)
		}
		if d.PasswordIn != c.main || d.DirectPasswordIn != c.direct || d.AdminPasswordIn != c.admin {
			t.Errorf("%s: %q, %q, %q, want %q, %q, %q", name, d.PasswordIn, d.DirectPasswordIn, d.AdminPasswordIn, c.main, c.direct, c.admin)
		}
	}
}
