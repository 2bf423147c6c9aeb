package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// clusterFacts is what the cluster said of the app's pods.
type clusterFacts struct {
	at      time.Time
	pods    []podFacts
	scalers []scalerFacts
	unready map[string]int64 // by pod: failed readiness probes among the cluster's events
	// throttle is what was counted in the window, throttledSince since each container started; nodesLeft were not asked.
	throttle       []throttled
	throttledSince map[string]throttled
	nodesLeft      []string
	// context is the current one of the kubectl that was asked; empty where Cluster names it, or nobody knows it.
	context  string
	requests int
	// unread says why a part is not known.
	unread map[string]string
}

// Parts of what the cluster is asked, by what a role has to allow.
const (
	listPods    = "list pods"
	listScalers = "list horizontalpodautoscalers.autoscaling"
	listEvents  = "list events"
	getMetrics  = "get nodes/proxy"
)

// podFacts is the part of a Pod that the checks read.
type podFacts struct {
	Metadata struct {
		Name              string     `json:"name"`
		CreationTimestamp time.Time  `json:"creationTimestamp"`
		DeletionTimestamp *time.Time `json:"deletionTimestamp"`

		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec struct {
		NodeName   string `json:"nodeName"`
		Containers []struct {
			Resources struct {
				Limits map[string]string `json:"limits"`
			} `json:"resources"`
		} `json:"containers"`
	} `json:"spec"`
	Status struct {
		Phase      string `json:"phase"`
		Conditions []struct {
			Type               string    `json:"type"`
			Status             string    `json:"status"`
			Reason             string    `json:"reason"`
			LastTransitionTime time.Time `json:"lastTransitionTime"`
		} `json:"conditions"`
		ContainerStatuses []containerStatus `json:"containerStatuses"`
	} `json:"status"`
}

type containerStatus struct {
	RestartCount int64 `json:"restartCount"`
	State        struct {
		Waiting *struct {
			Reason string `json:"reason"`
		} `json:"waiting"`
	} `json:"state"`
	LastState struct {
		Terminated *struct {
			Reason     string    `json:"reason"`
			ExitCode   int64     `json:"exitCode"`
			FinishedAt time.Time `json:"finishedAt"`
		} `json:"terminated"`
	} `json:"lastState"`
}

// limitsCPU reports whether a container of the pod may be throttled at all.
func (p podFacts) limitsCPU() bool {
	for _, c := range p.Spec.Containers {
		if c.Resources.Limits["cpu"] != "" {
			return true
		}
	}
	return false
}

// app reports whether the pod is one of the server's own: Redis and the jobs are in the same namespace.
func (p podFacts) app() bool { return p.Metadata.Labels["app.kubernetes.io/name"] == "honeydue" }

// serves reports whether the pod is one that stays: a job's pod ends, and one that is being deleted goes.
func (p podFacts) serves() bool {
	return p.Status.Phase != "Succeeded" && p.Status.Phase != "Failed" && p.Metadata.DeletionTimestamp == nil
}

type scalerFacts struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		MaxReplicas int64 `json:"maxReplicas"`
	} `json:"spec"`
	Status struct {
		CurrentReplicas int64 `json:"currentReplicas"`
		Conditions      []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
			Reason string `json:"reason"`
		} `json:"conditions"`
	} `json:"status"`
}

// atLimit reports whether it would add pods if it might.
func (s scalerFacts) atLimit() bool {
	for _, c := range s.Status.Conditions {
		if c.Type == "ScalingLimited" && c.Status == "True" && c.Reason == "TooManyReplicas" {
			return true
		}
	}
	return false
}

// throttled is how many of a container's periods of CPU were cut short.
type throttled struct {
	pod                string
	periods, throttled float64
	seconds            float64
}

func (t throttled) share() float64 { return t.throttled / max(1, t.periods) }

// clusterUnderWay is the cluster being asked, beside everything else. Whoever starts it waits for it.
type clusterUnderWay struct {
	facts chan *clusterFacts
	over  chan struct{} // closed when everything else is done
}

