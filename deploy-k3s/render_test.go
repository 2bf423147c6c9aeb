package deploy_test

import (
	"os"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// folders are the kustomizations that deploy.sh or a person may render.
var folders = []string{"base", "overlays/production"}

const production = "overlays/production"

// decoder refuses a field that the API server does not know, and a kind that honeydue does not use.
func decoder() runtime.Decoder {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// render builds a kustomization as `kubectl kustomize` does and decodes every object strictly.
func render(t *testing.T, folder string) []runtime.Object {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatalf("render %s: %v", folder, err)
	}
	var objects []runtime.Object
	for _, resource := range resources.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatalf("print %s: %v", resource.CurId(), err)
		}
		object, _, err := decoder().Decode(text, nil, nil)
		if err != nil {
			t.Fatalf("%s: decode %s: %v\n%s", folder, resource.CurId(), err, text)
		}
		objects = append(objects, object)
	}
	return objects
}

// named finds the object of a type by its name; a name that ends in "-" stands for a generated one, whose
// end is a hash.
func named[T runtime.Object](t *testing.T, objects []runtime.Object, name string) T {
	t.Helper()
	for _, object := range objects {
		typed, ok := object.(T)
		if !ok {
			continue
		}
		is := accessor(t, object).GetName()
		if is == name || strings.HasSuffix(name, "-") && strings.HasPrefix(is, name) {
			return typed
		}
	}
	var none T
	t.Fatalf("no %T named %s", none, name)
	return none
}

func accessor(t *testing.T, object runtime.Object) metav1Object {
	t.Helper()
	found, err := meta.Accessor(object)
	if err != nil {
		t.Fatalf("%T has no metadata: %v", object, err)
	}
	return found
}

// metav1Object is the part of an object's metadata that the tests read.
type metav1Object interface {
	GetName() string
	GetNamespace() string
	GetLabels() map[string]string
}

// pods gives every pod template of the objects by its owner's name.
func pods(t *testing.T, objects []runtime.Object) map[string]corev1.PodTemplateSpec {
	t.Helper()
	templates := map[string]corev1.PodTemplateSpec{}
	for _, object := range objects {
		name := accessor(t, object).GetName()
		switch typed := object.(type) {
		case *appsv1.Deployment:
			templates[name] = typed.Spec.Template
		case *batchv1.Job:
			templates[name] = typed.Spec.Template
		}
	}
	return templates
}

func TestEveryObjectDecodesStrictly(t *testing.T) {
	for _, folder := range folders {
		t.Run(folder, func(t *testing.T) {
			objects := render(t, folder)
			named[*appsv1.Deployment](t, objects, "honeydue")
			named[*appsv1.Deployment](t, objects, "honeydue-redis")
			named[*batchv1.Job](t, objects, "honeydue-migrate")
			named[*batchv1.Job](t, objects, "honeydue-warmup")
			named[*corev1.ConfigMap](t, objects, "honeydue-")
			named[*corev1.Service](t, objects, "honeydue")
			named[*corev1.Service](t, objects, "honeydue-redis")
			named[*networkingv1.Ingress](t, objects, "honeydue")
			named[*networkingv1.NetworkPolicy](t, objects, "honeydue-redis")
			named[*policyv1.PodDisruptionBudget](t, objects, "honeydue")
		})
	}
}

func TestAnUnknownFieldIsRefused(t *testing.T) {
	text, err := os.ReadFile("base/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := decoder().Decode(text, nil, nil); err != nil {
		t.Fatalf("the Deployment as it is: %v", err)
	}
	wrong := strings.Replace(string(text), "readinessProbe:", "readynessProbe:", 1)
	if _, _, err := decoder().Decode([]byte(wrong), nil, nil); err == nil || !strings.Contains(err.Error(), "readynessProbe") {
		t.Fatalf("a misspelt field was taken: %v", err)
	}
}

