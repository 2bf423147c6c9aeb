package kube

import (
	"bufio"
	"bytes"
	"context"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// watchThrottling counts for the length of the window and until everything else is over: a kubelet counts every 10 to
// 15 s, so that the second look had better be late. Where no container has a limit of CPU there is nothing to count;
// where the kubelets may not be asked, the probe's own control group does, if it is the app's.
func watchThrottling(ctx context.Context, f *facts.ClusterFacts, api clusterAPI, c facts.Cluster, window time.Duration, over <-chan struct{}) {
	var nodes []string
	for _, p := range f.Pods {
		if p.LimitsCPU() && p.Serves() && p.Spec.NodeName != "" && !slices.Contains(nodes, p.Spec.NodeName) {
			nodes = append(nodes, p.Spec.NodeName)
		}
	}
	if len(nodes) == 0 {
		return
	}
	nodes, f.NodesLeft = nodes[:min(facts.NodesAsked, len(nodes))], nodes[min(facts.NodesAsked, len(nodes)):]
	count := func() map[string]facts.Throttled {
		out := map[string]facts.Throttled{}
		for _, node := range nodes {
			f.Requests++
			body, err := api.get(ctx, "/api/v1/nodes/"+url.PathEscape(node)+"/proxy/metrics/cadvisor")
			noteUnread(ctx, f, facts.GetMetrics, err)
			readThrottling(body, c.Namespace, out)
		}
		if len(out) == 0 {
			if own, ok := ownThrottling(c.CPUStatFile); ok {
				delete(f.Unread, facts.GetMetrics)
				out[""] = own
			}
		}
		return out
	}
	before := count()
	if len(before) == 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(dial.LastLook(ctx, time.Now().Add(window)))):
	}
	select {
	case <-ctx.Done():
	case <-over:
	case <-time.After(time.Until(dial.LastLook(ctx, time.Now().Add(facts.DefaultTimeout)))):
	}
	again := count()
	if _, own := before[""]; !own {
		delete(again, "") // the kubelets did not answer twice
	}
	f.ThrottledSince = maps.Clone(before)
	maps.Copy(f.ThrottledSince, again)
	for pod, now := range f.ThrottledSince {
		was, ok := before[pod]
		if !ok || now.Periods < was.Periods {
			was = now // it came, or was started anew, in between: nothing was counted
		}
		f.Throttle = append(f.Throttle, facts.Throttled{Pod: pod, Periods: now.Periods - was.Periods, Throttled: now.Throttled - was.Throttled, Seconds: now.Seconds - was.Seconds})
	}
	slices.SortFunc(f.Throttle, func(a, b facts.Throttled) int { return strings.Compare(a.Pod, b.Pod) })
}

// readThrottling takes the app's containers out of a kubelet's metrics.
func readThrottling(body []byte, namespace string, into map[string]facts.Throttled) {
	line := regexp.MustCompile(`^container_cpu_cfs_(periods|throttled_periods|throttled_seconds)_total\{([^}]*)\} ([0-9.e+]+)`)
	label := regexp.MustCompile(`(container|namespace|pod)="([^"]*)"`)
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := line.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		labels := map[string]string{}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			labels[l[1]] = l[2]
		}
		if labels["container"] != "honeydue" || labels["namespace"] != namespace {
			continue
		}
		value, _ := strconv.ParseFloat(m[3], 64) // the expression lets numbers through only
		t := into[labels["pod"]]
		t.Pod = labels["pod"]
		switch m[1] {
		case "periods":
			t.Periods = value
		case "throttled_periods":
			t.Throttled = value
		default:
			t.Seconds = value
		}
		into[t.Pod] = t
	}
}

// ownThrottling reads the control group of this process.
func ownThrottling(path string) (facts.Throttled, bool) {
	if path == "" {
		return facts.Throttled{}, false
	}
	text, err := os.ReadFile(path) //nolint:gosec // cmd names it
	if err != nil {
		return facts.Throttled{}, false
	}
	var t facts.Throttled
	found := false
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, _ := strconv.ParseFloat(value, 64) // no number: 0
		switch name {
		case "nr_periods":
			t.Periods, found = n, true
		case "nr_throttled":
			t.Throttled = n
		case "throttled_usec":
			t.Seconds = n / 1e6
		}
	}
	return t, found
}
