// Package deploy is the manifests' test bench: it holds no code of its own.
// The tests render the overlays as kustomize does and compare them with the API server's
// schemas, with the tuned values of internal/config and with the scripts.
package deploy
