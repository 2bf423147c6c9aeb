package probe

import (
	"fmt"
	"strings"
)

// Clients: the same shares of a limit as of Postgres's.
func redisClients(o *observation) outcome {
	if f := o.redis.failed; f != nil {
		if f.kind == kindTooMany {
			return found(hit{evidence: o.redis.endpoint.Address + " accepts no more clients.", severity: Critical, costMS: o.turnMS()})
		}
		return notKnown("Redis cannot be used.")
	}
	if why := o.redis.why(askedInfo); why != "" {
		return notKnown("%s", why)
	}
	f := o.redis.facts
	open, limit := f.count("connected_clients"), f.count("maxclients")
	if limit == 0 {
		return notKnown("Redis did not return its client limit.")
	}
	if n := f.grew("rejected_connections"); n > 0 {
		return found(hit{evidence: fmt.Sprintf("%s refused during the probe; %d of %d are connected.", plural(int(n), "client was", "clients were"), open, limit), severity: Critical, costMS: o.turnMS()})
	}
	share := float64(open) / float64(limit)
	if share < connectionsWarn {
		return passed("%d of %d clients are connected.", open, limit)
	}
	h := hit{evidence: fmt.Sprintf("%d of the %d clients that Redis allows are connected (%.0f%%).", open, limit, 100*share)}
	if share >= connectionsFail {
		h.severity = Critical
	}
	return found(h)
}

// redisBlocked: no command of the app blocks, so a client that waits is somebody else's, or Redis is paused.
func redisBlocked(o *observation) outcome {
	if why := o.redis.why(askedInfo); why != "" {
		return notKnown("%s", why)
	}
	n := min(o.redis.facts.count("blocked_clients"), infoNumber(o.redis.facts.first, "blocked_clients"))
	if n == 0 {
		return passed("No client is blocked.")
	}
	return found(hit{evidence: fmt.Sprintf("%s in a blocking command such as BLPOP. The app uses none: another program shares its Redis and its memory.",
		plural(int(n), "client is blocked", "clients are blocked"))})
}

// buffersShare: what clients have not fetched counts against maxmemory, and pushes cached keys out.
const buffersShare = 0.1

func redisBuffers(o *observation) outcome {
	if why := o.redis.why(askedInfo); why != "" {
		return notKnown("%s", why)
	}
	f := o.redis.facts
	// Of replicas' buffers only the backlog's size counts against the limit: more of them pushes no key out.
	buffers := f.count("mem_clients_normal") + max(0, f.count("mem_clients_slaves")-f.count(notCounted))
	limit := f.count("maxmemory")
	if limit == 0 {
		return passed("Client buffers take %s; Redis has no memory limit.%s", megabytes(float64(buffers)), f.aside())
	}
	share := float64(buffers) / float64(limit)
	if share < buffersShare {
		return passed("Client buffers take %s of %s.%s", megabytes(float64(buffers)), megabytes(float64(limit)), f.aside())
	}
	return found(hit{evidence: fmt.Sprintf("Client buffers take %s of %s (%.0f%%): the clients do not read their replies, and Redis evicts cached keys to make space.",
		megabytes(float64(buffers)), megabytes(float64(limit)), 100*share)})
}

// aside says what waits for replicas and the like on top of the limit; nothing if that is less than a megabyte.
func (f *redisFacts) aside() string {
	if n := f.count(notCounted); n >= 1<<20 {
		return fmt.Sprintf(" In addition, %s are buffered for replicas or the append-only file, which maxmemory does not limit.", megabytes(float64(n)))
	}
	return ""
}

// redisSaveFails: with stop-writes-on-bgsave-error, which is the default, a save that fails makes Redis
// refuse every write (MISCONF) until one succeeds.
func redisSaveFails(o *observation) outcome {
	if why := o.redis.why(askedInfo); why != "" {
		return notKnown("%s", why)
	}
	f := o.redis.facts
	var failing []string
	if f.last["rdb_last_bgsave_status"] == "err" {
		failing = append(failing, "the last BGSAVE failed")
	}
	if f.last["aof_enabled"] == "1" && (f.last["aof_last_write_status"] == "err" || f.last["aof_last_bgrewrite_status"] == "err") {
		failing = append(failing, "the append-only file cannot be written")
	}
	if len(failing) == 0 {
		return passed("No save to disk has failed.")
	}
	h := hit{evidence: strings.Join(failing, ", ") + "."}
	h.evidence = strings.ToUpper(h.evidence[:1]) + h.evidence[1:]
	saves := strings.Trim(f.config["save"], `" `) != ""
	switch stop := f.config["stop-writes-on-bgsave-error"]; {
	case f.refused[askedConfig] != nil:
		h.evidence += " Whether Redis therefore refuses writes is unknown: CONFIG GET was refused."
	case stop == "yes" && saves, f.last["aof_last_write_status"] == "err":
		h.severity, h.costMS = Critical, o.turnMS()
		h.evidence += " Redis refuses every write until a save succeeds: nothing new is cached, and no holds can be set."
	default:
		h.evidence += " Writes still work: stop-writes-on-bgsave-error is off, or no save points are set."
	}
	return found(h)
}

// redisPersistence: the cache's promises need a Redis that forgets (internal/cache/doc.go), and each save
// forks a process, which stops everybody for as long as the memory's map takes to copy.
func redisPersistence(o *observation) outcome {
	if why := o.redis.why(askedInfo, askedConfig); why != "" {
		return notKnown("%s", why)
	}
	f := o.redis.facts
	var on []string
	if save := strings.Trim(f.config["save"], `" `); save != "" {
		on = append(on, "save "+save)
	}
	if f.config["appendonly"] == "yes" {
		on = append(on, "appendonly yes with appendfsync "+f.config["appendfsync"])
	}
	if len(on) == 0 {
		return passed("Redis does not write to disk.")
	}
	h := hit{evidence: fmt.Sprintf("Redis writes to disk (%s): a restart would restore outdated copies, and each save forks the process.", strings.Join(on, "; "))}
	if us := f.count("latest_fork_usec"); us > 0 {
		h.evidence += fmt.Sprintf(" The last fork blocked all clients for %.1f ms.", float64(us)/1000)
	}
	if f.last["rdb_bgsave_in_progress"] == "1" || f.last["aof_rewrite_in_progress"] == "1" {
		h.evidence += " A save is in progress."
	}
	return found(h)
}
