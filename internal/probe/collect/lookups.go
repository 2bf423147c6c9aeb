package collect

import (
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// lookedUp gathers the look-ups of every connection: the first one may meet a resolver that has nothing yet, and
// only what the quickest took is paid by each.
func lookedUp(o *facts.Observation, s *session) facts.Lookups {
	l := facts.Lookups{}
	for _, e := range o.Endpoints() {
		if e.Error == "" {
			l.Add(e.Name, e.Phases)
		}
	}
	if p := s.pair; p != nil && p.failed == nil {
		l.Add("pooler", p.a.w.Phases())
		l.Add("pooler", p.b.w.Phases())
	}
	if o.Server != nil && o.Server.Failed == nil {
		l.Add(o.Server.Way.Name, o.Server.Way.Phases)
	}
	return l
}
