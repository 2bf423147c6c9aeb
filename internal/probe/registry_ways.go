package probe

// wayCauses are causes of what the other checks find: why the app's endpoint can't be used at all, why
// the pooler's connections are scarce, why connecting is slow.
func wayCauses() []check {
	return []check{
		{
			code: "HD-N02", title: "DNS lookup failed: the database host name does not resolve", severity: Critical, outage: true,
			needs: []part{askedPooler}, run: nameFails,
		},
		{
			code: "HD-N03", title: "TLS certificate rejected: the database endpoint cannot be verified", severity: Critical, outage: true,
			needs: []part{askedPooler}, run: certificateRefused,
		},
		{
			code: "HD-P07", title: "Client limit reached (max_client_conn): the pooler refuses new clients", severity: Critical, outage: true,
			needs: []part{askedPooler}, run: clientsRefused,
		},
		{
			code: "HD-P08", title: "Unsupported startup parameter: the pooler refuses the database URL", severity: Critical, outage: true,
			needs: []part{askedPooler}, run: parameterRefused,
			remedy: editSecret("remove it from DATABASE_URL; if you need it: ALTER ROLE CURRENT_USER SET …"),
		},
		{
			code: "HD-P11", title: "Idle in transaction: idle clients hold the pooler's server connections", severity: Warning,
			needs: []part{upPooler}, run: idleInPool,
			remedy: `psql "$DATABASE_DIRECT_URL" -c "SELECT pid, application_name, now() - xact_start AS open FROM pg_stat_activity WHERE state = 'idle in transaction' ORDER BY 3 DESC"   # use one statement, or Batch.BeginTx, instead of BEGIN ... COMMIT`,
		},
		{
			code: "HD-P12", title: "Connection churn: the pooler keeps reopening server connections", severity: Warning,
			needs: []part{upPooler}, run: churn,
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW CONFIG'   # server_lifetime should be 3600 and server_idle_timeout 600; its log shows why it closes connections`,
		},
		{
			code: "HD-N01", title: "HelloRetryRequest: the TLS handshake takes an extra round trip", severity: Info,
			needs: []part{upPooler}, run: helloRetry,
		},
	}
}

// wayChecks judge the ways to the servers, and the pooler.
func wayChecks() []check {
	return []check{
		{
			code: "HD-P06", title: "Cross-client responses: a client receives another client's rows", severity: Critical,
			needs: []part{upPooler}, run: mixedAnswers,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_EXEC_MODE=exec",
		},
		{
			code: "HD-N08", title: "High network latency: the database is farther away than expected", severity: Critical,
			needs: []part{upPooler}, run: farAway,
			remedy: "kubectl get nodes -L topology.kubernetes.io/region   # app, pooler and database belong in one region: compare the regions of their hosts, and move back the one that moved",
		},
		{
			code: "HD-N06", title: "TCP retransmissions: packets to the database are lost", severity: Warning,
			needs: []part{upPooler}, run: packetsLost,
		},
		{
			code: "HD-N05", title: "Network stalls: some round trips take over 200 ms longer", severity: Warning,
			needs: []part{upPooler}, run: stalls,
		},
		{
			code: "HD-N04", title: "Network jitter: round-trip times to the database vary", severity: Warning,
			needs: []part{upPooler}, run: jitters,
		},
		{
			code: "HD-N10", title: "Low bandwidth: large results arrive slowly", severity: Warning,
			needs: []part{upPooler}, run: narrowBand,
			remedy: "kubectl -n honeydue get pods -o yaml | grep -i bandwidth   # a bandwidth limit of the CNI? Otherwise check the node's network class, or a VPN on the path",
		},
		{
			code: "HD-N07", title: "Slow DNS: a host name lookup takes too long", severity: Warning,
			needs: []part{askedPooler}, run: slowNames,
			remedy: "kubectl -n kube-system logs -l k8s-app=kube-dns --tail=20   # and end the host name with a dot to skip the search list",
		},
		{
			code: "HD-N09", title: "TLS certificate expired, expiring soon, or rejected", severity: Critical,
			needs: []part{askedPooler}, run: certificateEnds,
		},
		{
			code: "HD-C02", title: "Known bugs in a server's version: upgrade it", severity: Info,
			needs: []part{askedServer}, run: knownVersions,
		},
		{
			code: "HD-N13", title: "TLS server not verified: sslmode is below verify-full", severity: Warning,
			needs: []part{askedServer}, run: unverifiedServers,
		},
		{
			code: "HD-P09", title: "Pooler near its limits: connections are running out", severity: Warning,
			needs: []part{upPooler}, run: poolerFull,
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW POOLS' -c 'SHOW CLIENTS'   # shorten the transactions that hold server connections, or raise the limit`,
		},
		{
			code: "HD-P10", title: "Pooler wait time: statements have waited for a server connection", severity: Warning,
			needs: []part{upPooler}, run: haveWaited,
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW STATS' -c 'SHOW POOLS'   # at a busier time: honeydue probe --only HD-P04`,
		},
		{
			code: "HD-P13", title: "PgBouncer configuration drift: a setting differs from its tuned value", severity: Warning,
			needs: []part{upPooler}, run: poolerDrifted,
		},
		{
			code: "HD-P14", title: "Prepared statements unsupported: DB_EXEC_MODE needs them behind the pooler", severity: Critical,
			needs: []part{upPooler}, run: preparedLost,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_EXEC_MODE=exec   # or max_prepared_statements = 200 in PgBouncer 1.21 or newer",
		},
		{
			code: "HD-N11", title: "TCP slow start after idle: large results take extra round trips", severity: Info,
			needs: []part{upPooler}, run: slowStart,
			remedy: "sysctl -w net.ipv4.tcp_slow_start_after_idle=0   # on the server's side, if you control it; otherwise keep hot results below 14 kB",
		},
		{
			code: "HD-N12", title: "Direct TLS (sslnegotiation=direct) would save a round trip", severity: Info,
			needs: []part{upPooler}, run: couldBeDirect,
			remedy: editSecret("add sslnegotiation=direct to DATABASE_URL"),
		},
	}
}
