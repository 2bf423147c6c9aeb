package lab

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Settings of the lab that are not the server's default: those of production, of where things are, and of how to get in.
const (
	poolerOwn   = "pool_mode max_client_conn auth_type client_tls_sslmode admin_users auth_file client_tls_cert_file client_tls_key_file conffile listen_addr listen_port unix_socket_dir unix_socket_mode verbose server_tls_sslmode"
	postgresOwn = "max_connections ssl ssl_cert_file ssl_key_file shared_preload_libraries TimeZone log_timezone lc_messages listen_addresses port unix_socket_directories DateStyle default_text_search_config lc_monetary lc_numeric lc_time dynamic_shared_memory_type password_encryption"
)

// differences are the others: settings in which the lab is not like production. decisions/0007 gives the reason for each.
func differences(server string) []string {
	return map[string][]string{
		"PgBouncer": {"max_prepared_statements", "log_connections", "log_disconnections"},
		"Postgres":  {"fsync", "full_page_writes", "max_wal_size", "log_checkpoints"},
	}[server]
}

// TestTheLabKeepsDefaults: what production leaves at its default has it here as well, and what differs is written down.
// How long the pooler waits after Postgres was away, say, is its default.
func TestTheLabKeepsDefaults(t *testing.T) {
	l := startLab(t, Config{Dir: testDir(t), BinDirs: filepath.SplitList(os.Getenv("HONEYDUE_BIN_DIRS"))})
	record, err := os.ReadFile(filepath.Join("..", "..", "docs", "decisions", "0007-the-lab-is-real.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []string{"PgBouncer", "Postgres"} {
		for _, setting := range differences(server) {
			if !strings.Contains(string(record), "| "+server+" `"+setting+"` |") {
				t.Errorf("the record does not say why %s of %s differs", setting, server)
			}
		}
	}
	results, err := connect(t, l.consoleURL()).PgConn().Exec(t.Context(), "SHOW CONFIG").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	retry := ""
	for _, row := range results[0].Rows {
		key, value, standard := string(row[0]), string(row[1]), string(row[2])
		if key == "server_login_retry" {
			retry = value
		}
		if value != standard && !slices.Contains(append(strings.Fields(poolerOwn), differences("PgBouncer")...), key) {
			t.Errorf("%s of the pooler is %s, by default %s", key, value, standard)
		}
	}
	if retry != "15" {
		t.Errorf("server_login_retry is %q", retry)
	}
	results, err = connect(t, l.superURL("postgres")).PgConn().Exec(t.Context(), "SELECT name, setting, boot_val FROM pg_settings WHERE source = 'configuration file' AND setting IS DISTINCT FROM boot_val").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range results[0].Rows {
		if !slices.Contains(append(strings.Fields(postgresOwn), differences("Postgres")...), string(row[0])) {
			t.Errorf("%s of Postgres is %s, by default %s", row[0], row[1], row[2])
		}
	}
}