func (o *observation) askCluster(ctx context.Context) clusterUnderWay {
	w := clusterUnderWay{make(chan *clusterFacts, 1), make(chan struct{})}
	if o.config.Cluster == nil {
		w.facts <- nil
		return w
	}
	c, window := *o.config.Cluster, o.config.window(o)
	go func() { w.facts <- readCluster(ctx, c, window, w.over) }()
	return w
}

// wait gives what the cluster said, nil if none is configured.
func (w clusterUnderWay) wait() *clusterFacts {
	close(w.over)
	return <-w.facts
}

func readCluster(ctx context.Context, c Cluster, window time.Duration, over <-chan struct{}) *clusterFacts {
	f := &clusterFacts{at: time.Now(), unread: map[string]string{}, unready: map[string]int64{}}
	api, err := c.api()
	if err != nil {
		for _, what := range []string{listPods, listScalers, listEvents, getMetrics} {
			f.unread[what] = "The cluster's API did not answer: " + err.Error() + "."
		}
		return f
	}
	if k, ok := api.(kubectl); ok && c.Context == "" {
		f.context = k.current(ctx)
	}
	space := "/namespaces/" + url.PathEscape(c.Namespace)
	f.pods = list[podFacts](ctx, f, api, listPods, "/api/v1"+space+"/pods?labelSelector="+url.QueryEscape("app.kubernetes.io/part-of=honeydue"))
	f.scalers = list[scalerFacts](ctx, f, api, listScalers, "/apis/autoscaling/v2"+space+"/horizontalpodautoscalers")
	for _, e := range list[eventFacts](ctx, f, api, listEvents, "/api/v1"+space+"/events?fieldSelector="+url.QueryEscape("reason=Unhealthy")) {
		if f.at.Sub(e.when()) < recent && strings.HasPrefix(e.Message, "Readiness probe failed") {
			f.unready[e.InvolvedObject.Name] += max(1, e.Count)
		}
	}
	f.watchThrottling(ctx, api, c, window, over)
	return f
}

// eventFacts is an event; of its message only its kind is used.
type eventFacts struct {
	InvolvedObject struct {
		Name string `json:"name"`
	} `json:"involvedObject"`
	Message       string    `json:"message"`
	Count         int64     `json:"count"`
	LastTimestamp time.Time `json:"lastTimestamp"`
	EventTime     time.Time `json:"eventTime"`
}

func (e eventFacts) when() time.Time {
	if e.LastTimestamp.After(e.EventTime) {
		return e.LastTimestamp
	}
	return e.EventTime
}

// list reads a list of objects; what went wrong is noted under what a role has to allow.
func list[T any](ctx context.Context, f *clusterFacts, api clusterAPI, what, path string) []T {
	f.requests++
	body, err := api.get(ctx, path)
	var out struct {
		Items []T `json:"items"`
	}
	if err == nil {
		err = json.Unmarshal(body, &out)
	}
	f.note(ctx, what, err)
	return out.Items
}

func (f *clusterFacts) note(ctx context.Context, what string, err error) {
	switch {
	case err == nil:
	case errors.Is(err, errForbidden) && what == getMetrics:
		f.unread[what] = "Forbidden by the cluster: it needs permission to " + what + ", which no service account should have; use your own account with --kube-context."
	case errors.Is(err, errForbidden):
		f.unread[what] = fmt.Sprintf("Forbidden by the cluster: it needs permission to %s (deploy-k3s/probe-role.yaml).", what)
	case errors.Is(err, errNotFound):
		f.unread[what] = fmt.Sprintf("The cluster's API does not support it: %s.", what)
	case errors.Is(err, errUnauthorized):
		f.unread[what] = "The cluster's API rejected the token or the user."
	default:
		f.unread[what] = "The cluster's API did not answer: " + explain(ctx, "", err).Error() + "."
	}
}
