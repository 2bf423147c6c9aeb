package lab

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// poolerConf is the whole pgbouncer.ini. A star serves any database name, so
// that a test can have one of its own. Start-up parameters are refused as
// production's pooler refuses them.
const poolerConf = `; Written by honeydue at each start of the lab.
[databases]
* = host=127.0.0.1 port=%d

[pgbouncer]
listen_addr = %s
listen_port = %d
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s
admin_users = %s
pool_mode = transaction
default_pool_size = %d
max_client_conn = %d
client_tls_sslmode = require
client_tls_cert_file = %s
client_tls_key_file = %s
server_tls_sslmode = disable
log_connections = 0
log_disconnections = 0
`

func (l *Lab) startPooler(ctx context.Context, postgresReady <-chan struct{}) error {
	users, ini := filepath.Join(l.dir.pooler(), "userlist.txt"), filepath.Join(l.dir.pooler(), "pgbouncer.ini")
	list := fmt.Sprintf("%q %q\n%q %q\n", appUser, l.secrets.App, adminUser, l.secrets.Admin)
	if err := l.account.ownedFile(users, []byte(list)); err != nil {
		return err
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, poolerConf, l.ports.Postgres, l.config.poolerHosts(), l.ports.Pooler, users, adminUser, l.config.PoolSize, maxClients,
		l.dir.serverCert(), l.dir.serverKey())
	if v := l.bin.poolerVersion; v[0] > 1 || v[0] == 1 && v[1] >= 21 {
		// Later versions can carry prepared statements from one server connection
		// to the next. The replica is the strict case: what passes here passes there.
		conf.WriteString("max_prepared_statements = 0\n")
	}
	if err := l.account.ownedFile(ini, []byte(conf.String())); err != nil {
		return err
	}
	err := l.start(ctx, command{
		name: namePooler, dir: l.dir.pooler(), log: l.dir.log(namePooler),
		// A thousand clients and their server connections need more descriptors
		// than many systems give by default.
		argv: []string{
			"/bin/sh", "-c", `ulimit -n 4096 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"`, "sh",
			l.bin.pooler, ini,
		},
		// What its signals mean has changed between versions, and it keeps nothing
		// that would have to be saved.
		dying: syscall.SIGKILL,
		ends:  []ending{{syscall.SIGTERM, time.Second}},
	}, func(ctx context.Context) error { return ask(ctx, l.consoleURL(), "SHOW VERSION") })
	if err != nil {
		return err
	}
	select {
	case <-postgresReady:
	case <-ctx.Done():
		return fmt.Errorf("lab: %s waits for Postgres: %w", namePooler, ctx.Err())
	}
	return l.child(namePooler).ready(ctx, func(ctx context.Context) error {
		return ask(ctx, l.appURL(loopback(l.ports.Pooler), database), "SELECT 1")
	})
}

func (l *Lab) consoleURL() string {
	return postgresURL(adminUser, l.secrets.Admin, loopback(l.ports.Pooler), "pgbouncer", l.dir.caCert())
}
