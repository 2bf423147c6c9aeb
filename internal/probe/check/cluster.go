package check

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Restarts: one within ten minutes is this incident's; one within a day is worth a look.
const restartSeen = 24 * time.Hour

func podRestarts(o *facts.Observation) Outcome {
	f := o.Cluster
	if why := f.NoPods(); why != "" {
		return notKnown("%s", why)
	}
	var hits []hit
	for _, p := range f.Pods {
		for _, c := range p.Status.ContainerStatuses {
			last := c.LastState.Terminated
			looping := c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff"
			if !looping && (last == nil || f.At.Sub(last.FinishedAt) > restartSeen) {
				continue
			}
			h := hit{Evidence: fmt.Sprintf("%s has restarted %s.", p.Metadata.Name, facts.Plural(int(c.RestartCount), "time", "times")), about: []string{p.Metadata.Name}}
			if last != nil {
				ago := f.At.Sub(last.FinishedAt)
				h.Evidence = fmt.Sprintf("%s has restarted %s, most recently %s ago: %s, exit code %d.", p.Metadata.Name, facts.Plural(int(c.RestartCount), "time", "times"), facts.Seconds(ago.Seconds()), reason(last.Reason), last.ExitCode)
				if ago <= facts.Recent {
					h.severity = facts.Critical
				}
				if last.Reason == "OOMKilled" {
					h.Evidence += " Its memory limit is too low, or it leaks memory."
					h.Remedy = "kubectl -n honeydue top pods -l app.kubernetes.io/name=honeydue   # then limits.memory and GOMEMLIMIT in deploy-k3s/base/deployment.yaml"
					if strings.HasPrefix(p.Metadata.Name, "honeydue-redis-") {
						h.Remedy = "redis-cli -u \"$REDIS_URL\" INFO memory   # limits.memory in deploy-k3s/base/redis.yaml must be 1.5 times maxmemory (HD-R03)"
					}
				}
			}
			if looping {
				h.severity = facts.Critical
				h.Evidence += " It is in CrashLoopBackOff."
			}
			hits = append(hits, h)
		}
	}
	return orPassed(hits, "None of %s has restarted in the last day.", facts.Plural(len(f.Pods), "pod", "pods"))
}

// reason lets through a reason as Kubernetes writes it: one word.
func reason(word string) string {
	if word == "" || len(word) > 40 || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
		return "for another reason"
	}
	return word
}

// throttledShare: a quarter of the periods is where the kubernetes-mixin's CPUThrottlingHigh alerts.
const throttledShare = 0.25

// throttledPeriods is how much of a container's life is judged where the window has counted nothing: a minute of running,
// so that its start, which is always busy, is not all of it.
const throttledPeriods = 600

// PodThrottling judges HD-K02: containers whose CPU time the kernel cuts short.
func PodThrottling(o *facts.Observation) Outcome {
	f := o.Cluster
	if why := f.NoPods(); why != "" {
		return notKnown("%s", why)
	}
	limited := 0
	for _, p := range f.Pods {
		if p.LimitsCPU() && p.Serves() {
			limited++
		}
	}
	switch {
	case limited == 0:
		return passed("No container has a CPU limit, so none is throttled.")
	case len(f.Throttle) == 0:
		return notKnown("%s", cmp.Or(f.Why(facts.GetMetrics), "The kubelet reports no CPU periods for these pods."))
	}
	var hits []hit
	var worst float64
	still := 0
	for _, t := range f.Throttle {
		when := ""
		if t.Periods == 0 {
			still++
			when = " since it started; none were counted between the two samples"
			if t = f.ThrottledSince[t.Pod]; t.Periods < throttledPeriods {
				continue
			}
		}
		worst = max(worst, t.Share())
		if t.Share() < throttledShare {
			continue
		}
		name := cmp.Or(t.Pod, "The container of this probe")
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("%s was throttled in %.0f of %.0f periods of 100 ms (%.0f%%), for %.2f s in total%s.", name, t.Throttled, t.Periods, 100*t.Share(), t.Seconds, when),
			CostMS:   t.Share() * min(100, 1000*t.Seconds/max(1, t.Throttled)), about: []string{t.Pod},
		})
	}
	if still > 0 && len(hits) == 0 {
		return notKnown("No CPU period of %s was counted between the two samples: a kubelet updates its counters every 10 to 15 s, and an idle container has no periods. Probe again under load.%s", facts.Plural(still, "container", "containers"), notCounted(f, limited))
	}
	return orPassed(hits, "At most %.0f%% of the CPU periods were throttled.%s", 100*worst, notCounted(f, limited))
}

