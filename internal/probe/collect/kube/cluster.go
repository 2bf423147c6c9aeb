package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// ReadCluster asks for the app's pods, autoscalers and events, and for how long its containers were throttled until over is closed or the window is.
func ReadCluster(ctx context.Context, c facts.Cluster, window time.Duration, over <-chan struct{}) *facts.ClusterFacts {
	f := &facts.ClusterFacts{At: time.Now(), Unread: map[string]string{}, Unready: map[string]int64{}}
	api, err := openAPI(c)
	if err != nil {
		for _, what := range []string{facts.ListPods, facts.ListScalers, facts.ListEvents, facts.GetMetrics} {
			f.Unread[what] = "The cluster's API did not answer: " + err.Error() + "."
		}
		return f
	}
	if k, ok := api.(kubectl); ok && c.Context == "" {
		f.Context = k.current(ctx)
	}
	space := "/namespaces/" + url.PathEscape(c.Namespace)
	f.Pods = list[facts.PodFacts](ctx, f, api, facts.ListPods, "/api/v1"+space+"/pods?labelSelector="+url.QueryEscape("app.kubernetes.io/part-of=honeydue"))
	f.Scalers = list[facts.ScalerFacts](ctx, f, api, facts.ListScalers, "/apis/autoscaling/v2"+space+"/horizontalpodautoscalers")
	for _, e := range list[eventFacts](ctx, f, api, facts.ListEvents, "/api/v1"+space+"/events?fieldSelector="+url.QueryEscape("reason=Unhealthy")) {
		if f.At.Sub(e.when()) < facts.Recent && strings.HasPrefix(e.Message, "Readiness probe failed") {
			f.Unready[e.InvolvedObject.Name] += max(1, e.Count)
		}
	}
	watchThrottling(ctx, f, api, c, window, over)
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
func list[T any](ctx context.Context, f *facts.ClusterFacts, api clusterAPI, what, path string) []T {
	f.Requests++
	body, err := api.get(ctx, path)
	var out struct {
		Items []T `json:"items"`
	}
	if err == nil {
		err = json.Unmarshal(body, &out)
	}
	noteUnread(ctx, f, what, err)
	return out.Items
}

func noteUnread(ctx context.Context, f *facts.ClusterFacts, what string, err error) {
	switch {
	case err == nil:
	case errors.Is(err, errForbidden) && what == facts.GetMetrics:
		f.Unread[what] = "Forbidden by the cluster: it needs permission to " + what + ", which no service account should have; use your own account with --kube-context."
	case errors.Is(err, errForbidden):
		f.Unread[what] = fmt.Sprintf("Forbidden by the cluster: it needs permission to %s (deploy-k3s/probe-role.yaml).", what)
	case errors.Is(err, errNotFound):
		f.Unread[what] = fmt.Sprintf("The cluster's API does not support it: %s.", what)
	case errors.Is(err, errUnauthorized):
		f.Unread[what] = "The cluster's API rejected the token or the user."
	default:
		f.Unread[what] = "The cluster's API did not answer: " + dial.Explain(ctx, "", err).Error() + "."
	}
}
