package config

// use is what becomes of a parameter of a database URL.
type use struct {
	place    bool   // it belongs elsewhere in the URL
	honored  bool   // pgx carries it out
	variable string // the variable that it stands for
	moot     bool   // it can have no effect here, and nobody would miss it
	// fine are values that ask for what is the case anyway.
	fine []string
	// note says why it has no effect; without one the parameter is refused with problem and remedy.
	note            string
	problem, remedy string
	unknown         bool // neither libpq nor pgxpool has it
}

// useOf is the one table of libpq's and pgxpool's parameters. pgx sends each that it does not know itself to the
// server, and a pooler refuses it without saying where it comes from.
func useOf(key string) use {
	const (
		network   = "honeydue sets keep-alive and timeouts of a connection itself"
		session   = "each connection requests its own value"
		noGSSAPI  = "honeydue does not use GSSAPI"
		leaveOut  = "Leave it out."
		onTheRole = "Leave it out; if the server should have the setting, run ALTER ROLE ... SET."
	)
	switch key {
	case "host", "port", "user", "password", "dbname":
		return use{place: true}
	case "application_name", "fallback_application_name", "channel_binding", "connect_timeout", "max_protocol_version", "min_protocol_version", "passfile",
		"require_auth", "sslcert", "sslcertmode", "sslkey", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni",
		"target_session_attrs":
		return use{honored: true}
	case "pool_max_conns":
		return use{variable: "DB_MAX_CONNS"}
	case "pool_min_conns", "pool_min_idle_conns":
		return use{variable: "DB_MIN_IDLE_CONNS"}
	case "pool_max_conn_lifetime":
		return use{variable: "DB_CONN_MAX_LIFETIME"}
	case "pool_max_conn_idle_time":
		return use{variable: "DB_CONN_MAX_IDLE_TIME"}
	case "default_query_exec_mode":
		return use{variable: "DB_EXEC_MODE"}
	case "pool_max_conn_lifetime_jitter":
		return use{problem: ", which has no effect", remedy: "Leave it out: it is a tenth of DB_CONN_MAX_LIFETIME."}
	case "pool_health_check_period", "pool_ping_timeout", "statement_cache_capacity", "description_cache_capacity":
		return use{problem: ", which has no effect", remedy: leaveOut}

	case "keepalives":
		return use{fine: []string{"1"}, note: network}
	case "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout":
		return use{note: network}
	case "client_encoding":
		return use{fine: []string{"auto", "UTF8", "utf8", "UTF-8", "utf-8", "unicode"}, note: session}
	case "datestyle", "timezone", "standard_conforming_strings":
		return use{note: session}
	case "krbsrvname", "krbspn", "gsslib", "gssdelegation":
		return use{note: noGSSAPI}
	case "sslcompression", "load_balance_hosts":
		return use{moot: true} // one has no effect in libpq either, the other none with one host

	case "gssencmode":
		return use{fine: []string{"disable", "prefer"}, problem: ", and " + noGSSAPI, remedy: "Set sslmode=verify-full instead."}
	case "requiressl":
		return use{fine: []string{"0"}, problem: ", which libpq has dropped", remedy: "Set sslmode=require instead."}
	case "ssl_min_protocol_version":
		return use{fine: []string{"TLSv1", "TLSv1.1", "TLSv1.2"}, problem: " above TLS 1.2, and honeydue accepts TLS 1.2 as well", remedy: "Leave it out, and set the minimum version at the server."}
	case "ssl_max_protocol_version":
		return use{fine: []string{"TLSv1.3"}, problem: " below TLS 1.3, and honeydue may use TLS 1.3", remedy: leaveOut}
	case "hostaddr":
		return use{problem: ", which honeydue does not know", remedy: "Give the address as the host; its certificate is then checked by sslmode=verify-ca."}
	case "sslcrl", "sslcrldir":
		return use{problem: ", and honeydue does not check whether a certificate was revoked", remedy: leaveOut}
	case "requirepeer":
		return use{problem: ", which applies to a Unix socket", remedy: "Leave it out; sslmode=verify-full proves who the server is."}
	case "service", "servicefile":
		return use{problem: ", whose file may contain any parameter", remedy: "Put the file's parameters into the URL."}
	case "replication":
		return use{problem: ", which requests a different kind of connection", remedy: leaveOut}
	case "options":
		return use{problem: ", which a pooler refuses", remedy: onTheRole}
	case "scram_client_key", "scram_server_key", "sslkeylogfile", "oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope":
		return use{problem: ", which honeydue does not know", remedy: leaveOut}
	}
	return use{unknown: true, problem: ", which is not a parameter of a database URL", remedy: "Correct its spelling, or leave it out; a setting of the server belongs to the role: ALTER ROLE ... SET."}
}
