package probe_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// clusterFaults are told by a server with the form of the cluster's API; its objects are of Kubernetes' own
// types.
func clusterFaults() []fault {
	of := func(break_ func(*fakeCluster)) func(*testing.T, *bed) {
		return func(t *testing.T, b *bed) {
			k := newFakeCluster()
			break_(k)
			b.config.Cluster = k.start(t)
		}
	}
	return []fault{
		{
			name: "a pod was killed for its memory", code: "HD-K01", evidence: "OOMKilled, exit code 137", short: true,
			inject: of(func(k *fakeCluster) {
				k.pods[0].Status.ContainerStatuses[0].RestartCount = 3
				k.pods[0].Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
					Reason: "OOMKilled", ExitCode: 137, FinishedAt: metav1.NewTime(time.Now().Add(-2 * time.Minute)),
				}
			}),
		},
		{
			name: "pods are throttled", code: "HD-K02", evidence: "in 40 of 100 periods of 100 ms (40%)",
			inject: of(func(k *fakeCluster) {
				for i := range k.pods {
					k.pods[i].Spec.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("200m")}
				}
				k.throttledShare = 0.4
			}),
		},
		{
			name: "a pod goes in and out of service", code: "HD-K03", evidence: "failed 5 readiness probes",
			inject: of(func(k *fakeCluster) {
				k.events = append(k.events, corev1.Event{
					InvolvedObject: corev1.ObjectReference{Name: k.pods[1].Name}, Reason: "Unhealthy", Count: 5,
					Message: "Readiness probe failed: HTTP probe failed with statuscode: 503", LastTimestamp: metav1.NewTime(time.Now().Add(-time.Minute)),
				})
			}),
		},
		{
			name: "the autoscaler is at its limit", code: "HD-K04", evidence: "runs 4 pods, its maximum (maxReplicas 4)",
			inject: of(func(k *fakeCluster) {
				k.scalers = append(k.scalers, autoscalingv2.HorizontalPodAutoscaler{
					ObjectMeta: metav1.ObjectMeta{Name: "honeydue"}, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 4},
					Status: autoscalingv2.HorizontalPodAutoscalerStatus{CurrentReplicas: 4, DesiredReplicas: 4, Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{
						{Type: autoscalingv2.ScalingLimited, Status: corev1.ConditionTrue, Reason: "TooManyReplicas"},
					}},
				})
			}),
		},
	}
}

const clusterToken = "canary-service-account-token"

// fakeCluster is a healthy app of two pods until somebody breaks it.
type fakeCluster struct {
	pods           []corev1.Pod
	scalers        []autoscalingv2.HorizontalPodAutoscaler
	events         []corev1.Event
	throttledShare float64
	forbidden      string // a part of the path

	mu      sync.Mutex
	periods float64
	asked   []string
}

func newFakeCluster() *fakeCluster {
	k := &fakeCluster{}
	for i := range 2 {
		k.pods = append(k.pods, corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("honeydue-7d9f8-%d", i), Labels: map[string]string{"app.kubernetes.io/name": "honeydue"}, CreationTimestamp: metav1.NewTime(time.Now().Add(-time.Hour))},
			Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "honeydue"}}},
			Status: corev1.PodStatus{
				Phase:             corev1.PodRunning,
				Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(time.Now().Add(-time.Hour))}},
				ContainerStatuses: []corev1.ContainerStatus{{Name: "honeydue", Ready: true}},
			},
		})
	}
	return k
}

