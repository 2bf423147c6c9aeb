package facts

import (
	"strconv"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
)

// RedisFacts is what Redis told while it was watched. A part that it refused, as managed servers do, has
// its failure in refused.
type RedisFacts struct {
	First, Last map[string]string // INFO at both ends of the window
	Window      time.Duration
	Pings       []time.Duration
	PingFailed  *Failure
	Config      map[string]string
	Slow        []SlowCommand
	Latency     []LatencyEvent
	Doctor      []string // what MEMORY DOCTOR complains of, by its own headings
	Sample      KeySample
	Shared      SharedState
	Holds       HeldStates
	Refused     map[string]*Failure
}

// Names of what is asked, as people are told of them.
const (
	AskedInfo    = "INFO"
	AskedConfig  = "CONFIG GET"
	AskedSlowLog = "SLOWLOG"
	AskedLatency = "LATENCY LATEST"
	AskedDoctor  = "MEMORY DOCTOR"
	AskedKeys    = "SCAN"
	AskedShared  = cache.SharedKey
)

// Why says why a part is not known, or nothing if it is.
func (s *RedisServer) Why(names ...string) string {
	if s.Facts == nil {
		return "Redis was not watched."
	}
	for _, name := range names {
		if f := s.Facts.Refused[name]; f != nil {
			return "Redis did not answer " + name + ": " + f.Error() + "."
		}
	}
	return ""
}

// Count is a number of INFO's last text; 0 for what is not there.
func (f *RedisFacts) Count(name string) int64 {
	return InfoNumber(f.Last, name)
}

// Grew is by how much a counter has grown within the window.
func (f *RedisFacts) Grew(name string) int64 {
	return max(0, f.Count(name)-InfoNumber(f.First, name))
}

// InfoNumber is a number of INFO's; 0 for what is not there or is no number.
func InfoNumber(fields map[string]string, name string) int64 {
	n, _ := strconv.ParseInt(fields[name], 10, 64) // none: 0
	return n
}

// SlowCommand is an entry of the slow log without its arguments.
type SlowCommand struct {
	Name string
	Took time.Duration
	Age  time.Duration
}

// LatencyEvent is one of the latency monitor's.
type LatencyEvent struct {
	Name   string
	Age    time.Duration
	Latest time.Duration
}
