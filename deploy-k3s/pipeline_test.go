package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// workflow is the part of a workflow file that the test judges.
type workflow struct {
	Name string `json:"name"`
	Jobs map[string]struct {
		TimeoutMinutes int `json:"timeout-minutes"`
		Steps          []struct {
			Uses string `json:"uses"`
			Run  string `json:"run"`
		} `json:"steps"`
	} `json:"jobs"`
}

var (
	// A tag can be moved, a commit can't.
	pinned = regexp.MustCompile(`^[a-z-]+/[a-z-]+@[0-9a-f]{40}$`)
	target = regexp.MustCompile(`^make ([a-z-]+)$`)
)

// S15: five jobs, each of them one make target that runs on a developer's machine too.
func TestThePipelineHasFiveJobs(t *testing.T) {
	files, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var flow workflow
		if err := yaml.Unmarshal(text, &flow); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(flow.Jobs) != 1 {
			t.Errorf("%s: %d jobs, want 1", file, len(flow.Jobs))
		}
		for name, job := range flow.Jobs {
			if job.TimeoutMinutes == 0 {
				t.Errorf("%s: job %s has no timeout", file, name)
			}
			for _, step := range job.Steps {
				if step.Uses != "" && !pinned.MatchString(step.Uses) {
					t.Errorf("%s: %s is not pinned to a commit", file, step.Uses)
				}
				if step.Run == "" {
					continue
				}
				match := target.FindStringSubmatch(strings.TrimSpace(step.Run))
				if match == nil {
					t.Errorf("%s: %q is no make target", file, step.Run)
					continue
				}
				if before := called[flow.Name]; before != "" {
					t.Errorf("%s: calls make %s and make %s", file, before, match[1])
				}
				called[flow.Name] = match[1]
			}
		}
	}
	want := map[string]string{
		"Test": "test", "Contract Tests": "test-contract", "Build": "build", "Lint": "lint", "Secret Scanning": "secrets",
	}
	for name, target := range want {
		if called[name] != target {
			t.Errorf("workflow %q calls make %q, want make %q", name, called[name], target)
			continue
		}
		// -n runs nothing: it only has to know the target.
		if out, err := exec.CommandContext(t.Context(), "make", "-C", "..", "-n", target).CombinedOutput(); err != nil {
			t.Errorf("make %s: %v\n%s", target, err, out)
		}
	}
	if len(called) != len(want) {
		t.Errorf("%d workflows, want %d: %v", len(called), len(want), called)
	}
}
