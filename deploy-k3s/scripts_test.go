package deploy_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// run starts a script with kubectl replaced by a shell function's worth of text; an empty kubectl leaves none
// on PATH. It gives the exit code and both streams.
func run(t *testing.T, kubectl, script string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	// Go's test cache notices files that the test itself opened.
	for _, file := range []string{"scripts/" + script, "scripts/lib.sh"} {
		if _, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	bin := t.TempDir()
	if kubectl != "" {
		text := "#!/usr/bin/env bash\nprintf '%s\\n' \"$*\" >>" + filepath.Join(bin, "calls") + "\n" + kubectl
		if err := os.WriteFile(filepath.Join(bin, "kubectl"), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range []string{"bash", "env", "sed", "grep", "mktemp", "rm", "dirname", "cat", "sleep"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "scripts/"+script, args...)
	command.Env = []string{"PATH=" + bin, "TMPDIR=" + bin}
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("start %s: %v", script, err)
	}
	calls, err := os.ReadFile(filepath.Join(bin, "calls"))
	if err == nil {
		t.Logf("kubectl was asked:\n%s", calls)
	}
	return command.ProcessState.ExitCode(), out.String() + string(calls), errs.String()
}

// inOrder reports the first of wants that does not follow the ones before it.
func inOrder(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		_, after, found := strings.Cut(text, want)
		if !found {
			t.Fatalf("%q is missing, or not in its place, in:\n%s", want, text)
		}
		text = after
	}
}

func TestADryRunNeedsNoCluster(t *testing.T) {
	code, stdout, stderr := run(t, "", "deploy.sh", "--tag", "v1.2.3", "--dry-run")
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	inOrder(t, stdout, "step=config", "get secret honeydue", "delete job honeydue-migrate", "step=migrate", "job/honeydue-migrate",
		"step=app", "rollout status deployment/honeydue", "step=warmup", "job/honeydue-warmup")

	code, stdout, stderr = run(t, "", "rollback.sh", "--to-revision", "7", "--dry-run")
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	inOrder(t, stdout, "rollout undo deployment/honeydue --to-revision=7", "rollout status", "honeydue warmup")
}

func TestAWrongCallIsExplained(t *testing.T) {
	for _, test := range []struct {
		script string
		args   []string
		says   string
	}{
		{"deploy.sh", nil, "--tag is missing"},
		{"deploy.sh", []string{"--tag"}, "--tag needs a value"},
		{"deploy.sh", []string{"--tag", "a b"}, "is not an image tag"},
		{"deploy.sh", []string{"--tag", "v1", "--overlay", "mars"}, "no overlay 'mars'"},
		{"deploy.sh", []string{"--tag", "v1", "--timeout", "soon"}, "whole seconds"},
		{"deploy.sh", []string{"--quick"}, "unknown argument --quick"},
		{"rollback.sh", []string{"--to-revision", "last"}, "takes a number"},
		{"rollback.sh", []string{"now"}, "unknown argument now"},
	} {
		code, _, stderr := run(t, "", test.script, test.args...)
		if code != 2 || !strings.Contains(stderr, test.says) || !strings.Contains(stderr, "--help") {
			t.Errorf("%s %q: exit %d, %q; want 2 and %q", test.script, test.args, code, stderr, test.says)
		}
	}
	for _, script := range []string{"deploy.sh", "rollback.sh"} {
		code, stdout, _ := run(t, "", script, "--help")
		if code != 0 || !strings.HasPrefix(stdout, "usage: "+script) {
			t.Errorf("%s --help: exit %d, %q", script, code, stdout)
		}
	}
	if code, _, stderr := run(t, "", "deploy.sh", "--tag", "v1"); code != 1 || !strings.Contains(stderr, "kubectl is not on PATH") {
		t.Errorf("without kubectl: exit %d, %q", code, stderr)
	}
}

// The parts of a pretended cluster: each answers some calls, and the last one agrees to the rest.
const (
	renders      = `case "$*" in kustomize*) echo "image: registry.example/honeydue:set-by-deploy.sh"; exit 0 ;; esac` + "\n"
	jobsComplete = `case "$*" in *"get job"*) echo Complete; exit 0 ;; esac` + "\n"
	agrees       = "exit 0\n"
)

func TestADeploymentStopsWhereItFails(t *testing.T) {
	for _, test := range []struct {
		name, kubectl string
		code          int
		says          []string
		reaches       string
		stopsBefore   string
	}{
		{"all well", renders + jobsComplete + agrees, 0, nil, "step=warmup", ""},
		{
			"no secret", renders + `case "$*" in *"get secret"*) exit 1 ;; esac` + "\n" + agrees, 1,
			[]string{"no Secret honeydue", "secret.template.yaml"},
			"step=config", "step=migrate",
		},
		{
			"migration fails", renders + `case "$*" in *"get job"*) echo "FailureTarget Failed"; exit 0 ;; esac` + "\n" + agrees, 1,
			[]string{"migration failed", "running version is untouched"},
			"step=migrate", "step=app",
		},
		{
			"pods never ready", renders + jobsComplete + `case "$*" in *"rollout status"*) exit 1 ;; esac` + "\n" + agrees, 1,
			[]string{"old ones still serve", "Roll back with: deploy-k3s/scripts/rollback.sh"},
			"step=app", "step=warmup",
		},
		{
			"warm-up fails", renders + `case "$*" in *"get job honeydue-warmup"*) echo Failed; exit 0 ;; esac` + "\n" + jobsComplete + agrees, 1,
			[]string{"is live, but the warm-up failed", "rollback.sh"},
			"step=warmup", "",
		},
		{
			"no image to tag", `case "$*" in kustomize*) echo "image: honeydue:latest"; exit 0 ;; esac` + "\n" + agrees, 1,
			[]string{"no image with the tag"},
			"kustomize", "step=config",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, calls, stderr := run(t, test.kubectl, "deploy.sh", "--tag", "v2", "--timeout", "5")
			if code != test.code {
				t.Errorf("exit %d, want %d: %s", code, test.code, stderr)
			}
			for _, want := range test.says {
				if !strings.Contains(stderr, want) {
					t.Errorf("it does not say %q: %s", want, stderr)
				}
			}
			if !strings.Contains(calls, test.reaches) {
				t.Errorf("it never came to %s", test.reaches)
			}
			if test.stopsBefore != "" && strings.Contains(calls, test.stopsBefore) {
				t.Errorf("it went on to %s", test.stopsBefore)
			}
		})
	}
}

