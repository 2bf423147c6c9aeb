package probe

// lookups are the times that finding an endpoint's host took, one for each connection that was opened to it, in ms.
type lookups map[string][]float64

func (l lookups) add(endpoint string, phases []Phase) {
	for _, p := range phases {
		if p.Name == "dns" {
			l[endpoint] = append(l[endpoint], p.MS)
		}
	}
}

// lookedUp gathers the look-ups of every connection: the first one may meet a resolver that has nothing yet, and
// only what the quickest took is paid by each.
func (o *observation) lookedUp(s *session) lookups {
	l := lookups{}
	for _, e := range o.endpoints() {
		if e.Error == "" {
			l.add(e.Name, e.Phases)
		}
	}
	if p := s.pair; p != nil && p.failed == nil {
		l.add("pooler", p.a.w.phases())
		l.add("pooler", p.b.w.phases())
	}
	if o.server != nil && o.server.failed == nil {
		l.add(o.server.way.Name, o.server.way.Phases)
	}
	return l
}
