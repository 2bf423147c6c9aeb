package probecmd

import (
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Where Kubernetes puts what a pod needs to ask its API, and its own control group.
const (
	serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"
	cpuStatFile       = "/sys/fs/cgroup/cpu.stat"
	appNamespace      = "honeydue" // deploy-k3s/overlays/production
)

// inCluster tells a pod, with or without a service account: the kubelet gives every container this variable.
func (a command) inCluster() bool { return a.Env["KUBERNETES_SERVICE_HOST"] != "" }

// cluster says how probe may ask Kubernetes: by kubectl if a flag asks for it, in a pod by its service
// account if it has one, otherwise not at all.
func (o *probeOptions) cluster(a command) *facts.Cluster {
	if o.kubeContext != "" || o.kubeNamespace != "" {
		c := &facts.Cluster{Kubectl: []string{"kubectl"}, Context: o.kubeContext, Namespace: appNamespace}
		if o.kubeNamespace != "" {
			c.Namespace = o.kubeNamespace
		}
		return c
	}
	host, port := a.Env["KUBERNETES_SERVICE_HOST"], a.Env["KUBERNETES_SERVICE_PORT"]
	namespace, err := os.ReadFile(filepath.Join(serviceAccountDir, "namespace"))
	if !a.inCluster() || port == "" || err != nil {
		return nil
	}
	return &facts.Cluster{
		URL: "https://" + net.JoinHostPort(host, port), Namespace: strings.TrimSpace(string(namespace)),
		TokenFile: filepath.Join(serviceAccountDir, "token"), CAFile: filepath.Join(serviceAccountDir, "ca.crt"),
		CPUStatFile: cpuStatFile,
	}
}
