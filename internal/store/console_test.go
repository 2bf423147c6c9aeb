package store

import (
	"context"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

func TestConsole(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 3, 3 })
	check(t, db.Ping(t.Context()))
	name := env.DatabaseURL[strings.LastIndex(env.DatabaseURL, "/test_")+1:]
	name, _, _ = strings.Cut(name, "?")
	dials := &link.Dials{}
	console, err := OpenConsole(t.Context(), env.AdminURL, name, dials)
	check(t, err)
	defer console.Close(context.WithoutCancel(t.Context()))
	turns := dials.Total()
	pools, err := console.Pools(t.Context())
	check(t, err)
	if pools.ClientsActive != 3 || pools.ClientsWaiting != 0 || pools.ServersActive+pools.ServersIdle < 1 {
		t.Errorf("a pool of 3 idle clients: %+v", pools)
	}
	if got := dials.Total() - turns; got != 1 {
		t.Errorf("SHOW POOLS took %d turns", got)
	}
	all, err := OpenConsole(t.Context(), env.AdminURL, "", nil)
	check(t, err)
	defer all.Close(context.WithoutCancel(t.Context()))
	if sum, err := all.Pools(t.Context()); err != nil || sum.ClientsActive < pools.ClientsActive {
		t.Errorf("all databases: %+v, %v", sum, err)
	}
	other, err := OpenConsole(t.Context(), env.AdminURL, "nobody_has_it", nil)
	check(t, err)
	defer other.Close(context.WithoutCancel(t.Context()))
	if _, err := other.Pools(t.Context()); err == nil || !strings.Contains(err.Error(), "no pool of this database") {
		t.Errorf("a database without a pool: %v", err)
	}
	if _, err := OpenConsole(t.Context(), "postgres://me:canary@127.0.0.1:1/%zz", "", nil); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a URL that is none: %v", err)
	}
}

// TestARestingPoolIsIdle: what nobody has used for server_check_delay is counted as idle, although the console calls it
// used; a client that is connected and asks for nothing counts as active.
func TestARestingPoolIsIdle(t *testing.T) {
	env := labtest.Database(t, Migrate)
	consoleSays(t, env, "SET server_check_delay = '1'")
	t.Cleanup(func() { consoleSays(t, env, "SET server_check_delay = '30'") })
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 3, 3 })
	check(t, db.Ping(t.Context()))
	name, _, _ := strings.Cut(env.DatabaseURL[strings.LastIndex(env.DatabaseURL, "/test_")+1:], "?")
	console, err := OpenConsole(t.Context(), env.AdminURL, name, nil)
	check(t, err)
	defer console.Close(context.WithoutCancel(t.Context()))
	labtest.Eventually(t, "a server connection at rest", func() bool {
		rows, err := console.Show(t.Context(), "POOLS")
		check(t, err)
		rows = console.Of(rows, "database")
		return len(rows) == 1 && rows[0].Number("sv_used") > 0 && rows[0].Number("sv_idle") == 0
	})
	pools, err := console.Pools(t.Context())
	check(t, err)
	if pools.ServersIdle < 1 || pools.ServersActive != 0 || pools.ClientsActive != 3 {
		t.Errorf("three clients and their pool at rest: %+v", pools)
	}
}
