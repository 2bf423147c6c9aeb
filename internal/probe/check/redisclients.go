package check

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Clients: the same shares of a limit as of Postgres's.
func redisClients(o *facts.Observation) Outcome {
	if f := o.Redis.Failed; f != nil {
		if f.Kind == facts.KindTooMany {
			return found(hit{Evidence: o.Redis.Endpoint.Address + " accepts no more clients.", severity: facts.Critical, CostMS: o.TurnMS()})
		}
		return notKnown("Redis cannot be used.")
	}
	if why := o.Redis.Why(facts.AskedInfo); why != "" {
		return notKnown("%s", why)
	}
	f := o.Redis.Facts
	open, limit := f.Count("connected_clients"), f.Count("maxclients")
	if limit == 0 {
		return notKnown("Redis did not return its client limit.")
	}
	if n := f.Grew("rejected_connections"); n > 0 {
		return found(hit{Evidence: fmt.Sprintf("%s refused during the probe; %d of %d are connected.", facts.Plural(int(n), "client was", "clients were"), open, limit), severity: facts.Critical, CostMS: o.TurnMS()})
	}
	share := float64(open) / float64(limit)
	if share < connectionsWarn {
		return passed("%d of %d clients are connected.", open, limit)
	}
	h := hit{Evidence: fmt.Sprintf("%d of the %d clients that Redis allows are connected (%.0f%%).", open, limit, 100*share)}
	if share >= connectionsFail {
		h.severity = facts.Critical
	}
	return found(h)
}

// redisBlocked: no command of the app blocks, so a client that waits is somebody else's, or Redis is paused.
func redisBlocked(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedInfo); why != "" {
		return notKnown("%s", why)
	}
	n := min(o.Redis.Facts.Count("blocked_clients"), facts.InfoNumber(o.Redis.Facts.First, "blocked_clients"))
	if n == 0 {
		return passed("No client is blocked.")
	}
	return found(hit{Evidence: fmt.Sprintf("%s in a blocking command such as BLPOP. The app uses none: another program shares its Redis and its memory.",
		facts.Plural(int(n), "client is blocked", "clients are blocked"))})
}

// buffersShare: what clients have not fetched counts against maxmemory, and pushes cached keys out.
const buffersShare = 0.1

func redisBuffers(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedInfo); why != "" {
		return notKnown("%s", why)
	}
	f := o.Redis.Facts
	// Of replicas' buffers only the backlog's size counts against the limit: more of them pushes no key out.
	buffers := f.Count("mem_clients_normal") + max(0, f.Count("mem_clients_slaves")-f.Count(facts.NotCounted))
	limit := f.Count("maxmemory")
	if limit == 0 {
		return passed("Client buffers take %s; Redis has no memory limit.%s", facts.Megabytes(float64(buffers)), f.Aside())
	}
	share := float64(buffers) / float64(limit)
	if share < buffersShare {
		return passed("Client buffers take %s of %s.%s", facts.Megabytes(float64(buffers)), facts.Megabytes(float64(limit)), f.Aside())
	}
	return found(hit{Evidence: fmt.Sprintf("Client buffers take %s of %s (%.0f%%): the clients do not read their replies, and Redis evicts cached keys to make space.",
		facts.Megabytes(float64(buffers)), facts.Megabytes(float64(limit)), 100*share)})
}

// redisSaveFails: with stop-writes-on-bgsave-error, which is the default, a save that fails makes Redis
// refuse every write (MISCONF) until one succeeds.
func redisSaveFails(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedInfo); why != "" {
		return notKnown("%s", why)
	}
	f := o.Redis.Facts
	var failing []string
	if f.Last["rdb_last_bgsave_status"] == "err" {
		failing = append(failing, "the last BGSAVE failed")
	}
	if f.Last["aof_enabled"] == "1" && (f.Last["aof_last_write_status"] == "err" || f.Last["aof_last_bgrewrite_status"] == "err") {
		failing = append(failing, "the append-only file cannot be written")
	}
	if len(failing) == 0 {
		return passed("No save to disk has failed.")
	}
	h := hit{Evidence: strings.Join(failing, ", ") + "."}
	h.Evidence = strings.ToUpper(h.Evidence[:1]) + h.Evidence[1:]
	saves := strings.Trim(f.Config["save"], `" `) != ""
	switch stop := f.Config["stop-writes-on-bgsave-error"]; {
	case f.Refused[facts.AskedConfig] != nil:
		h.Evidence += " Whether Redis therefore refuses writes is unknown: CONFIG GET was refused."
	case stop == "yes" && saves, f.Last["aof_last_write_status"] == "err":
		h.severity, h.CostMS = facts.Critical, o.TurnMS()
		h.Evidence += " Redis refuses every write until a save succeeds: nothing new is cached, and no holds can be set."
	default:
		h.Evidence += " Writes still work: stop-writes-on-bgsave-error is off, or no save points are set."
	}
	return found(h)
}

// redisPersistence: the cache's promises need a Redis that forgets (internal/cache/doc.go), and each save
// forks a process, which stops everybody for as long as the memory's map takes to copy.
func redisPersistence(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedInfo, facts.AskedConfig); why != "" {
		return notKnown("%s", why)
	}
	f := o.Redis.Facts
	var on []string
	if save := strings.Trim(f.Config["save"], `" `); save != "" {
		on = append(on, "save "+save)
	}
	if f.Config["appendonly"] == "yes" {
		on = append(on, "appendonly yes with appendfsync "+f.Config["appendfsync"])
	}
	if len(on) == 0 {
		return passed("Redis does not write to disk.")
	}
	h := hit{Evidence: fmt.Sprintf("Redis writes to disk (%s): a restart would restore outdated copies, and each save forks the process.", strings.Join(on, "; "))}
	if us := f.Count("latest_fork_usec"); us > 0 {
		h.Evidence += fmt.Sprintf(" The last fork blocked all clients for %.1f ms.", float64(us)/1000)
	}
	if f.Last["rdb_bgsave_in_progress"] == "1" || f.Last["aof_rewrite_in_progress"] == "1" {
		h.Evidence += " A save is in progress."
	}
	return found(h)
}
