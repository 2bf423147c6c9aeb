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