func TestARollBackThatIsRefusedSaysSo(t *testing.T) {
	code, calls, stderr := run(t, `case "$*" in *"rollout undo"*) exit 1 ;; esac`+"\nexit 0\n", "rollback.sh")
	if code != 1 || !strings.Contains(stderr, "rollout history") || strings.Contains(calls, "exec") {
		t.Errorf("exit %d, %q, calls %q", code, stderr, calls)
	}
}

// Each object belongs to exactly one step of deploy.sh, or it would never be applied.
func TestEveryObjectHasAStep(t *testing.T) {
	script, err := os.ReadFile("scripts/deploy.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range render(t, production) {
		step := accessor(t, object).GetLabels()["honeydue.app/step"]
		name := accessor(t, object).GetName()
		if step == "" {
			t.Errorf("%T %s has no label honeydue.app/step", object, name)
			continue
		}
		if !strings.Contains(string(script), "apply "+step) && !strings.Contains(string(script), "run_job "+step) {
			t.Errorf("%T %s belongs to step %q, which deploy.sh does not have", object, name, step)
		}
	}
}

// deploy.sh puts the tag where the overlay says so: in every container of honeydue's own image.
func TestTheTagReachesEveryContainerOfOurs(t *testing.T) {
	objects := render(t, production)
	image := named[*appsv1.Deployment](t, objects, "honeydue").Spec.Template.Spec.Containers[0].Image
	if !strings.HasSuffix(image, ":set-by-deploy.sh") {
		t.Fatalf("the image is %s", image)
	}
	for owner, pod := range pods(t, objects) {
		if got := pod.Spec.Containers[0].Image; owner != "honeydue-redis" && got != image {
			t.Errorf("%s runs %s, the Deployment %s", owner, got, image)
		}
	}
}
