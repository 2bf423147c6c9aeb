package cache

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// FaultKind says why Redis could not be used. It is the detail in Cache-Status
// and a label of MetricRedisErrors.
type FaultKind string

// The kinds.
const (
	FaultTimeout        FaultKind = "redis-timeout"         // no answer in time
	FaultUnreachable    FaultKind = "redis-unreachable"     // connection refused or reset, or no such host
	FaultTLS            FaultKind = "redis-tls"             // the TLS handshake failed
	FaultAuth           FaultKind = "redis-auth"            // no password, a wrong one, or an unknown user
	FaultPermission     FaultKind = "redis-no-permission"   // the user may not run a command or use a key
	FaultUnknownCommand FaultKind = "redis-unknown-command" // renamed or disabled on the server
	FaultReplica        FaultKind = "redis-replica"         // the server is a replica and takes no writes
	FaultCluster        FaultKind = "redis-cluster"         // the server is part of a Redis Cluster
	FaultMemory         FaultKind = "redis-out-of-memory"
	FaultWrites         FaultKind = "redis-refuses-writes" // a failed snapshot, or too few replicas
	FaultLoading        FaultKind = "redis-loading"        // it reads its memory from disk
	FaultBusy           FaultKind = "redis-busy"           // a script runs for too long
	FaultMaxClients     FaultKind = "redis-max-clients"
	FaultScript         FaultKind = "redis-script"   // a script is missing or failed
	FaultCanceled       FaultKind = "redis-canceled" // the caller gave up; it says nothing about Redis
	FaultOther          FaultKind = "redis-error"
)

// Fault is what an error of Redis, or of the way to it, means. It holds no
// value of the failed command, so it can be logged.
type Fault struct {
	Kind FaultKind
	// Command is what the user may not run, or the server does not know, in upper
	// case, such as EVALSHA or SCRIPT LOAD. Empty where Redis does not name it:
	// before 7.2 it does not for a command inside a script.
	Command string
	// Keys: the user may run the command, but not on this key.
	Keys bool
	// Script: the command was refused inside a script.
	Script bool
}

// ReplyError is an error that Redis replied, as opposed to one of the way to it.
type ReplyError = redis.Error

// errCluster means that INFO shows a Redis Cluster, in which the scripts cannot work.
var errCluster = errors.New("redis runs in cluster mode")

// Diagnose finds out what err, returned by a client of Redis, means. The zero
// Fault stands for no error.
func Diagnose(err error) Fault {
	var reply redis.Error
	switch {
	case err == nil:
		return Fault{}
	case errors.Is(err, errCluster):
		return Fault{Kind: FaultCluster}
	case errors.As(err, &reply):
		return diagnoseReply(reply.Error())
	case errors.Is(err, context.Canceled):
		return Fault{Kind: FaultCanceled}
	case isTLS(err):
		return Fault{Kind: FaultTLS}
	case isTimeout(err):
		return Fault{Kind: FaultTimeout}
	case isNetwork(err):
		return Fault{Kind: FaultUnreachable}
	default:
		return Fault{Kind: FaultOther}
	}
}

func isTLS(err error) bool {
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var operation *net.OpError
	if errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error") {
		return true // crypto/tls gives its alerts this form
	}
	return errors.As(err, &record) || errors.As(err, &certificate)
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, errSpent) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redis.ErrPoolTimeout) ||
		errors.As(err, &network) && network.Timeout()
}

func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, redis.ErrClosed)
}

// What begins an error reply is its code, which Redis keeps stable; ERR is the
// code of everything else.
var faultCodes = map[string]FaultKind{ //nolint:gochecknoglobals // a table, never written
	"NOAUTH": FaultAuth, "WRONGPASS": FaultAuth, "DENIED": FaultAuth, // protected mode
	"NOPERM":   FaultPermission,
	"READONLY": FaultReplica, "MASTERDOWN": FaultReplica,
	"MOVED": FaultCluster, "ASK": FaultCluster, "CROSSSLOT": FaultCluster, "CLUSTERDOWN": FaultCluster, "TRYAGAIN": FaultCluster,
	"OOM":     FaultMemory,
	"MISCONF": FaultWrites, "NOREPLICAS": FaultWrites,
	"LOADING":  FaultLoading,
	"BUSY":     FaultBusy,
	"NOSCRIPT": FaultScript, "WRONGTYPE": FaultScript, "UNKILLABLE": FaultScript,
}

// What an ERR is about stands in its text alone. Redis 7.0 writes all that a
// user may not do inside a script so, older ones their errors in scripts.
var faultTexts = []struct { //nolint:gochecknoglobals // a table, never written
	text string
	kind FaultKind
}{
	{"the user executing the script can't", FaultPermission},
	{"acl failure in script", FaultPermission},
	{"unauthenticated", FaultAuth},
	{"invalid password", FaultAuth},
	{"without any password configured", FaultAuth},
	{"unknown command", FaultUnknownCommand},
	{"unknown redis command", FaultUnknownCommand},
	{"unknown subcommand", FaultUnknownCommand},
	{"max number of clients", FaultMaxClients},
	{"-readonly", FaultReplica},
	{"-oom", FaultMemory},
	{"-misconf", FaultWrites},
	{"cluster mode", FaultCluster}, // SELECT is not allowed
	{"non local key in a cluster", FaultCluster},
	{"do not hash to the same slot", FaultCluster},
	{"script", FaultScript},
}

