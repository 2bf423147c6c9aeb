package config

import (
	"errors"
	"fmt"
	"time"
)

// Database says how Postgres is reached, and how many connections are held.
//
// URL and DirectURL are complete after ParseDatabase, whether they came whole or in parts, with the TLS trust of the
// environment written into them; either is "" when nothing of it was configured.
type Database struct {
	URL      string `env:"DATABASE_URL" secret:"url"`
	Host     string `env:"DB_HOST"`
	Port     int    `env:"DB_PORT" envDefault:"5432"`
	Name     string `env:"DB_NAME"`
	User     string `env:"DB_USER"`
	Password string `env:"DB_PASSWORD" secret:"all"`
	SSLMode  string `env:"DB_SSLMODE" envDefault:"verify-full"`

	DirectURL  string `env:"DATABASE_DIRECT_URL" secret:"url"`
	DirectHost string `env:"DB_DIRECT_HOST"` // may carry its own port: host:port
	AdminURL   string `env:"PGBOUNCER_ADMIN_URL" secret:"url"`

	MaxConns     int32         `env:"DB_MAX_CONNS" envDefault:"25"`
	MinIdleConns int32         `env:"DB_MIN_IDLE_CONNS"`
	MaxLifetime  time.Duration `env:"DB_CONN_MAX_LIFETIME"`
	MaxIdleTime  time.Duration `env:"DB_CONN_MAX_IDLE_TIME"` // 0 = an idle connection is never closed
	ExecMode     string        `env:"DB_EXEC_MODE" envDefault:"exec"`

	RootCert string `env:"PGSSLROOTCERT"`
	CertFile string `env:"SSL_CERT_FILE"`

	// PasswordIn, DirectPasswordIn and AdminPasswordIn name the variable from which a shell can take the password of URL,
	// DirectURL and AdminURL: empty for the variable of the URL itself, DB_PASSWORD for one that holds nothing else, and
	// unknown where it can't be cut out of a variable.
	PasswordIn, DirectPasswordIn, AdminPasswordIn string

	// Notes are the parameters of the URLs that have no effect.
	Notes []Note
}

// ParseDatabase reads the database's variables. What DATABASE_URL says of the pool counts where the variable of its own
// is not set.
func ParseDatabase(e Environ) (Database, error) {
	var d Database
	e, from, notes := e.withPool()
	err := parse(e, &d)
	if err == nil {
		err = d.Validate()
	}
	if err != nil {
		return Database{}, renamed(err, from)
	}
	d.Notes = notes
	if err := d.resolve(); err != nil {
		return Database{}, err
	}
	return d, nil
}

// Validate tells what makes no sense, all of it at once.
func (d Database) Validate() error {
	var problems []error
	if d.Port < 1 || d.Port > 65535 {
		problems = append(problems, &Error{"DB_PORT", "is not a port", "Set it to a number from 1 to 65535, such as 5432."})
	}
	problems = append(problems,
		oneOf("DB_SSLMODE", d.SSLMode, sslModes()...),
		oneOf("DB_EXEC_MODE", d.ExecMode, "exec", "cache_describe", "simple_protocol", "cache_statement", "describe_exec"),
		atLeast("DB_MAX_CONNS", d.MaxConns, 1),
		atLeast("DB_MIN_IDLE_CONNS", d.MinIdleConns, 0),
		atLeast("DB_CONN_MAX_LIFETIME", d.MaxLifetime, 0),
		atLeast("DB_CONN_MAX_IDLE_TIME", d.MaxIdleTime, 0),
	)
	if d.MinIdleConns > d.MaxConns {
		problems = append(problems, &Error{
			"DB_MIN_IDLE_CONNS", fmt.Sprintf("asks for %d idle connections of at most %d", d.MinIdleConns, d.MaxConns),
			"Raise DB_MAX_CONNS, or lower DB_MIN_IDLE_CONNS.",
		})
	}
	return errors.Join(problems...)
}

// Require tells what to set when no database is configured.
func (d Database) Require() error {
	if d.URL != "" {
		return nil
	}
	return &Error{
		"DATABASE_URL", "is not set, and neither is DB_HOST",
		`Set it to the pooler's URL, or try the local replica: eval "$(honeydue lab env)".`,
	}
}

// RequireDirect tells what to set when the direct endpoint is not configured. It is never guessed from the pooler's.
func (d Database) RequireDirect() error {
	if d.DirectURL != "" {
		return nil
	}
	return &Error{
		"DATABASE_DIRECT_URL", "is not set, and neither is DB_DIRECT_HOST",
		"Set it to the endpoint without the pooler: migrations and advisory locks do not survive one in transaction mode.",
	}
}
