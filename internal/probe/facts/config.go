package facts

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// PasswordSource says where a shell finds the password of an endpoint, so that a remedy can name the host, the database
// and the role that were measured without printing a secret.
type PasswordSource string

// Passwords are the sources for the endpoints that a remedy may name.
type Passwords struct{ URL, Direct, Admin PasswordSource }

// DefaultTimeout is how long an incident may wait for a probe.
const DefaultTimeout = 15 * time.Second

// Config says what to probe. internal/cli fills it from the environment and the flags.
type Config struct {
	// URL is the database as the app uses it: it should be the pooler.
	URL string
	// DirectURL leads to Postgres itself. Without it plans come through the pooler, and what needs the
	// direct endpoint stays unknown.
	DirectURL string
	// AdminURL is the pooler's admin console, for SHOW POOLS; may be empty.
	AdminURL string
	// RedisURL may be empty: the app then keeps its cache in its own process.
	RedisURL string
	// TargetURL is a running server to be asked how it is; may be empty.
	TargetURL string
	// Token is a user's, for authed reads of the target; without one the target is asked what everyone may ask. It
	// appears nowhere.
	Token string
	// MetricsURL is the admin address of that server, or its /metrics; may be empty.
	MetricsURL string
	// Passwords says where the shell of whoever reads the remedies has the passwords of these URLs.
	Passwords Passwords
	// ExecMode is the app's execution mode, by the name that store knows.
	ExecMode string
	// Settings are the app's, each beside its tuned value.
	Settings []Setting
	// RedisTuned are the parameters of Redis that were tuned.
	RedisTuned []RedisParameter
	// Only and Skip choose checks by their codes; an empty Only is all.
	Only, Skip []string
	// Baseline is an earlier result, whose plans and round trips are compared with those of today; may be nil.
	Baseline *Result
	// NoAnalyze leaves every statement unexecuted: plans are estimates, and there is no attribution.
	NoAnalyze bool
	// Timeout bounds the whole probe (DefaultTimeout if zero). What it cuts off is reported as unknown.
	Timeout time.Duration
	// Window is for how long the servers are watched beside the measurements (DefaultWindow if zero, one
	// look if negative).
	Window time.Duration
	// Cluster says how to ask Kubernetes; nil: it is not asked.
	Cluster *Cluster
	// InCluster says that the probe itself runs in a pod, and has the app's way to everything.
	InCluster bool
	// Proxy picks the HTTP proxy that leads to the running server, as http.Transport's field of that name does; nil is
	// none, whatever the environment says.
	Proxy func(*http.Request) (*url.URL, error)
	// Progress is called with what is being done, Steps times in all; may be nil.
	Progress func(what string)
	// Certain is called with what can't be used, once for each such finding as soon as it is certain, and not at once; may
	// be nil.
	Certain func(Finding)
}

// Setting is one value in force beside the one that was tuned.
type Setting struct {
	// Value is fit to be shown.
	Name, Value, Tuned string
	// Drifted is decided by whoever knows how to compare the two.
	Drifted bool
}

// RedisParameter is one of Redis's own settings that was tuned, by its name in CONFIG GET.
type RedisParameter struct {
	Name, Tuned string
	// Bytes is Tuned where that is a size.
	Bytes int64
	// Holds reports whether a value, as Redis gives it, means the tuned one.
	Holds func(value string) bool
}

// ErrNothing is returned when there was nothing to report on.
var ErrNothing = errors.New("nothing to probe: no database, no Redis and no target is configured")
