package bench

import "fmt"

const (
	// queueShare of the readings of a phase have to show a queue in the pooler. Each is
	// a moment: a queue that comes and goes is seen in some, one that stands in most.
	queueShare = 1.0 / 3
	// cpuShare of the cores that the server may use is a CPU that has run out: a
	// reading is a mean over a second, and a scheduler needs some slack.
	cpuShare = 0.85
	// slowerExecution is how much longer a call executes than at a rate that was on
	// target, before the database itself is what has run out.
	slowerExecution = 2.0
)

// limitBehind names what a phase that missed its target ran out of from what the
// parts behind the server told of it; "" where they do not show it. They are asked
// from the far end: a part that waits for the next one looks full itself. largest
// is the part of the time that the slowest requests spent most of; stood a phase
// at a lower rate that was on target, nil if there is none.
func limitBehind(p Phase, largest string, stood *Phase) (name, evidence string) {
	if p.Server == nil {
		return "", ""
	}
	at := fmt.Sprintf("at %.4g/s", p.Rate.Planned)
	queue, servers := p.Server.pooledQueue()
	if largest == "db" || largest == "acquire" {
		if now, before, slower := executionOf(p, stood); slower {
			return "the database's execution", fmt.Sprintf("a call executed for %s %s, and for %s at %.4g/s, which was on target", figure(now), at, figure(before), stood.Rate.Planned)
		}
		if queue != "" {
			return "pooler connections", fmt.Sprintf("%s %s: %s", servers, at, queue)
		}
	}
	if largest == "acquire" {
		if used, most := p.Server.named(seriesPoolInUse), p.Server.named(seriesPoolMax); used != nil && most != nil && deref(used.Max) >= deref(most.Max) {
			return "the server's pool of database connections (DB_MAX_CONNS)",
				fmt.Sprintf("all %s were in use %s, and the pooler had no queue that was seen", amount(deref(most.Max)), at)
		}
	}
	if cpu, cores := p.Server.named(seriesCPU), p.Server.named(seriesCores); cpu != nil && cores != nil && deref(cores.Max) > 0 {
		if used, of := deref(cpu.Mean), 100*deref(cores.Max); used >= cpuShare*of {
			return "the server's CPU", fmt.Sprintf("the server used %.0f%% of a core %s, of %.0f%% that it may use", used, at, of)
		}
	}
	return "", ""
}

// pooledQueue says how the pooler's queue stood, "" when it did not: clients wait
// and no server connection is idle.
func (t *ServerTimeline) pooledQueue() (queue, servers string) {
	waiting, idle, active := t.named(seriesPoolerWaiting), t.named(seriesPoolerIdle), t.named(seriesPoolerActive)
	if waiting == nil || idle == nil {
		return "", ""
	}
	readings, queued := 0, 0
	for i, clients := range waiting.Values {
		if clients == nil || idle.Values[i] == nil {
			continue
		}
		readings++
		if *clients > 0 && *idle.Values[i] == 0 {
			queued++
		}
	}
	if queued == 0 || float64(queued) < queueShare*float64(readings) {
		return "", ""
	}
	servers = "no server connection of the pooler was idle"
	if active != nil && deref(active.Max) > 0 {
		servers = fmt.Sprintf("all %s server connections of the pooler were busy", amount(deref(active.Max)))
	}
	return fmt.Sprintf("in %d of %d readings clients waited for one, up to %s at once", queued, readings, amount(deref(waiting.Max))), servers
}

// executionOf compares what a call took in the database's executor with what it
// took when the target was met.
func executionOf(p Phase, stood *Phase) (now, before float64, slower bool) {
	if stood == nil {
		return 0, 0, false
	}
	at, then := p.Server.named(seriesExecPerCall), stood.Server.named(seriesExecPerCall)
	if at == nil || then == nil || at.Mean == nil || then.Mean == nil {
		return 0, 0, false
	}
	// Less than a millisecond is no execution that anyone waits for.
	return *at.Mean, *then.Mean, *at.Mean >= 1 && *at.Mean > slowerExecution*(*then.Mean)
}
