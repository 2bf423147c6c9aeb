package probe

import "fmt"

// defaultPoolSize is the setting, and tunedPoolSize its value in the lab.
const (
	defaultPoolSize = "default_pool_size"
	tunedPoolSize   = 20
)

// newLimits is the version of PgBouncer from which on clients are limited for a database and for a user, too, and a pool
// of size 0 has no limit.
func newLimits() release { return release{1, 24} }

// declaredSize is how large the app's pool is declared to be, and by which setting.
func (f *poolerFacts) declaredSize() (size int64, by string) {
	switch size = f.settings.Number(defaultPoolSize); {
	case f.user["pool_size"] != "":
		return f.user.Number("pool_size"), "pool_size of the user"
	case f.database != nil && f.database.Number("pool_size") != size:
		return f.database.Number("pool_size"), "pool_size of the database"
	}
	return size, defaultPoolSize
}

// resize is the command that gives the app's pool another size. The size of one database or user can only be set in the
// file.
func (f *poolerFacts) resize(to int) string {
	if _, by := f.declaredSize(); by != defaultPoolSize {
		return fmt.Sprintf(`psql "$PGBOUNCER_ADMIN_URL" -c RELOAD   # once the %s is %d in pgbouncer.ini`, by, to)
	}
	return setPooler(defaultPoolSize, fmt.Sprint(to))
}

// mayHave puts into words how many server connections the app's pool may have.
func (f *poolerFacts) mayHave() string {
	if f.poolSize == 0 {
		return "any number of connections"
	}
	return fmt.Sprintf("%d connections", f.poolSize)
}

// setSize sets poolSize from what is declared and returns it. A size of 0 is no limit from PgBouncer 1.24 on. Before
// that it is one connection, and none any more once that one was closed.
func (f *poolerFacts) setSize() int64 {
	f.poolSize, _ = f.declaredSize()
	if f.sizeZero() {
		f.poolSize = 1
	}
	return f.poolSize
}

// sizeZero reports whether the pool's size is 0 and this version does not take that for "no limit".
func (f *poolerFacts) sizeZero() bool {
	size, _ := f.declaredSize()
	return size == 0 && f.version != nil && len(f.settings) > 0 && f.version.before(newLimits())
}

// ofPool puts n of the pool's server connections into words.
func (f *poolerFacts) ofPool(n int64) string {
	if f.poolSize == 0 {
		return fmt.Sprintf("%d server connections (the pool has no limit)", n)
	}
	return fmt.Sprintf("%d of %d server connections", n, f.poolSize)
}

// poolerLimit is one of the pooler's limits that several databases or users share; limit 0 is none.
type poolerLimit struct {
	setting     string
	limit, used int64
}

func (l poolerLimit) reached() bool { return l.limit > 0 && l.used >= l.limit }
func (l poolerLimit) nearly() bool {
	return l.limit > 0 && float64(l.used) >= fullShare*float64(l.limit)
}

// clientLimits bound how many clients may be connected.
func (f *poolerFacts) clientLimits() []poolerLimit {
	return []poolerLimit{
		{"max_client_conn", f.settings.Number("max_client_conn"), f.clients},
		{"max_db_client_connections", f.database.Number("max_client_connections"), f.database.Number("current_client_connections")},
		{"max_user_client_connections", f.user.Number("max_user_client_connections"), f.user.Number("current_client_connections")},
	}
}

// serverLimits bound how many connections to the database all pools may have together.
func (f *poolerFacts) serverLimits() []poolerLimit {
	return []poolerLimit{
		{"max_db_connections", f.database.Number("max_connections"), f.database.Number("current_connections")},
		{"max_user_connections", f.user.Number("max_user_connections"), f.user.Number("current_connections")},
	}
}
