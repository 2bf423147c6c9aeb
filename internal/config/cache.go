package config

import (
	"errors"
	"time"
)

// Redis says where the cache is.
type Redis struct {
	// URL is "" when none is configured: then the cache lives in the process, for one pod only.
	URL string `env:"REDIS_URL" secret:"url"`
}

// ParseRedis reads Redis's variables.
func ParseRedis(e Environ) (Redis, error) {
	var r Redis
	if err := parse(e, &r); err != nil {
		return Redis{}, err
	}
	return r, r.Validate()
}

// Validate tells what makes no sense.
func (r Redis) Validate() error {
	if r.URL == "" {
		return nil
	}
	u, ok := parseURL(r.URL)
	if !ok || (u.Scheme != "unix" && u.Host == "") || u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "unix" {
		return &Error{
			"REDIS_URL", "cannot be read as a URL",
			"Write it as redis://:password@host:port/0 (rediss:// for TLS), with any of / ? # % @ in the password as %2F %3F %23 %25 %40.",
		}
	}
	return nil
}

// Require tells what to set when no Redis is configured.
func (r Redis) Require() error {
	if r.URL != "" {
		return nil
	}
	return &Error{"REDIS_URL", "is not set", `Set it to the cache's URL, or try the local replica: eval "$(honeydue lab env)".`}
}

// Cache says how long and how much is remembered.
type Cache struct {
	TokenTTL        time.Duration `env:"TOKEN_CACHE_TTL"`
	UserTTL         time.Duration `env:"USER_CACHE_TTL"`
	UserSize        int           `env:"USER_CACHE_SIZE"` // users in memory
	ResidenceIDsTTL time.Duration `env:"RESIDENCE_IDS_CACHE_TTL"`
	BoardTTL        time.Duration `env:"BOARD_CACHE_TTL" envDefault:"720h"`       // of the board, the other three lists and the tokens that open them; 0 = lists are not cached
	ListMemory      int           `env:"LIST_MEMORY_BYTES" envDefault:"33554432"` // of the same lists in memory; 0 = none
}

// ParseCache reads the cache's variables.
func ParseCache(e Environ) (Cache, error) {
	var c Cache
	if err := parse(e, &c); err != nil {
		return Cache{}, err
	}
	return c, c.Validate()
}

// Validate tells what makes no sense, all of it at once.
func (c Cache) Validate() error {
	return errors.Join(
		atLeast("TOKEN_CACHE_TTL", c.TokenTTL, time.Second),
		atLeast("USER_CACHE_TTL", c.UserTTL, time.Second),
		atLeast("USER_CACHE_SIZE", c.UserSize, 1),
		atLeast("RESIDENCE_IDS_CACHE_TTL", c.ResidenceIDsTTL, time.Second),
		atLeast("BOARD_CACHE_TTL", c.BoardTTL, 0),
		atLeast("LIST_MEMORY_BYTES", c.ListMemory, 0),
	)
}
