package check

import (
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// wayCauses are causes of what the other checks find: why the app's endpoint can't be used at all, why
// the pooler's connections are scarce, why connecting is slow.
func wayCauses() []Check {
	return []Check{
		{
			Code: "HD-N02", title: "DNS lookup failed: the database host name does not resolve", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.AskedPooler}, run: nameFails,
		},
		{
			Code: "HD-N03", title: "TLS certificate rejected: the database endpoint cannot be verified", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.AskedPooler}, run: certificateRefused,
		},
		{
			Code: "HD-P07", title: "Client limit reached (max_client_conn): the pooler refuses new clients", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.AskedPooler}, run: clientsRefused,
		},
		{
			Code: "HD-P08", title: "Unsupported startup parameter: the pooler refuses the database URL", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.AskedPooler}, run: parameterRefused,
			remedy: editSecret("remove it from DATABASE_URL; if you need it: ALTER ROLE CURRENT_USER SET …"),
		},
		{
			Code: "HD-P11", title: "Idle in transaction: idle clients hold the pooler's server connections", severity: facts.Warning,
			Needs: []facts.Part{facts.UpPooler}, run: IdleInPool,
			remedy: `psql "$DATABASE_DIRECT_URL" -c "SELECT pid, application_name, now() - xact_start AS open FROM pg_stat_activity WHERE state = 'idle in transaction' ORDER BY 3 DESC"   # use one statement, or Batch.BeginTx, instead of BEGIN ... COMMIT`,
		},
		{
			Code: "HD-P12", title: "Connection churn: the pooler keeps reopening server connections", severity: facts.Warning,
			Needs: []facts.Part{facts.UpPooler}, run: churn,
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW CONFIG'   # server_lifetime should be 3600 and server_idle_timeout 600; its log shows why it closes connections`,
		},
		{
			Code: "HD-N01", title: "HelloRetryRequest: the TLS handshake takes an extra round trip", severity: facts.Info,
			Needs: []facts.Part{facts.UpPooler}, run: helloRetry,
		},
	}
}

// wayChecks judge the ways to the servers, and the pooler.
func wayChecks() []Check {
	return []Check{
		{
			Code: "HD-P06", title: "Cross-client responses: a client receives another client's rows", severity: facts.Critical,
			Needs: []facts.Part{facts.UpPooler}, run: MixedAnswers,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_EXEC_MODE=exec",
		},
		{
			Code: "HD-N08", title: "High network latency: the database is farther away than expected", severity: facts.Critical,
			Needs: []facts.Part{facts.UpPooler}, run: FarAway,
			remedy: "kubectl get nodes -L topology.kubernetes.io/region   # app, pooler and database belong in one region: compare the regions of their hosts, and move back the one that moved",
		},
		{
			Code: "HD-N06", title: "TCP retransmissions: packets to the database are lost", severity: facts.Warning,
			Needs: []facts.Part{facts.UpPooler}, run: packetsLost,
		},
		{
			Code: "HD-N05", title: "Network stalls: some round trips take over 200 ms longer", severity: facts.Warning,
			Needs: []facts.Part{facts.UpPooler}, run: stalls,
		},
		{
			Code: "HD-N04", title: "Network jitter: round-trip times to the database vary", severity: facts.Warning,
			Needs: []facts.Part{facts.UpPooler}, run: jitters,
		},
		{
			Code: "HD-N10", title: "Low bandwidth: large results arrive slowly", severity: facts.Warning,
			Needs: []facts.Part{facts.UpPooler}, run: narrowBand,
			remedy: "kubectl -n honeydue get pods -o yaml | grep -i bandwidth   # a bandwidth limit of the CNI? Otherwise check the node's network class, or a VPN on the path",
		},
		{
			Code: "HD-N07", title: "Slow DNS: a host name lookup takes too long", severity: facts.Warning,
			Needs: []facts.Part{facts.AskedPooler}, run: slowNames,
			remedy: "kubectl -n kube-system logs -l k8s-app=kube-dns --tail=20   # and end the host name with a dot to skip the search list",
		},
		{
			Code: "HD-N09", title: "TLS certificate expired, expiring soon, or rejected", severity: facts.Critical,
			Needs: []facts.Part{facts.AskedPooler}, run: CertificateEnds,
		},
		{
			Code: "HD-C02", title: "Known bugs in a server's version: upgrade it", severity: facts.Info,
			Needs: []facts.Part{facts.AskedServer}, run: knownVersions,
		},
		{
			Code: "HD-N13", title: "TLS server not verified: sslmode is below verify-full", severity: facts.Warning,
			Needs: []facts.Part{facts.AskedServer}, run: UnverifiedServers,
		},
		{
			Code: "HD-P09", title: "Pooler near its limits: connections are running out", severity: facts.Warning,
			Needs: []facts.Part{facts.UpPooler}, run: poolerFull,
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW POOLS' -c 'SHOW CLIENTS'   # shorten the transactions that hold server connections, or raise the limit`,
		},
		{
			Code: "HD-P10", title: "Pooler wait time: statements have waited for a server connection", severity: facts.Warning,
			Needs: []facts.Part{facts.UpPooler}, run: haveWaited,
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW STATS' -c 'SHOW POOLS'   # at a busier time: honeydue probe --only HD-P04`,
		},
		{
			Code: "HD-P13", title: "PgBouncer configuration drift: a setting differs from its tuned value", severity: facts.Warning,
			Needs: []facts.Part{facts.UpPooler}, run: poolerDrifted,
		},
		{
			Code: "HD-P14", title: "Prepared statements unsupported: DB_EXEC_MODE needs them behind the pooler", severity: facts.Critical,
			Needs: []facts.Part{facts.UpPooler}, run: preparedLost,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_EXEC_MODE=exec   # or max_prepared_statements = 200 in PgBouncer 1.21 or newer",
		},
		{
			Code: "HD-N11", title: "TCP slow start after idle: large results take extra round trips", severity: facts.Info,
			Needs: []facts.Part{facts.UpPooler}, run: slowStart,
			remedy: "sysctl -w net.ipv4.tcp_slow_start_after_idle=0   # on the server's side, if you control it; otherwise keep hot results below 14 kB",
		},
		{
			Code: "HD-N12", title: "Direct TLS (sslnegotiation=direct) would save a round trip", severity: facts.Info,
			Needs: []facts.Part{facts.UpPooler}, run: couldBeDirect,
			remedy: editSecret("add sslnegotiation=direct to DATABASE_URL"),
		},
	}
}
