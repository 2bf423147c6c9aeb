package check

import (
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// clusterChecks are about the app's pods in Kubernetes.
func clusterChecks() []Check {
	asked := []facts.Part{facts.AskedCluster}
	return []Check{
		{
			Code: "HD-K01", title: "Pod restarts: containers crashed or were killed", severity: facts.Warning,
			Needs: asked, run: podRestarts,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --previous --tail=50   # the log of the previous container",
		},
		{
			Code: "HD-K02", title: "CPU throttling: pods hit their CPU limit", severity: facts.Warning,
			Needs: asked, run: PodThrottling,
			remedy: `kubectl -n honeydue patch deployment/honeydue --type json -p '[{"op":"remove","path":"/spec/template/spec/containers/0/resources/limits/cpu"}]'   # a CPU request is enough; make the same change in deploy-k3s/base/deployment.yaml`,
		},
		{
			Code: "HD-K03", title: "Pods not ready: readiness fails or flaps", severity: facts.Warning,
			Needs: asked, run: podReadiness,
			remedy: "kubectl -n honeydue describe pods -l app.kubernetes.io/part-of=honeydue | grep -A8 -E '^Conditions|^Events'",
		},
		{
			Code: "HD-K04", title: "Autoscaler at maxReplicas: no more pods can be added", severity: facts.Warning,
			Needs: asked, run: scalerLimit,
		},
	}
}