// notCounted names what the counters leave out of that many pods.
func notCounted(f *facts.ClusterFacts, limited int) string {
	switch {
	case f.Throttle[0].Pod == "" && limited > 1:
		return fmt.Sprintf(" Only this probe's own container was checked; for the %d pods, give --kube-context so that the kubelets can be asked.", limited)
	case len(f.NodesLeft) > 0:
		return fmt.Sprintf(" The pods on %s were skipped: at most %d kubelets are asked.", strings.Join(f.NodesLeft, ", "), facts.NodesAsked)
	}
	return ""
}

// flaps is how many failed readiness probes in ten minutes are more than one bad moment: the manifests
// take a pod out after two.
const flaps = 3

func podReadiness(o *facts.Observation) Outcome {
	f := o.Cluster
	if why := f.NoPods(); why != "" {
		return notKnown("%s", why)
	}
	var hits []hit
	serving, ready := 0, 0
	for _, p := range f.Pods {
		if !p.Serves() {
			continue
		}
		serving++
		now, changed, why := p.Ready()
		flapped := f.Unready[p.Metadata.Name]
		if now {
			ready++
		}
		switch {
		case !now && f.At.Sub(p.Metadata.CreationTimestamp) > time.Minute:
			hits = append(hits, hit{Evidence: fmt.Sprintf("%s has not been ready for %s (%s).", p.Metadata.Name, facts.Seconds(f.At.Sub(changed).Seconds()), reason(why)), severity: facts.Critical, about: []string{p.Metadata.Name}})
		case flapped >= flaps:
			hits = append(hits, hit{Evidence: fmt.Sprintf("%s failed %d readiness probes in the last %.0f minutes and is ready now: it flaps in and out of service.", p.Metadata.Name, flapped, facts.Recent.Minutes()), about: []string{p.Metadata.Name}})
		}
	}
	if why := f.Why(facts.ListEvents); why != "" && len(hits) == 0 {
		return notKnown("%d of %d pods are ready; whether they flap is unknown. %s", ready, serving, why)
	}
	return orPassed(hits, "%d of %d pods are ready.", ready, serving)
}

func scalerLimit(o *facts.Observation) Outcome {
	f := o.Cluster
	if why := f.Why(facts.ListScalers); why != "" {
		return notKnown("%s", why)
	}
	var hits []hit
	for _, s := range f.Scalers {
		if s.AtLimit() {
			hits = append(hits, hit{
				Evidence: fmt.Sprintf("%s runs %d pods, its maximum (maxReplicas %d), and would add more.", s.Metadata.Name, s.Status.CurrentReplicas, s.Spec.MaxReplicas),
				Remedy:   fmt.Sprintf(`kubectl -n honeydue patch hpa %s --patch '{"spec":{"maxReplicas":%d}}'   # if the nodes and the pooler's client limit allow it; first find what is slow`, s.Metadata.Name, 2*s.Spec.MaxReplicas),
			})
		}
	}
	if len(f.Scalers) == 0 {
		return passed("There is no autoscaler.")
	}
	return orPassed(hits, "%s below maxReplicas.", facts.Plural(len(f.Scalers), "autoscaler is", "autoscalers are"))
}
