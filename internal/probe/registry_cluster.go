package probe

// clusterChecks are about the app's pods in Kubernetes.
func clusterChecks() []check {
	asked := []part{askedCluster}
	return []check{
		{
			code: "HD-K01", title: "Pod restarts: containers crashed or were killed", severity: Warning,
			needs: asked, run: podRestarts,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --previous --tail=50   # the log of the previous container",
		},
		{
			code: "HD-K02", title: "CPU throttling: pods hit their CPU limit", severity: Warning,
			needs: asked, run: podThrottling,
			remedy: `kubectl -n honeydue patch deployment/honeydue --type json -p '[{"op":"remove","path":"/spec/template/spec/containers/0/resources/limits/cpu"}]'   # a CPU request is enough; make the same change in deploy-k3s/base/deployment.yaml`,
		},
		{
			code: "HD-K03", title: "Pods not ready: readiness fails or flaps", severity: Warning,
			needs: asked, run: podReadiness,
			remedy: "kubectl -n honeydue describe pods -l app.kubernetes.io/part-of=honeydue | grep -A8 -E '^Conditions|^Events'",
		},
		{
			code: "HD-K04", title: "Autoscaler at maxReplicas: no more pods can be added", severity: Warning,
			needs: asked, run: scalerLimit,
		},
	}
}
