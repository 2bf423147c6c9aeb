package probe

// wayCauses are causes of what the other checks find: why the app's endpoint can't be used at all, why
// the pooler's connections are scarce, why connecting is slow.
func wayCauses() []check {
	return []check{
		{
			code: "HD-N02", title: "The name of the app's database endpoint doesn't resolve", severity: Critical, outage: true,
			needs: []part{askedPooler}, run: nameFails,
		},
		{
			code: "HD-N03", title: "The certificate of the app's database endpoint is refused", severity: Critical, outage: true,
			needs: []part{askedPooler}, run: certificateRefused,
		},
		{
			code: "HD-P07", title: "The pooler takes no more clients", severity: Critical, outage: true,
			needs: []part{askedPooler}, run: clientsRefused,
		},
		{
			code: "HD-P08", title: "The pooler refuses a parameter of the database URL", severity: Critical, outage: true,
			needs: []part{askedPooler}, run: parameterRefused,
			remedy: editSecret("take it out of DATABASE_URL; where it is needed: ALTER ROLE CURRENT_USER SET …"),
		},
		{
			code: "HD-P11", title: "Transactions hold server connections and do nothing", severity: Warning,
			needs: []part{upPooler}, run: idleInPool,
			remedy: `psql "$DATABASE_DIRECT_URL" -c "SELECT pid, application_name, now() - xact_start AS open FROM pg_stat_activity WHERE state = 'idle in transaction' ORDER BY 3 DESC"   # one statement, or Batch.BeginTx, instead of BEGIN ... COMMIT`,
		},
		{
			code: "HD-P12", title: "The pooler opens server connections again and again", severity: Warning,
			needs: []part{upPooler}, run: churn,
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW CONFIG'   # server_lifetime and server_idle_timeout: 3600 and 600; then its log: why does it close them?`,
		},
		{
			code: "HD-N01", title: "TLS needs a second round trip to connect", severity: Info,
			needs: []part{upPooler}, run: helloRetry,
		},
	}
}

// wayChecks judge the ways to the servers, and the pooler.
func wayChecks() []check {
	return []check{
		{
			code: "HD-P06", title: "An answer comes back to the wrong client", severity: Critical,
			needs: []part{upPooler}, run: mixedAnswers,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_EXEC_MODE=exec",
		},
		{
			code: "HD-N08", title: "The database is farther away than it should be", severity: Critical,
			needs: []part{upPooler}, run: farAway,
			remedy: "kubectl get nodes -L topology.kubernetes.io/region   # app, pooler and database belong in one region: compare their hosts' regions, and roll back what moved one of them",
		},
		{
			code: "HD-N06", title: "Packets to the database are lost", severity: Warning,
			needs: []part{upPooler}, run: packetsLost,
		},
		{
			code: "HD-N05", title: "The connection stands still now and then", severity: Warning,
			needs: []part{upPooler}, run: stalls,
		},
		{
			code: "HD-N04", title: "Round trips to the database vary", severity: Warning,
			needs: []part{upPooler}, run: jitters,
		},
		{
			code: "HD-N10", title: "Large results come slowly", severity: Warning,
			needs: []part{upPooler}, run: narrowBand,
			remedy: "kubectl -n honeydue get pods -o yaml | grep -i bandwidth   # a limit of the CNI? Else the node's network class, or a VPN on the way",
		},
		{
			code: "HD-N07", title: "Looking up a name takes long", severity: Warning,
			needs: []part{askedPooler}, run: slowNames,
			remedy: "kubectl -n kube-system logs -l k8s-app=kube-dns --tail=20   # and end the host with a dot, so that no search list is tried",
		},
		{
			code: "HD-N09", title: "A certificate is at its end", severity: Critical,
			needs: []part{askedPooler}, run: certificateEnds,
		},
		{
			code: "HD-C02", title: "A server's version has known faults", severity: Info,
			needs: []part{askedServer}, run: knownVersions,
		},
		{
			code: "HD-N13", title: "A server is not verified: sslmode below verify-full", severity: Warning,
			needs: []part{askedServer}, run: unverifiedServers,
		},
		{
			code: "HD-P09", title: "The pooler has little left to give", severity: Warning,
			needs: []part{upPooler}, run: poolerFull,
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW POOLS' -c 'SHOW CLIENTS'   # shorten what holds servers, or raise the limit`,
		},
		{
			code: "HD-P10", title: "Statements have waited in the pooler", severity: Warning,
			needs: []part{upPooler}, run: haveWaited,
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW STATS' -c 'SHOW POOLS'   # in a busier moment: honeydue probe --only HD-P04`,
		},
		{
			code: "HD-P13", title: "A setting of the pooler drifted", severity: Warning,
			needs: []part{upPooler}, run: poolerDrifted,
		},
		{
			code: "HD-P14", title: "The pooler doesn't carry the prepared statements of the execution mode", severity: Critical,
			needs: []part{upPooler}, run: preparedLost,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_EXEC_MODE=exec   # or max_prepared_statements = 200 in PgBouncer 1.21 or newer",
		},
		{
			code: "HD-N11", title: "An idle connection starts slowly again", severity: Info,
			needs: []part{upPooler}, run: slowStart,
			remedy: "sysctl -w net.ipv4.tcp_slow_start_after_idle=0   # on the far side, where it is yours; else keep hot results below 14 kB",
		},
		{
			code: "HD-N12", title: "Connecting could save a round trip", severity: Info,
			needs: []part{upPooler}, run: couldBeDirect,
			remedy: editSecret("DATABASE_URL with the parameter sslnegotiation=direct"),
		},
	}
}
