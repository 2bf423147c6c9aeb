package collect

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// triedParameters are the ones that people put into a database URL, with a value that harms nothing.
func triedParameters() map[string]string {
	return map[string]string{"statement_timeout": "14997", "options": "-c lock_timeout=14997"}
}

// everyPoolerKnows reports whether a parameter is among those that PgBouncer tracks, so that none refuses it.
func everyPoolerKnows(name string) bool {
	return slices.Contains([]string{"application_name", "client_encoding", "datestyle", "timezone", "standard_conforming_strings"}, name)
}

// testStartup tries parameters, each on a connection of its own. Those of the app's URL are
// tried only if it could not connect with them (refused is what it failed with).
func testStartup(ctx context.Context, config *pgx.ConnConfig, refused *facts.Failure) facts.StartupParameters {
	var out facts.StartupParameters
	if refused != nil {
		tryURL(ctx, &out, config)
		return out
	}
	shown := map[string]string{"statement_timeout": "SHOW statement_timeout", "options": "SHOW lock_timeout"}
	all := triedParameters()
	names := slices.Sorted(maps.Keys(all))
	each, values, errs := make([]facts.StartupParameters, len(names)), make([]string, len(names)), make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			values[i], errs[i] = connect(ctx, &each[i], withParameters(config, map[string]string{name: all[name]}), shown[name])
		})
	}
	wg.Wait()
	for i, name := range names {
		out.Dials, out.Turns = out.Dials+each[i].Dials, out.Turns+each[i].Turns
		switch {
		case refusedParameter(errs[i]):
			out.Refused = append(out.Refused, name)
		case errs[i] != nil:
			continue // it says nothing of the parameter
		case values[i] != "14997ms":
			out.Ignored = append(out.Ignored, name)
		}
		out.Tried = append(out.Tried, name)
	}
	return out
}

// demand is a parameter of a URL that is no start-up parameter: pgx itself gives up the connection where the endpoint
// does not meet it.
type demand struct {
	name string
	drop func(*pgx.ConnConfig)
}

// demandsOf lists those that a configuration makes.
func demandsOf(config *pgx.ConnConfig) []demand {
	var out []demand
	add := func(made bool, name, value string, drop func(*pgx.ConnConfig)) {
		if value != "" {
			name += "=" + value
		}
		if made {
			out = append(out, demand{name, drop})
		}
	}
	add(config.ChannelBinding == "require", "channel_binding", "require", func(c *pgx.ConnConfig) { c.ChannelBinding = "prefer" })
	least, most := config.MinProtocolVersion, config.MaxProtocolVersion
	usual := func(version string) bool { return version == "" || version == "3.0" }
	oldest := func(c *pgx.ConnConfig) { c.MinProtocolVersion, c.MaxProtocolVersion = "3.0", "3.0" }
	add(!usual(least), "min_protocol_version", least, oldest)
	add(usual(least) && !usual(most), "max_protocol_version", most, oldest)
	add(config.RequireAuth != "", "require_auth", "", func(c *pgx.ConnConfig) { c.RequireAuth = "" })
	add(config.ValidateConnect != nil, "target_session_attrs", "", func(c *pgx.ConnConfig) { c.ValidateConnect = nil })
	add(directTLS(config), "sslnegotiation", "direct", func(c *pgx.ConnConfig) { c.SSLNegotiation = "postgres" })
	return out
}

// directTLS reports whether the URL begins TLS without asking whether the endpoint speaks it.
func directTLS(config *pgx.ConnConfig) bool {
	return config.TLSConfig != nil && config.SSLNegotiation == "direct"
}

// mayBeForTheURL reports whether an endpoint that can't be used may refuse a parameter of the URL.
func mayBeForTheURL(config *pgx.ConnConfig, f *facts.Failure) bool {
	return f.Kind == facts.KindServer || f.Kind == facts.KindLogIn || f.Phase == "tls" && directTLS(config)
}

// tryURL finds which of the URL's own parameters keep it from connecting: it tries without all of them, and then with
// each alone.
func tryURL(ctx context.Context, out *facts.StartupParameters, config *pgx.ConnConfig) {
	harmless, suspects := map[string]string{}, map[string]string{}
	for name, value := range config.RuntimeParams {
		if everyPoolerKnows(name) {
			harmless[name] = value
		} else {
			suspects[name] = value
		}
	}
	demands := demandsOf(config)
	if len(suspects) == 0 && len(demands) == 0 {
		return
	}
	without := func(parameters map[string]string, keep string) *pgx.ConnConfig {
		c := withParameters(config, parameters)
		for _, d := range demands {
			if d.name != keep {
				d.drop(c)
			}
		}
		return c
	}
	if _, err := connect(ctx, out, without(harmless, ""), ""); err != nil {
		return // it is not for them
	}
	if len(suspects) == 0 && len(demands) == 1 {
		out.Tried, out.OfURL = []string{demands[0].name}, []string{demands[0].name}
		return
	}
	for _, name := range slices.Sorted(maps.Keys(suspects)) {
		out.Tried = append(out.Tried, name)
		if _, err := connect(ctx, out, without(map[string]string{name: suspects[name]}, ""), ""); refusedParameter(err) {
			out.OfURL = append(out.OfURL, name)
		}
	}
	for _, d := range demands {
		out.Tried = append(out.Tried, d.name)
		if _, err := connect(ctx, out, without(harmless, d.name), ""); err != nil && !dial.Explain(ctx, "", err).CutOff() && ctx.Err() == nil {
			out.OfURL = append(out.OfURL, d.name)
		}
	}
}

// connect opens a connection and asks one thing of it, if there is one to ask.
func connect(ctx context.Context, out *facts.StartupParameters, config *pgx.ConnConfig, ask string) (value string, err error) {
	out.Dials++
	conn, w, err := dial.ConnectPG(ctx, config)
	defer func() { out.Turns += w.Turns() }()
	if err != nil {
		return "", err
	}
	defer func() { _ = dial.Bound(ctx, facts.QueryTimeout, conn.Close) }() // nothing is lost with it
	if ask == "" {
		return "", nil
	}
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		results, err := conn.PgConn().Exec(ctx, ask).ReadAll()
		if err == nil && len(results) == 1 && len(results[0].Rows) == 1 {
			value = string(results[0].Rows[0][0])
		}
		return err
	})
	return value, err
}

func withParameters(config *pgx.ConnConfig, parameters map[string]string) *pgx.ConnConfig {
	c := config.Copy()
	c.RuntimeParams = parameters
	c.ConnectTimeout = facts.ConnectTimeout
	return c
}

// refusedParameter reports whether the server has answered the start-up packet with a refusal of it:
// 08P01 of PgBouncer and its kin, 42704 and 22023 of Postgres itself.
func refusedParameter(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && slices.Contains([]string{"08P01", "42704", "22023"}, pg.Code)
}
