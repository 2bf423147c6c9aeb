package deploy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/honeydue/honeydue/internal/config"
)

// redisParameters reads `--name value` pairs of the server's command line.
func redisParameters(args []string) map[string]string {
	parameters := map[string]string{}
	for i := 1; i+1 < len(args); i += 2 {
		parameters[args[i]] = args[i+1]
	}
	return parameters
}

// S1 to S7 and S11: what production runs with is what was measured, in the manifests and in the code's
// defaults alike.
func TestManifestsHoldTheTunedValues(t *testing.T) {
	objects := render(t, production)
	settings := named[*corev1.ConfigMap](t, objects, "honeydue-").Data
	redis := redisParameters(named[*appsv1.Deployment](t, objects, "honeydue-redis").Spec.Template.Spec.Containers[0].Args)

	decisions := map[string]bool{}
	for _, tuned := range config.Tuned() {
		decisions[tuned.Decision] = true
		value, present := settings[tuned.Env]
		if tuned.Redis != "" {
			value, present = redis["--"+tuned.Redis]
		}
		if !present {
			t.Errorf("%s %s: the manifests don't set %s%s", tuned.Decision, tuned.Name, tuned.Env, tuned.Redis)
			continue
		}
		if !tuned.Holds(value) {
			t.Errorf("%s %s: the manifests have %q, internal/config has %q", tuned.Decision, tuned.Name, value, tuned.Value)
		}
	}
	for _, decision := range []string{"S1", "S2", "S4", "S5", "S6", "S7", "S11"} {
		if !decisions[decision] {
			t.Errorf("internal/config has no tuned value of decision %s", decision)
		}
	}
}

// Every setting is one that honeydue reads, with a value that it accepts: a misspelt name would be ignored.
func TestEverySettingIsReadAndValid(t *testing.T) {
	environment := config.Environ{"DB_USER": "user", "DB_PASSWORD": "password"}
	for name, value := range named[*corev1.ConfigMap](t, render(t, production), "honeydue-").Data {
		environment[name] = value
	}
	if err := config.Check(environment); err != nil {
		t.Error(err)
	}
	inForce := map[string]config.Source{}
	for _, setting := range config.Settings(environment) {
		inForce[setting.Env] = setting.Source
	}
	for name := range environment {
		if source := inForce[name]; source != config.FromEnvironment {
			t.Errorf("%s is set and not read (%q): a misspelt name, or overruled by another", name, source)
		}
	}
	database, err := config.ParseDatabase(environment)
	if err != nil {
		t.Fatal(err)
	}
	if err := database.Require(); err != nil {
		t.Errorf("serve: %v", err)
	}
	if err := database.RequireDirect(); err != nil {
		t.Errorf("migrate: %v", err)
	}
	if database.URL == database.DirectURL {
		t.Error("the pooler and the direct endpoint are the same host")
	}
}

// Redis holds nothing that has to outlive it, so it writes nothing; and its limit leaves room for what it needs
// beside the data.
func TestRedisIsACacheOnly(t *testing.T) {
	container := named[*appsv1.Deployment](t, render(t, production), "honeydue-redis").Spec.Template.Spec.Containers[0]
	parameters := redisParameters(container.Args)
	if save, ok := parameters["--save"]; !ok || save != "" {
		t.Errorf("snapshots are on: save %q", save)
	}
	if parameters["--appendonly"] != "no" {
		t.Errorf("appendonly is %q", parameters["--appendonly"])
	}
	if limit := container.Resources.Limits.Memory(); limit.Cmp(resource.MustParse("320Mi")) < 0 {
		t.Errorf("the memory limit %s leaves less than a quarter beside 256 MB of data", limit)
	}
}

// S1: migrations alone use the direct endpoint; nothing else is started with `migrate`.
func TestJobsRunTheirCommands(t *testing.T) {
	objects := render(t, production)
	for name, command := range map[string][]string{
		"honeydue-migrate": {"migrate", "up"},
		"honeydue-warmup":  {"warmup", "--target=http://honeydue"},
	} {
		job := named[*batchv1.Job](t, objects, name)
		if args := job.Spec.Template.Spec.Containers[0].Args; !slices.Equal(args, command) {
			t.Errorf("%s runs %q, want %q", name, args, command)
		}
		if job.Spec.BackoffLimit == nil || *job.Spec.BackoffLimit != 0 {
			t.Errorf("%s is tried more than once", name)
		}
	}
}

// The pod's grace period covers what a graceful stop takes: the delay in which the Service forgets the pod, the time
// that requests under way get, and a margin to close in.
func TestAPodHasTimeToDrain(t *testing.T) {
	pod := named[*appsv1.Deployment](t, render(t, production), "honeydue").Spec.Template.Spec
	flag := func(name string) time.Duration {
		for _, arg := range pod.Containers[0].Args {
			if value, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
				d, err := time.ParseDuration(value)
				if err != nil {
					t.Fatalf("%s: %v", arg, err)
				}
				return d
			}
		}
		t.Fatalf("serve is not told its --%s", name)
		return 0
	}
	const margin = 5 * time.Second
	delay, timeout := flag("drain-delay"), flag("drain-timeout")
	if delay < 3*time.Second {
		t.Errorf("a drain delay of %s is too short for the Service to forget a pod everywhere", delay)
	}
	if grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; grace < delay+timeout+margin {
		t.Errorf("terminationGracePeriodSeconds is %s; %s + %s + %s are needed", grace, delay, timeout, margin)
	}
}
