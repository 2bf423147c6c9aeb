package probe

import (
	"fmt"
	"strings"
)

func drifted(o *observation) outcome {
	var hits []hit
	for _, s := range o.config.Settings {
		if !s.Drifted {
			continue
		}
		h := hit{
			evidence: fmt.Sprintf("%s is %s, tuned is %s.", s.Name, shown(s.Value), shown(s.Tuned)),
			remedy:   fmt.Sprintf("kubectl -n honeydue set env deployment/honeydue %s=%s   # and the same in deploy-k3s", s.Name, s.Tuned),
			about:    []string{s.Name},
		}
		hits = append(hits, h)
	}
	return orPassed(hits, "All %d tuned settings have their values.", len(o.config.Settings))
}

func shown(value string) string {
	if strings.TrimSpace(value) == "" {
		return "not set"
	}
	return value
}

func targetDown(o *observation) outcome {
	if o.targetFailed != nil {
		return found(hit{evidence: fmt.Sprintf("%s: %s.", o.target.URL, o.targetFailed), remedy: repair(o.targetFailed, "--target")})
	}
	return passed("/readyz answers in %.1f ms, %.1f ms with connecting.", o.target.WarmMS, o.target.FirstMS)
}

func targetNotReady(o *observation) outcome {
	if o.target.Ready {
		return passed("/readyz says yes.")
	}
	evidence := fmt.Sprintf("/readyz answers %d", o.target.StatusCode)
	if o.target.Reason != "" {
		evidence += ": " + o.target.Reason
	}
	return found(hit{evidence: evidence + "."})
}

func targetBypassesPooler(o *observation) outcome {
	switch o.target.ThroughPooler {
	case "yes":
		return passed("It proved its pooler.")
	case "no":
		return found(hit{evidence: "/readyz says that its connections end at Postgres itself."})
	}
	return notKnown("/readyz does not say how the database is reached.")
}
