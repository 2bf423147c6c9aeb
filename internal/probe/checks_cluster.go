package probe

import (
	"fmt"
	"strings"
	"time"
)

func (f *clusterFacts) why(what string) string { return f.unread[what] }

// noPods says why there are no pods to judge, or nothing if there are.
func (f *clusterFacts) noPods() string {
	if why := f.why(listPods); why != "" {
		return why
	}
	return ifNot(len(f.pods) > 0, "No pod has the label app.kubernetes.io/part-of=honeydue in that namespace.")
}

// Restarts: one within ten minutes is this incident's; one within a day is worth a look.
const restartSeen = 24 * time.Hour

func podRestarts(o *observation) outcome {
	f := o.cluster
	if why := f.noPods(); why != "" {
		return notKnown("%s", why)
	}
	var hits []hit
	for _, p := range f.pods {
		for _, c := range p.Status.ContainerStatuses {
			last := c.LastState.Terminated
			looping := c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff"
			if !looping && (last == nil || f.at.Sub(last.FinishedAt) > restartSeen) {
				continue
			}
			h := hit{evidence: fmt.Sprintf("%s has restarted %s.", p.Metadata.Name, plural(int(c.RestartCount), "time", "times")), about: []string{p.Metadata.Name}}
			if last != nil {
				ago := f.at.Sub(last.FinishedAt)
				h.evidence = fmt.Sprintf("%s has restarted %s, most recently %s ago: %s, exit code %d.", p.Metadata.Name, plural(int(c.RestartCount), "time", "times"), seconds(ago.Seconds()), reason(last.Reason), last.ExitCode)
				if ago <= recent {
					h.severity = Critical
				}
				if last.Reason == "OOMKilled" {
					h.evidence += " Its memory limit is too low, or it leaks memory."
					h.remedy = "kubectl -n honeydue top pods -l app.kubernetes.io/name=honeydue   # then limits.memory and GOMEMLIMIT in deploy-k3s/base/deployment.yaml"
					if strings.HasPrefix(p.Metadata.Name, "honeydue-redis-") {
						h.remedy = "redis-cli -u \"$REDIS_URL\" INFO memory   # limits.memory in deploy-k3s/base/redis.yaml must be 1.5 times maxmemory (HD-R03)"
					}
				}
			}
			if looping {
				h.severity = Critical
				h.evidence += " It is in CrashLoopBackOff."
			}
			hits = append(hits, h)
		}
	}
	return orPassed(hits, "None of %s has restarted in the last day.", plural(len(f.pods), "pod", "pods"))
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

func podThrottling(o *observation) outcome {
	f := o.cluster
	if why := f.noPods(); why != "" {
		return notKnown("%s", why)
	}
	limited := 0
	for _, p := range f.pods {
		if p.limitsCPU() && p.serves() {
			limited++
		}
	}
	switch {
	case limited == 0:
		return passed("No container has a CPU limit, so none is throttled.")
	case len(f.throttle) == 0:
		return notKnown("%s", orElse(f.why(getMetrics), "The kubelet reports no CPU periods for these pods."))
	}
	var hits []hit
	var worst float64
	still := 0
	for _, t := range f.throttle {
		when := ""
		if t.periods == 0 {
			still++
			when = " since it started; none were counted between the two samples"
			if t = f.throttledSince[t.pod]; t.periods < throttledPeriods {
				continue
			}
		}
		worst = max(worst, t.share())
		if t.share() < throttledShare {
			continue
		}
		name := orElse(t.pod, "The container of this probe")
		hits = append(hits, hit{
			evidence: fmt.Sprintf("%s was throttled in %.0f of %.0f periods of 100 ms (%.0f%%), for %.2f s in total%s.", name, t.throttled, t.periods, 100*t.share(), t.seconds, when),
			costMS:   t.share() * min(100, 1000*t.seconds/max(1, t.throttled)), about: []string{t.pod},
		})
	}
	if still > 0 && len(hits) == 0 {
		return notKnown("No CPU period of %s was counted between the two samples: a kubelet updates its counters every 10 to 15 s, and an idle container has no periods. Probe again under load.%s", plural(still, "container", "containers"), f.notCounted(limited))
	}
	return orPassed(hits, "At most %.0f%% of the CPU periods were throttled.%s", 100*worst, f.notCounted(limited))
}

// notCounted names what the counters leave out of that many pods.
func (f *clusterFacts) notCounted(limited int) string {
	switch {
	case f.throttle[0].pod == "" && limited > 1:
		return fmt.Sprintf(" Only this probe's own container was checked; for the %d pods, give --kube-context so that the kubelets can be asked.", limited)
	case len(f.nodesLeft) > 0:
		return fmt.Sprintf(" The pods on %s were skipped: at most %d kubelets are asked.", strings.Join(f.nodesLeft, ", "), nodesAsked)
	}
	return ""
}

// flaps is how many failed readiness probes in ten minutes are more than one bad moment: the manifests
// take a pod out after two.
const flaps = 3

func podReadiness(o *observation) outcome {
	f := o.cluster
	if why := f.noPods(); why != "" {
		return notKnown("%s", why)
	}
	var hits []hit
	serving, ready := 0, 0
	for _, p := range f.pods {
		if !p.serves() {
			continue
		}
		serving++
		now, changed, why := p.ready()
		flapped := f.unready[p.Metadata.Name]
		if now {
			ready++
		}
		switch {
		case !now && f.at.Sub(p.Metadata.CreationTimestamp) > time.Minute:
			hits = append(hits, hit{evidence: fmt.Sprintf("%s has not been ready for %s (%s).", p.Metadata.Name, seconds(f.at.Sub(changed).Seconds()), reason(why)), severity: Critical, about: []string{p.Metadata.Name}})
		case flapped >= flaps:
			hits = append(hits, hit{evidence: fmt.Sprintf("%s failed %d readiness probes in the last %.0f minutes and is ready now: it flaps in and out of service.", p.Metadata.Name, flapped, recent.Minutes()), about: []string{p.Metadata.Name}})
		}
	}
	if why := f.why(listEvents); why != "" && len(hits) == 0 {
		return notKnown("%d of %d pods are ready; whether they flap is unknown. %s", ready, serving, why)
	}
	return orPassed(hits, "%d of %d pods are ready.", ready, serving)
}

// ready tells whether the pod is, since when, and why not.
func (p podFacts) ready() (bool, time.Time, string) {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True", c.LastTransitionTime, c.Reason
		}
	}
	return false, p.Metadata.CreationTimestamp, p.Status.Phase
}

func scalerLimit(o *observation) outcome {
	f := o.cluster
	if why := f.why(listScalers); why != "" {
		return notKnown("%s", why)
	}
	var hits []hit
	for _, s := range f.scalers {
		if s.atLimit() {
			hits = append(hits, hit{
				evidence: fmt.Sprintf("%s runs %d pods, its maximum (maxReplicas %d), and would add more.", s.Metadata.Name, s.Status.CurrentReplicas, s.Spec.MaxReplicas),
				remedy:   fmt.Sprintf(`kubectl -n honeydue patch hpa %s --patch '{"spec":{"maxReplicas":%d}}'   # if the nodes and the pooler's client limit allow it; first find what is slow`, s.Metadata.Name, 2*s.Spec.MaxReplicas),
			})
		}
	}
	if len(f.scalers) == 0 {
		return passed("There is no autoscaler.")
	}
	return orPassed(hits, "%s below maxReplicas.", plural(len(f.scalers), "autoscaler is", "autoscalers are"))
}
