// Package kube asks a cluster about the app's pods, by the API server of the pod that the probe runs in or by kubectl.
package kube
