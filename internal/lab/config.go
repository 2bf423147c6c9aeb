package lab

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/link"
)

// Figures of production that the replica keeps.
const (
	DefaultPoolSize = 20              // server connections of the pooler for each database and user
	MaxPoolSize     = maxBackends / 2 // two databases' pools fill Postgres
	maxClients      = 1000            // client connections that the pooler takes
	maxBackends     = 400             // max_connections of Postgres: several databases' pools side by side
	redisMemory     = 256 << 20
	redisPolicy     = "allkeys-lru"
)

// startTimeout bounds one server's way to its first answered question; it is
// generous because Postgres may have to replay its log after a crash.
const startTimeout = 60 * time.Second

// Config says what the lab is like. Only Dir is needed.
type Config struct {
	Dir            string        // data folder: made when missing, kept by Stop
	RTT            time.Duration // of the link in front of the pooler and of the direct endpoint
	Jitter         time.Duration // see link.Model
	LossStall      time.Duration // see link.Model
	NoSlowStart    bool          // see link.Model
	PoolSize       int           // default_pool_size of the pooler; 0 = DefaultPoolSize
	RedisDatabases int           // 0 = Redis' own default of 16
	NoAutovacuum   bool          // for tests: statistics, plans and dead rows change by what the test does and by nothing else
	RedisSettings  []string      // more lines of redis.conf, for tests of what else Redis can be
	PoolerHost     string        // one more address that the pooler listens on, in a network that the caller has made; "" = loopback alone
	BinDirs        []string      // folders to look for the servers' binaries in before all others
	Log            *slog.Logger  // progress; nil = silent

	newGuard func() (guard, error) // nil = what fits this system; tests try the others
}

// Validate refuses what makes no sense.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("lab: the data folder has no name")
	case strings.ContainsAny(c.Dir, "\n\r'\"\\"):
		return advise(chooseDir, "lab: the data folder %q has a quote, a backslash or a line break in its name, which the servers' configuration files can't carry", c.Dir)
	case c.RTT < 0 || c.Jitter < 0 || c.LossStall < 0:
		return fmt.Errorf("lab: round trip, jitter and loss stall are 0 or more, not %s, %s and %s", c.RTT, c.Jitter, c.LossStall)
	case c.PoolSize < 0 || c.PoolSize > MaxPoolSize:
		return fmt.Errorf("lab: the pooler's pool has 1 to %d connections, not %d", MaxPoolSize, c.PoolSize)
	case c.RedisDatabases < 0:
		return fmt.Errorf("lab: Redis has 1 database or more, not %d", c.RedisDatabases)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.PoolSize == 0 {
		c.PoolSize = DefaultPoolSize
	}
	if c.RedisDatabases == 0 {
		c.RedisDatabases = 16
	}
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if c.newGuard == nil {
		c.newGuard = newGuard
	}
	return c
}

// poolerHosts is PgBouncer's listen_addr.
func (c Config) poolerHosts() string {
	if c.PoolerHost == "" {
		return "127.0.0.1"
	}
	return "127.0.0.1," + c.PoolerHost
}

func (c Config) model() link.Model {
	return link.Model{RTT: c.RTT, Jitter: c.Jitter, LossStall: c.LossStall, NoSlowStart: c.NoSlowStart}
}

// DefaultDir is where a lab lives when nobody says otherwise: below the user's
// cache folder; for root /var/lib/honeydue/lab, because the unprivileged user
// that the servers run as can't enter root's home.
func DefaultDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/honeydue/lab", nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("lab: no folder for its data: %w", err)
	}
	return filepath.Join(cache, "honeydue", "lab"), nil
}
