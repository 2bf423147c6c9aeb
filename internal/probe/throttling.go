package probe

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
)

// nodesAsked bounds how many kubelets are asked: the answer of each is large.
const nodesAsked = 3

// watchThrottling counts for the length of the window and until everything else is over: a kubelet counts every 10 to
// 15 s, so that the second look had better be late. Where no container has a limit of CPU there is nothing to count;
// where the kubelets may not be asked, the probe's own control group does, if it is the app's.
func (f *clusterFacts) watchThrottling(ctx context.Context, api clusterAPI, c Cluster, window time.Duration, over <-chan struct{}) {
	var nodes []string
	for _, p := range f.pods {
		if p.limitsCPU() && p.serves() && p.Spec.NodeName != "" && !slices.Contains(nodes, p.Spec.NodeName) {
			nodes = append(nodes, p.Spec.NodeName)
		}
	}
	if len(nodes) == 0 {
		return
	}
	nodes, f.nodesLeft = nodes[:min(nodesAsked, len(nodes))], nodes[min(nodesAsked, len(nodes)):]
	count := func() map[string]throttled {
		out := map[string]throttled{}
		for _, node := range nodes {
			f.requests++
			body, err := api.get(ctx, "/api/v1/nodes/"+url.PathEscape(node)+"/proxy/metrics/cadvisor")
			f.note(ctx, getMetrics, err)
			readThrottling(body, c.Namespace, out)
		}
		if len(out) == 0 {
			if own, ok := ownThrottling(c.CPUStatFile); ok {
				delete(f.unread, getMetrics)
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
	case <-time.After(time.Until(lastLook(ctx, time.Now().Add(window)))):
	}
	select {
	case <-ctx.Done():
	case <-over:
	case <-time.After(time.Until(lastLook(ctx, time.Now().Add(DefaultTimeout)))):
	}
	again := count()
	if _, own := before[""]; !own {
		delete(again, "") // the kubelets did not answer twice
	}
	f.throttledSince = maps.Clone(before)
	maps.Copy(f.throttledSince, again)
	for pod, now := range f.throttledSince {
		was, ok := before[pod]
		if !ok || now.periods < was.periods {
			was = now // it came, or was started anew, in between: nothing was counted
		}
		f.throttle = append(f.throttle, throttled{pod, now.periods - was.periods, now.throttled - was.throttled, now.seconds - was.seconds})
	}
	slices.SortFunc(f.throttle, func(a, b throttled) int { return strings.Compare(a.pod, b.pod) })
}

// readThrottling takes the app's containers out of a kubelet's metrics.
func readThrottling(body []byte, namespace string, into map[string]throttled) {
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
		t.pod = labels["pod"]
		switch m[1] {
		case "periods":
			t.periods = value
		case "throttled_periods":
			t.throttled = value
		default:
			t.seconds = value
		}
		into[t.pod] = t
	}
}

// ownThrottling reads the control group of this process.
func ownThrottling(path string) (throttled, bool) {
	if path == "" {
		return throttled{}, false
	}
	text, err := os.ReadFile(path) //nolint:gosec // cmd names it
	if err != nil {
		return throttled{}, false
	}
	var t throttled
	found := false
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, _ := strconv.ParseFloat(value, 64) // no number: 0
		switch name {
		case "nr_periods":
			t.periods, found = n, true
		case "nr_throttled":
			t.throttled = n
		case "throttled_usec":
			t.seconds = n / 1e6
		}
	}
	return t, found
}
