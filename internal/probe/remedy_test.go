package probe

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// TestRegistryRemediesAreCommands: prose can't be pasted. A check without a remedy makes one up in each of its hits.
func TestRegistryRemediesAreCommands(t *testing.T) {
	for _, c := range registry() {
		first, _, _ := strings.Cut(c.remedy, " ")
		switch first {
		case "", "psql", "kubectl", "redis-cli", "honeydue", "openssl", "nstat", "mtr", "sysctl":
		default:
			t.Errorf("the remedy of %s is no command: %q", c.code, c.remedy)
		}
	}
}

// TestSeverityFollowsCost: what costs a request as much as a target leaves it is critical, whatever the check.
func TestSeverityFollowsCost(t *testing.T) {
	for _, c := range []struct {
		check, hit Severity
		costMS     float64
		outage     bool
		want       Severity
	}{
		{Warning, "", missedMS - 1, false, Warning},
		{Warning, "", missedMS, false, Critical},
		{Warning, "", 0, true, Critical},
		{Warning, Warning, 400, false, Warning}, // the check knows better
		{Info, "", 400, false, Info},
		{Warning, Info, 400, false, Info},
		{Critical, "", 0, false, Critical},
	} {
		_, findings := judge([]check{{code: "A", severity: c.check, outage: c.outage, run: func(*observation) outcome {
			return found(hit{severity: c.hit, costMS: c.costMS})
		}}}, &observation{}, nil, nil)
		if got := findings[0].Severity; got != c.want {
			t.Errorf("%+v is %s", c, got)
		}
	}
}

// TestARemedyOfSQLStopsAtAFailure: an index must not be dropped when its successor was not built.
func TestARemedyOfSQLStopsAtAFailure(t *testing.T) {
	h := hit{}.mendedBy("CREATE INDEX CONCURRENTLY a_new ON a (b);\nDROP INDEX CONCURRENTLY a;   -- the wrong one")
	if !strings.Contains(h.remedy, "ON_ERROR_STOP=1") || len(h.sql) != 2 || h.sql[1] != "DROP INDEX CONCURRENTLY a" {
		t.Errorf("%+v", h)
	}
}

func TestRepairOfARunningServer(t *testing.T) {
	plain := httptest.NewServer(nil)
	defer plain.Close()
	target := strings.Replace(plain.URL, "http://", "https://", 1)
	s := askTarget(t.Context(), Config{TargetURL: target})
	defer s.close()
	if s.failed == nil || s.failed.kind != kindTLS {
		t.Fatalf("it fails by %v", s.failed)
	}
	if got := repairTarget(s.failed, target); !strings.HasPrefix(got, "honeydue probe --target "+plain.URL+" ") {
		t.Errorf("HTTPS to a server of plain HTTP is mended by %q", got)
	}
	for _, f := range []*failure{
		{kind: kindTLS, err: tls.AlertError(40)},
		{kind: kindName, err: &net.DNSError{}},
		{kind: kindURL, err: errNoHost},
		{kind: kindCertificate, err: errors.New("x")},
	} {
		got := repairTarget(f, "https://api.example.com")
		if got == "" || strings.Contains(got, "sslmode") || strings.Contains(got, "password") {
			t.Errorf("%s is mended by %q", f.kind, got)
		}
	}
}

// TestTLSThatIsWanted: a server that refuses a client without TLS is not told to turn it on.
func TestTLSThatIsWanted(t *testing.T) {
	f := explain(t.Context(), "authentication", &pgconn.PgError{Severity: "FATAL", Code: "08P01", Message: "SSL required"})
	if got := repair(f, "DATABASE_URL", "db:6432"); !strings.Contains(got, "edit secret") || !strings.Contains(got, "sslmode=verify-full") {
		t.Errorf("it is mended by %q", got)
	}
	f = explain(t.Context(), "ssl_request", errors.New("no TLS"))
	if got := repair(f, "DATABASE_URL", "db:6432"); !strings.Contains(got, "enable it there") {
		t.Errorf("a server without TLS is mended by %q", got)
	}
}

// TestDriftedDatabaseURL: the URL is a secret, and a pooler that proved itself may be called as it likes.
func TestDriftedDatabaseURL(t *testing.T) {
	setting := Setting{Name: "DATABASE_URL", Value: "postgres://canary-user:*****@db/x?sslrootcert=%2Fcanary", Tuned: "a host named *-pooler", Drifted: true}
	o := &observation{config: Config{Settings: []Setting{setting, {Name: "HONEYDUE_ABLATE", Value: "S2", Drifted: true}}}, pooler: &pgServer{}}
	out := drifted(o)
	if len(out.hits) != 2 {
		t.Fatalf("%+v", out)
	}
	if h := out.hits[0]; strings.Contains(h.evidence+h.remedy, "canary") || strings.Contains(h.remedy, "DATABASE_URL=") || h.remedy != findPooler {
		t.Errorf("%+v", h)
	}
	if h := out.hits[1]; !strings.HasPrefix(h.remedy, "kubectl -n honeydue set env deployment/honeydue HONEYDUE_ABLATE-   #") {
		t.Errorf("%+v", h)
	}
	o.pooler.pooled = true
	if out := drifted(o); len(out.hits) != 1 || out.hits[0].about[0] != "HONEYDUE_ABLATE" {
		t.Errorf("behind a proved pooler it finds %+v", out)
	}
}

