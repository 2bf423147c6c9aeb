package deploy_test

import (
	"bytes"
	"os"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

// TestTheProbesRoleOnlyLists: it can be bound, and it allows to list three kinds of objects and nothing else.
// internal/probe names the same rights where one is missing.
func TestTheProbesRoleOnlyLists(t *testing.T) {
	text, err := os.ReadFile("probe-role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, rbacv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decode := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var account *corev1.ServiceAccount
	var role *rbacv1.Role
	var binding *rbacv1.RoleBinding
	for _, part := range bytes.Split(text, []byte("\n---\n")) {
		object, _, err := decode.Decode(part, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		switch o := object.(type) {
		case *corev1.ServiceAccount:
			account = o
		case *rbacv1.Role:
			role = o
		case *rbacv1.RoleBinding:
			binding = o
		default:
			t.Errorf("there is a %T", o)
		}
	}
	if account == nil || role == nil || binding == nil {
		t.Fatal("an account, a role or its binding is missing")
	}
	if binding.RoleRef.Name != role.Name || len(binding.Subjects) != 1 || binding.Subjects[0].Name != account.Name {
		t.Errorf("the role is bound to %+v as %s", binding.Subjects, binding.RoleRef.Name)
	}
	var resources []string
	for _, r := range role.Rules {
		if !slices.Equal(r.Verbs, []string{"list"}) {
			t.Errorf("it may %v %v", r.Verbs, r.Resources)
		}
		resources = append(resources, r.Resources...)
	}
	if want := []string{"pods", "events", "horizontalpodautoscalers"}; !slices.Equal(resources, want) {
		t.Errorf("it may list %v, want %v", resources, want)
	}
}
