package facts

import "fmt"

// defaultPoolSize is the setting, and tunedPoolSize its value in the lab.
const (
	DefaultPoolSize = "default_pool_size"
	TunedPoolSize   = 20
)

// NewLimits is the version of PgBouncer from which on clients are limited for a database and for a user, too, and a pool
// of size 0 has no limit.
func NewLimits() Release { return Release{1, 24} }

// DeclaredSize is how large the app's pool is declared to be, and by which setting.
func (f *PoolerFacts) DeclaredSize() (size int64, by string) {
	switch size = f.Settings.Number(DefaultPoolSize); {
	case f.User["pool_size"] != "":
		return f.User.Number("pool_size"), "pool_size of the user"
	case f.Database != nil && f.Database.Number("pool_size") != size:
		return f.Database.Number("pool_size"), "pool_size of the database"
	}
	return size, DefaultPoolSize
}

// Resize is the command that gives the app's pool another size. The size of one database or user can only be set in the
// file.
func (f *PoolerFacts) Resize(to int) string {
	if _, by := f.DeclaredSize(); by != DefaultPoolSize {
		return fmt.Sprintf(`psql "$PGBOUNCER_ADMIN_URL" -c RELOAD   # once the %s is %d in pgbouncer.ini`, by, to)
	}
	return SetPooler(DefaultPoolSize, fmt.Sprint(to))
}

// MayHave puts into words how many server connections the app's pool may have.
func (f *PoolerFacts) MayHave() string {
	if f.PoolSize == 0 {
		return "any number of connections"
	}
	return fmt.Sprintf("%d connections", f.PoolSize)
}

// SetSize sets poolSize from what is declared and returns it. A size of 0 is no limit from PgBouncer 1.24 on. Before
// that it is one connection, and none any more once that one was closed.
func (f *PoolerFacts) SetSize() int64 {
	f.PoolSize, _ = f.DeclaredSize()
	if f.SizeZero() {
		f.PoolSize = 1
	}
	return f.PoolSize
}

// SizeZero reports whether the pool's size is 0 and this version does not take that for "no limit".
func (f *PoolerFacts) SizeZero() bool {
	size, _ := f.DeclaredSize()
	return size == 0 && f.Version != nil && len(f.Settings) > 0 && f.Version.Before(NewLimits())
}

// OfPool puts n of the pool's server connections into words.
func (f *PoolerFacts) OfPool(n int64) string {
	if f.PoolSize == 0 {
		return fmt.Sprintf("%d server connections (the pool has no limit)", n)
	}
	return fmt.Sprintf("%d of %d server connections", n, f.PoolSize)
}

// PoolerLimit is one of the pooler's limits that several databases or users share; limit 0 is none.
type PoolerLimit struct {
	Setting     string
	Limit, Used int64
}

// Reached reports whether there is no room left below the limit.
func (l PoolerLimit) Reached() bool { return l.Limit > 0 && l.Used >= l.Limit }

// ClientLimits bound how many clients may be connected.
func (f *PoolerFacts) ClientLimits() []PoolerLimit {
	return []PoolerLimit{
		{"max_client_conn", f.Settings.Number("max_client_conn"), f.Clients},
		{"max_db_client_connections", f.Database.Number("max_client_connections"), f.Database.Number("current_client_connections")},
		{"max_user_client_connections", f.User.Number("max_user_client_connections"), f.User.Number("current_client_connections")},
	}
}

// ServerLimits bound how many connections to the database all pools may have together.
func (f *PoolerFacts) ServerLimits() []PoolerLimit {
	return []PoolerLimit{
		{"max_db_connections", f.Database.Number("max_connections"), f.Database.Number("current_connections")},
		{"max_user_connections", f.User.Number("max_user_connections"), f.User.Number("current_connections")},
	}
}
