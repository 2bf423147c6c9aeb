package facts

import (
	"time"
)

// Why says why a part of the cluster is not known, or nothing if it is.
func (f *ClusterFacts) Why(what string) string { return f.Unread[what] }

// NoPods says why there are no pods to judge, or nothing if there are.
func (f *ClusterFacts) NoPods() string {
	if why := f.Why(ListPods); why != "" {
		return why
	}
	return IfNot(len(f.Pods) > 0, "No pod has the label app.kubernetes.io/part-of=honeydue in that namespace.")
}

// Ready tells whether the pod is, since when, and why not.
func (p PodFacts) Ready() (bool, time.Time, string) {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True", c.LastTransitionTime, c.Reason
		}
	}
	return false, p.Metadata.CreationTimestamp, p.Status.Phase
}

// ClusterFacts is what the cluster said of the app's pods.
type ClusterFacts struct {
	At      time.Time
	Pods    []PodFacts
	Scalers []ScalerFacts
	Unready map[string]int64 // by pod: failed readiness probes among the cluster's events
	// Throttle is what was counted in the window, throttledSince since each container started; nodesLeft were not asked.
	Throttle       []Throttled
	ThrottledSince map[string]Throttled
	NodesLeft      []string
	// Context is the current one of the kubectl that was asked; empty where Cluster names it, or nobody knows it.
	Context  string
	Requests int
	// Unread says why a part is not known.
	Unread map[string]string
}

// Parts of what the cluster is asked, by what a role has to allow.
const (
	ListPods    = "list pods"
	ListScalers = "list horizontalpodautoscalers.autoscaling"
	ListEvents  = "list events"
	GetMetrics  = "get nodes/proxy"
)

// PodFacts is the part of a Pod that the checks read.
type PodFacts struct {
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
		ContainerStatuses []ContainerStatus `json:"containerStatuses"`
	} `json:"status"`
}

// ContainerStatus is the part of a container's status that the checks read.
type ContainerStatus struct {
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

// LimitsCPU reports whether a container of the pod may be throttled at all.
func (p PodFacts) LimitsCPU() bool {
	for _, c := range p.Spec.Containers {
		if c.Resources.Limits["cpu"] != "" {
			return true
		}
	}
	return false
}

// App reports whether the pod is one of the server's own: Redis and the jobs are in the same namespace.
func (p PodFacts) App() bool { return p.Metadata.Labels["app.kubernetes.io/name"] == "honeydue" }

// Serves reports whether the pod is one that stays: a job's pod ends, and one that is being deleted goes.
func (p PodFacts) Serves() bool {
	return p.Status.Phase != "Succeeded" && p.Status.Phase != "Failed" && p.Metadata.DeletionTimestamp == nil
}

// ScalerFacts is the part of a HorizontalPodAutoscaler that the checks read.
type ScalerFacts struct {
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

// AtLimit reports whether it would add pods if it might.
func (s ScalerFacts) AtLimit() bool {
	for _, c := range s.Status.Conditions {
		if c.Type == "ScalingLimited" && c.Status == "True" && c.Reason == "TooManyReplicas" {
			return true
		}
	}
	return false
}

// Throttled is how many of a container's periods of CPU were cut short.
type Throttled struct {
	Pod                string
	Periods, Throttled float64
	Seconds            float64
}

// Share is the share of the periods that were cut short, from 0 to 1.
func (t Throttled) Share() float64 { return t.Throttled / max(1, t.Periods) }

// Cluster says how to ask Kubernetes about the app's pods. It is only read.
type Cluster struct {
	// URL of the API server, with TokenFile and CAFile as a pod finds them; empty: Kubectl is run.
	URL, TokenFile, CAFile string
	// Kubectl is the command, Context the cluster's name in its configuration; without one it is kubectl's current
	// context, which is looked up once, so that the remedies name the cluster that was asked.
	Kubectl []string
	Context string
	// Namespace is the app's.
	Namespace string
	// CPUStatFile is the control group's cpu.stat of this process, which is the app's where the probe runs
	// in its container; may be empty.
	CPUStatFile string
}

// NodesAsked bounds how many kubelets are asked: the answer of each is large.
const NodesAsked = 3