func (k *fakeCluster) answer(path string) (int, []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, path)
	list := func(items any) (int, []byte) {
		text, err := json.Marshal(map[string]any{"items": items})
		if err != nil {
			return http.StatusInternalServerError, nil
		}
		return http.StatusOK, text
	}
	switch {
	case k.forbidden != "" && strings.Contains(path, k.forbidden):
		return http.StatusForbidden, []byte(`{"kind":"Status","reason":"Forbidden"}`)
	case strings.HasPrefix(path, "/api/v1/namespaces/honeydue/pods"):
		return list(k.pods)
	case strings.HasPrefix(path, "/apis/autoscaling/v2/namespaces/honeydue/horizontalpodautoscalers"):
		return list(k.scalers)
	case strings.HasPrefix(path, "/api/v1/namespaces/honeydue/events"):
		return list(k.events)
	case path == "/api/v1/nodes/node-1/proxy/metrics/cadvisor":
		k.periods += 100
		var out strings.Builder
		for _, p := range k.pods {
			labels := fmt.Sprintf(`{container="honeydue",id="/kubepods",namespace="honeydue",pod=%q}`, p.Name)
			fmt.Fprintf(&out, "container_cpu_cfs_periods_total%s %g 1732752000000\n", labels, k.periods)
			fmt.Fprintf(&out, "container_cpu_cfs_throttled_periods_total%s %g 1732752000000\n", labels, k.periods*k.throttledShare)
			fmt.Fprintf(&out, "container_cpu_cfs_throttled_seconds_total%s %g 1732752000000\n", labels, k.periods*k.throttledShare*0.05)
		}
		return http.StatusOK, []byte(out.String())
	}
	return http.StatusNotFound, nil
}

// start serves it as a pod finds it.
func (k *fakeCluster) start(t *testing.T) *facts.Cluster {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.Header.Get("Authorization") != "Bearer "+clusterToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		code, body := k.answer(r.URL.RequestURI())
		w.WriteHeader(code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	c := &facts.Cluster{URL: s.URL, TokenFile: filepath.Join(dir, "token"), CAFile: filepath.Join(dir, "ca.crt"), Namespace: "honeydue"}
	must(t, os.WriteFile(c.TokenFile, []byte(clusterToken+"\n"), 0o600))
	must(t, os.WriteFile(c.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	return c
}

// alone is a probe of the cluster and of nothing else.
func alone(c *facts.Cluster) facts.Config {
	return facts.Config{Cluster: c, Window: 50 * time.Millisecond}
}

func clusterChecks() []string { return []string{"HD-K01", "HD-K02", "HD-K03", "HD-K04"} }

func TestHealthyCluster(t *testing.T) {
	k := newFakeCluster()
	r := run(t, alone(k.start(t)))
	if len(r.Findings) != 0 {
		t.Errorf("it finds %+v", r.Findings)
	}
	for _, code := range clusterChecks() {
		if got := checkOf(t, r, code); got.Status != facts.Pass {
			t.Errorf("%s is %s: %s", code, got.Status, got.Why)
		}
	}
	if r.Cluster == nil || len(r.Cluster.Pods) != 2 || r.Cost.ClusterRequests != len(k.asked) {
		t.Errorf("the pods are %+v; %d requests are billed, %d were made", r.Cluster, r.Cost.ClusterRequests, len(k.asked))
	}
}

// TestRedisOutOfMemory: a Redis that was killed for its memory is not mended by the app's settings.
func TestRedisOutOfMemory(t *testing.T) {
	k := newFakeCluster()
	k.pods[0].Name = "honeydue-redis-5c9d7-x"
	k.pods[0].Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
		Reason: "OOMKilled", ExitCode: 137, FinishedAt: metav1.NewTime(time.Now().Add(-2 * time.Minute)),
	}
	contains(t, first(t, run(t, alone(k.start(t))), "HD-K01").Remedy, "deploy-k3s/base/redis.yaml")
}

// TestForbiddenIsUnknown: what a role does not allow is named, and is no pass.
func TestForbiddenIsUnknown(t *testing.T) {
	for part, want := range map[string]struct{ code, why string }{
		"/pods":       {"HD-K01", "permission to list pods"},
		"/events":     {"HD-K03", "permission to list events"},
		"autoscalers": {"HD-K04", "permission to list horizontalpodautoscalers.autoscaling"},
		"/nodes/":     {"HD-K02", "permission to get nodes/proxy"},
	} {
		k := newFakeCluster()
		k.forbidden = part
		k.pods[0].Spec.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("1")}
		r := run(t, alone(k.start(t)))
		got := checkOf(t, r, want.code)
		if got.Status != facts.Unknown {
			t.Errorf("%s forbidden: %s is %s", part, want.code, got.Status)
		}
		contains(t, got.Why, want.why)
	}
}

func TestTheClusterCannotBeAsked(t *testing.T) {
	c := newFakeCluster().start(t)
	none := *c
	none.TokenFile = filepath.Join(t.TempDir(), "none")
	wrong := *c
	wrong.TokenFile = filepath.Join(t.TempDir(), "wrong")
	must(t, os.WriteFile(wrong.TokenFile, []byte("canary-wrong-password"), 0o600))
	gone := *c
	gone.URL = "https://127.0.0.1:1"
	for name, c := range map[string]*facts.Cluster{"no token": &none, "a wrong token": &wrong, "nobody there": &gone} {
		r := run(t, alone(c))
		for _, code := range clusterChecks() {
			if got := checkOf(t, r, code); got.Status != facts.Unknown || strings.Contains(got.Why, "canary") {
				t.Errorf("%s: %s is %s: %s", name, code, got.Status, got.Why)
			}
		}
	}
}

// TestOwnControlGroup: where the kubelets may not be asked, the probe's own container does.
func TestOwnControlGroup(t *testing.T) {
	k := newFakeCluster()
	k.forbidden = "/nodes/"
	k.pods[0].Spec.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("1")}
	c := k.start(t)
	c.CPUStatFile = filepath.Join(t.TempDir(), "cpu.stat")
	must(t, os.WriteFile(c.CPUStatFile, []byte("usage_usec 12\nnr_periods 100\nnr_throttled 60\nthrottled_usec 3000000\n"), 0o600))
	if got := checkOf(t, run(t, alone(c)), "HD-K02"); got.Status != facts.Unknown || !strings.Contains(got.Why, "No CPU period") {
		t.Errorf("its counters stand still, and it is %s: %s", got.Status, got.Why)
	}
	must(t, os.WriteFile(c.CPUStatFile, []byte("usage_usec 12\nnr_periods 1000\nnr_throttled 600\nthrottled_usec 30000000\n"), 0o600))
	if got := checkOf(t, run(t, alone(c)), "HD-K02"); got.Status != facts.Warn || !strings.Contains(got.Why, "The container of this probe was throttled in 600 of 1000 periods") {
		t.Errorf("it has been throttled for most of its life, and is %s: %s", got.Status, got.Why)
	}
}

