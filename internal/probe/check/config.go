package check

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// databaseURL is a secret of which a part is tuned: the host's name.
const databaseURL = "DATABASE_URL"

func drifted(o *facts.Observation) Outcome {
	var hits []hit
	for _, s := range o.Config.Settings {
		if !s.Drifted {
			continue
		}
		h := hit{
			Evidence: fmt.Sprintf("%s is %s; the tuned value is %s.", s.Name, shown(s.Value), shown(s.Tuned)),
			Remedy:   fmt.Sprintf("kubectl -n honeydue set env deployment/honeydue %s=%s   # and the same in deploy-k3s", s.Name, s.Tuned),
			about:    []string{s.Name},
		}
		switch {
		case s.Name == databaseURL && o.Pooler != nil && o.Pooler.Pooled:
			continue // proved to be a pooler, whatever its name
		case s.Name == databaseURL:
			h.Evidence = "The host name in DATABASE_URL is not a pooler's; the tuned value is " + s.Tuned + "."
			h.Remedy = findPooler
		case s.Tuned == "":
			h.Remedy = fmt.Sprintf("kubectl -n honeydue set env deployment/honeydue %s-   # and out of deploy-k3s", s.Name)
		}
		hits = append(hits, h)
	}
	return orPassed(hits, "All %d tuned settings have their tuned values.", len(o.Config.Settings))
}

func shown(value string) string {
	if strings.TrimSpace(value) == "" {
		return "not set"
	}
	return value
}