func diagnoseReply(text string) Fault {
	code, _, _ := strings.Cut(text, " ")
	f := Fault{Kind: faultCodes[code]}
	lower := strings.ToLower(text)
	if f.Kind == "" {
		f.Kind = FaultOther
		for _, t := range faultTexts {
			if strings.Contains(lower, t.text) {
				f.Kind = t.kind
				break
			}
		}
	}
	if f.Kind != FaultPermission && f.Kind != FaultUnknownCommand {
		return f
	}
	f.Script = strings.Contains(lower, "script: ") || strings.Contains(lower, "executing the script") || strings.Contains(lower, "from script")
	f.Keys = strings.Contains(lower, "one of the keys") || strings.Contains(lower, "access a key") || strings.Contains(lower, "access the '")
	if !f.Keys {
		f.Command = quotedCommand(text)
	}
	return f
}

// quotedCommand is the first quoted word of a refusal if it can be a command's
// name: 'script|load' is SCRIPT LOAD. What follows may be arguments, which
// nobody may see: HELLO's hold a password.
func quotedCommand(text string) string {
	at := strings.IndexAny(text, "'`")
	if at < 0 {
		return ""
	}
	word, _, closed := strings.Cut(text[at+1:], text[at:at+1])
	if !closed || word == "" || len(word) > maxCommand || strings.ContainsFunc(word, notOfCommand) {
		return ""
	}
	return strings.ToUpper(strings.ReplaceAll(word, "|", " "))
}

// maxCommand is above the length of every command's name.
const maxCommand = 40

func notOfCommand(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	return !letter && (r < '0' || r > '9') && !strings.ContainsRune("|._-", r)
}

// unusable reports whether asking again at once is of no use: the next request
// would fare no better, and pay for finding out.
func (f Fault) unusable() bool {
	switch f.Kind {
	case "", FaultCanceled, FaultMemory, FaultWrites, FaultScript, FaultOther: // reads may go on
		return false
	case FaultPermission, FaultReplica:
		return !f.Script
	default:
		return true
	}
}

// String says what is wrong, in one sentence without its stop.
func (f Fault) String() string {
	switch f.Kind {
	case "":
		return "Redis can be used"
	case FaultTimeout:
		return "Redis did not answer in time"
	case FaultUnreachable:
		return "Redis cannot be reached: the connection was refused or broke, or the host name does not resolve"
	case FaultTLS:
		return "the TLS handshake with Redis failed"
	case FaultAuth:
		return "Redis refuses the login: the password is missing or wrong, or the user is unknown or disabled"
	case FaultPermission:
		return "the Redis user has no permission for " + f.what()
	case FaultUnknownCommand:
		return "Redis does not know " + f.what()
	case FaultReplica:
		return "Redis is a read-only replica"
	case FaultCluster:
		return "Redis runs in cluster mode"
	case FaultMemory:
		return "Redis is out of memory and evicts nothing"
	case FaultWrites:
		return "Redis refuses writes: its last snapshot failed, or it has too few replicas"
	case FaultLoading:
		return "Redis is still loading its data set"
	case FaultBusy:
		return "Redis is busy with a script that runs for too long"
	case FaultMaxClients:
		return "Redis has reached its maxclients"
	case FaultScript:
		return "a script failed in Redis"
	case FaultCanceled:
		return "the caller gave up before Redis answered"
	default:
		return "Redis returned an error"
	}
}

func (f Fault) what() string {
	name := f.Command
	switch {
	case f.Keys:
		name = "keys that the cache uses"
	case name == "":
		name = "a command that the cache uses"
	}
	if f.Script {
		return name + " inside a script"
	}
	return name
}

// Hint says what to do about it.
func (f Fault) Hint() string {
	switch f.Kind {
	case FaultTimeout:
		return "Check Redis' load and the network between it and this process."
	case FaultUnreachable:
		return "Check that Redis runs and that REDIS_URL has the right host and port."
	case FaultTLS:
		return "Check the scheme of REDIS_URL (rediss:// for TLS) and that this process trusts the certificate's authority."
	case FaultAuth:
		return "Check user and password in REDIS_URL."
	case FaultPermission:
		return fmt.Sprintf("Give the user these permissions: ACL SETUSER <user> %s.", ACLRules)
	case FaultUnknownCommand:
		return "Use a Redis 7.0 or newer in which no command is renamed or disabled."
	case FaultReplica:
		return "Point REDIS_URL at the primary."
	case FaultCluster:
		return "Point REDIS_URL at a Redis without cluster mode: the cache's scripts use keys of several slots."
	case FaultMemory:
		return "Set maxmemory-policy to allkeys-lru, or raise maxmemory."
	case FaultWrites:
		return "Turn snapshots off (save \"\"): the cache needs none. Set min-replicas-to-write to 0."
	case FaultLoading:
		return "Wait. If it takes long, turn persistence off: the cache needs none."
	case FaultBusy:
		return "Look for other scripts in SLOWLOG; SCRIPT KILL ends one that has written nothing."
	case FaultMaxClients:
		return "Raise maxclients, or look for clients that leave connections open in CLIENT LIST."
	case "", FaultCanceled:
		return ""
	default:
		return "Read Redis' log."
	}
}

// ACLRules are the rights that the cache needs, as ACL SETUSER takes them.
// HELLO and AUTH are always allowed to a client that logs in.
const ACLRules = "~* +hello +select +info +time +evalsha +eval +script|load +get +set +mget +hget +hmget +hset +hdel +hgetall +del +expire +strlen"