// TestBloatIsMendedBySQL: so that it can be pasted, and a trial can run it.
func TestBloatIsMendedBySQL(t *testing.T) {
	o := &observation{server: &serverFacts{}}
	o.server.tables = []tableSpace{{Name: "tasks", Bytes: 100 << 20, Rows: 1000, Width: 50}}
	out := bloat(o)
	if len(out.hits) != 1 || len(out.hits[0].sql) != 2 || out.hits[0].sql[1] != `VACUUM (FULL, ANALYZE) "tasks"` || strings.Contains(out.hits[0].remedy, "<host>") {
		t.Errorf("%+v", out)
	}
}

// TestThrownAwayRowsPriceAnIndex: where another index serves instead of the missing one, what it reads in vain is the price.
func TestThrownAwayRowsPriceAnIndex(t *testing.T) {
	plan := &Plan{ExecutionMS: 3, Root: Node{Type: "Bitmap Heap Scan", Relation: "tasks", ActualTotal: 2, ActualLoops: 1, ActualRows: 100, RemovedByFilter: 1900}}
	o := &observation{
		hot:      []HotPath{{Name: "task_board", Subject: "heavy", Plan: plan, S14: S14Verdict{LimitMS: 8}, ExecutionMS: 3}},
		expected: []store.Index{{Name: "tasks_board_idx", Table: "tasks", DDL: "CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_board_idx ON tasks (residence_id);"}},
		schema:   &schemaFacts{indexes: map[string]bool{}, rows: map[string]float64{"tasks": 5000}},
		promises: map[string]promise{"tasks_board_idx": {"task_board for the heavy user", 1081, 572}},
	}
	out := missingIndex(o)
	if len(out.hits) != 1 || out.hits[0].costMS < 1.89 || out.hits[0].costMS > 1.91 || out.hits[0].severity != Critical {
		t.Fatalf("%+v", out)
	}
	want := "tasks_board_idx on tasks does not exist (with it, the planner's cost estimate for task_board for the heavy user would fall to 53%, according to HypoPG); task_board for the heavy user is slower because of it."
	if got := out.hits[0].evidence; got != want {
		t.Errorf("the evidence is %q, want %q", got, want)
	}
}

// TestSettingsOfTheNextConnection: what a role or a database is given shows in no session that is open already.
func TestSettingsOfTheNextConnection(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	open := func() *pgx.Conn {
		conn, err := pgx.Connect(t.Context(), env.DirectURL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(t.Context()) })
		return conn
	}
	old := open()
	alter := func(what string) {
		t.Helper()
		sql := "DO $$ BEGIN EXECUTE format('ALTER " + strings.ReplaceAll(what, "'", "''") + "', current_database()); END $$"
		if _, err := old.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	judged := func(app *pgx.Conn) outcome {
		t.Helper()
		read, err := readSession(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		return genericPlan(&observation{facts: &databaseFacts{sessionFacts: *read}})
	}
	if out := judged(old); len(out.hits) != 0 {
		t.Fatalf("nothing was set, and it finds %+v", out)
	}
	alter("DATABASE %I SET enable_indexscan = 'off'")
	if out := judged(old); len(out.hits) != 1 || !strings.HasPrefix(out.hits[0].evidence, "enable_indexscan is off for this database") || !strings.Contains(out.hits[0].remedy, `ALTER DATABASE :"DBNAME" RESET enable_indexscan;`) {
		t.Errorf("enable_indexscan = off of the database: %+v", out)
	}
	alter("DATABASE %I RESET enable_indexscan")
	alter("DATABASE %I SET plan_cache_mode = 'force_generic_plan'")
	if out := judged(old); len(out.hits) != 1 || !strings.Contains(out.hits[0].evidence, "is set for this database and takes effect when") {
		t.Errorf("plan_cache_mode of the database: %+v", out)
	}
	if out := judged(open()); len(out.hits) != 1 || !strings.Contains(out.hits[0].evidence, "sessions run with") || !strings.Contains(out.hits[0].remedy, `ALTER DATABASE :"DBNAME" RESET plan_cache_mode;`) {
		t.Errorf("a session that has it: %+v", out)
	}
	// A role's own setting wins over the database's.
	alter("ROLE CURRENT_USER IN DATABASE %I SET plan_cache_mode = 'auto'")
	if out := judged(old); len(out.hits) != 0 {
		t.Errorf("the role's own auto wins, and it finds %+v", out)
	}
	alter("ROLE CURRENT_USER IN DATABASE %I SET plan_cache_mode = 'force_generic_plan'")
	if out := judged(old); len(out.hits) != 1 || !strings.Contains(out.hits[0].evidence, "the app's role in this database") || !strings.Contains(out.hits[0].remedy, `psql "$DATABASE_URL" -v`) {
		t.Errorf("plan_cache_mode of the role: %+v", out)
	}
}