func TestTheSecretTemplateHoldsEveryNameAndNoValue(t *testing.T) {
	text, err := os.ReadFile("secret.template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	object, _, err := decoder().Decode(text, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	secret, ok := object.(*corev1.Secret)
	if !ok {
		t.Fatalf("it is a %T", object)
	}
	for _, key := range []string{"DB_USER", "DB_PASSWORD"} {
		if value, ok := secret.StringData[key]; !ok || value != "" {
			t.Errorf("%s: present %t, value of %d characters; want present and empty", key, ok, len(value))
		}
	}
}

func TestNoRenderedObjectIsASecret(t *testing.T) {
	for _, object := range render(t, production) {
		if _, ok := object.(*corev1.Secret); ok {
			t.Errorf("%s is a Secret: secrets are applied by hand, never from the repository", accessor(t, object).GetName())
		}
	}
}

func TestWhatPodsReferToExists(t *testing.T) {
	objects := render(t, production)
	config := named[*corev1.ConfigMap](t, objects, "honeydue-").Name
	for owner, pod := range pods(t, objects) {
		for _, container := range pod.Spec.Containers {
			for _, from := range container.EnvFrom {
				if from.ConfigMapRef != nil && from.ConfigMapRef.Name != config {
					t.Errorf("%s reads ConfigMap %s; rendered is %s", owner, from.ConfigMapRef.Name, config)
				}
				if from.SecretRef != nil && from.SecretRef.Name != "honeydue" {
					t.Errorf("%s reads Secret %s; the template is named honeydue", owner, from.SecretRef.Name)
				}
			}
		}
	}

	// A selector that matches no pod is valid to the API server and useless to everybody else.
	selects := func(what string, selector map[string]string) {
		for _, pod := range pods(t, objects) {
			matches := true
			for key, value := range selector {
				matches = matches && pod.Labels[key] == value
			}
			if matches {
				return
			}
		}
		t.Errorf("%s selects %v: no pod has these labels", what, selector)
	}
	for _, object := range objects {
		name := accessor(t, object).GetName()
		switch typed := object.(type) {
		case *corev1.Service:
			selects("Service "+name, typed.Spec.Selector)
		case *policyv1.PodDisruptionBudget:
			selects("PodDisruptionBudget "+name, typed.Spec.Selector.MatchLabels)
		case *networkingv1.NetworkPolicy:
			selects("NetworkPolicy "+name, typed.Spec.PodSelector.MatchLabels)
		}
	}
}

func TestPodsHaveNoMoreRightsThanTheyNeed(t *testing.T) {
	for _, folder := range folders {
		for owner, pod := range pods(t, render(t, folder)) {
			t.Run(folder+"/"+owner, func(t *testing.T) {
				spec := pod.Spec
				if spec.SecurityContext == nil || spec.SecurityContext.RunAsNonRoot == nil || !*spec.SecurityContext.RunAsNonRoot {
					t.Error("runs as root")
				}
				if spec.SecurityContext == nil || spec.SecurityContext.SeccompProfile == nil ||
					spec.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
					t.Error("has no seccomp profile")
				}
				if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
					t.Error("holds a token of the cluster's API")
				}
				for _, container := range spec.Containers {
					rights := container.SecurityContext
					switch {
					case rights == nil:
						t.Errorf("%s: no security context", container.Name)
					case rights.ReadOnlyRootFilesystem == nil || !*rights.ReadOnlyRootFilesystem:
						t.Errorf("%s: its root file system can be written", container.Name)
					case rights.AllowPrivilegeEscalation == nil || *rights.AllowPrivilegeEscalation:
						t.Errorf("%s: may gain privileges", container.Name)
					case rights.Capabilities == nil || len(rights.Capabilities.Drop) != 1 || rights.Capabilities.Drop[0] != "ALL":
						t.Errorf("%s: keeps capabilities", container.Name)
					}
					if container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() {
						t.Errorf("%s: no memory limit or no CPU request", container.Name)
					}
				}
			})
		}
	}
}

func TestProbesAskTheServersOwnPaths(t *testing.T) {
	container := named[*appsv1.Deployment](t, render(t, production), "honeydue").Spec.Template.Spec.Containers[0]
	for path, probe := range map[string]*corev1.Probe{
		"/startupz": container.StartupProbe, "/readyz": container.ReadinessProbe, "/livez": container.LivenessProbe,
	} {
		switch {
		case probe == nil || probe.HTTPGet == nil:
			t.Errorf("no probe asks %s", path)
		case probe.HTTPGet.Path != path || probe.HTTPGet.Port.StrVal != "http":
			t.Errorf("the probe asks %s on %s, want %s on http", probe.HTTPGet.Path, probe.HTTPGet.Port.String(), path)
		}
	}
}