// TestKubectl asks by a command, as from an engineer's machine.
func TestKubectl(t *testing.T) {
	k := newFakeCluster()
	k.forbidden = "/events"
	dir := t.TempDir()
	paths := map[string]string{
		"pods":   "/api/v1/namespaces/honeydue/pods?labelSelector=app.kubernetes.io%2Fpart-of%3Dhoneydue",
		"hpa":    "/apis/autoscaling/v2/namespaces/honeydue/horizontalpodautoscalers",
		"events": "/api/v1/namespaces/honeydue/events?fieldSelector=reason%3DUnhealthy",
	}
	script := "#!/bin/sh\n[ \"$1 $2 $3\" = '--context prod get' ] || exit 2\ncase \"$5\" in\n"
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		code, body := k.answer(paths[name])
		if code != http.StatusOK {
			script += fmt.Sprintf("'%s') echo 'Error from server (Forbidden): events is forbidden: User \"canary.user@secret.example\" cannot list' >&2; exit 1;;\n", paths[name])
			continue
		}
		must(t, os.WriteFile(filepath.Join(dir, name), body, 0o600))
		script += fmt.Sprintf("'%s') cat %s;;\n", paths[name], filepath.Join(dir, name))
	}
	script += "*) exit 3;;\nesac\n"
	must(t, os.WriteFile(filepath.Join(dir, "kubectl"), []byte(script), 0o700))
	r := run(t, alone(&facts.Cluster{Kubectl: []string{filepath.Join(dir, "kubectl")}, Context: "prod", Namespace: "honeydue"}))
	for code, want := range map[string]facts.Status{"HD-K01": facts.Pass, "HD-K02": facts.Pass, "HD-K03": facts.Unknown, "HD-K04": facts.Pass} {
		got := checkOf(t, r, code)
		if got.Status != want || strings.Contains(got.Why, "canary") {
			t.Errorf("%s is %s, want %s: %s", code, got.Status, want, got.Why)
		}
	}
	contains(t, checkOf(t, r, "HD-K03").Why, "permission to list events")
}
