package probecmd

import (
	"maps"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/probe"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestEverySettingThatDriftsIsFound lets one tuned variable after the other have its value of before the decision, or
// another one; it must be the probe's first and only finding.
func TestEverySettingThatDriftsIsFound(t *testing.T) {
	healthy := config.Environ{}
	drifts := 0
	for _, tuned := range config.Tuned() {
		if tuned.Env == "" || tuned.Kind == config.KindHost {
			continue // Redis' own are asked of Redis; the endpoint is proved by process ids
		}
		drifts++
		t.Run(tuned.Env, func(t *testing.T) {
			other := map[config.Kind]string{config.KindCount: "3", config.KindDuration: "7s", config.KindWord: "other"}[tuned.Kind]
			if tuned.Was != "" {
				other = tuned.Was
			}
			env := maps.Clone(healthy)
			env[tuned.Env] = other
			// A probe needs something to ask; what is not there is left out of the judgement.
			r, err := probe.Run(t.Context(), facts.Config{TargetURL: "http://127.0.0.1:1", Settings: tunedSettings(env), Only: []string{"HD-C01"}})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Findings) != 1 || r.Findings[0].Code != "HD-C01" || !strings.HasPrefix(r.Findings[0].Evidence, tuned.Env+" is "+other+";") {
				t.Errorf("with %s=%s it finds %+v", tuned.Env, other, r.Findings)
			}
			if len(r.Findings) == 1 && !strings.Contains(r.Findings[0].Remedy, tuned.Env+"="+tuned.Value) {
				t.Errorf("the remedy %q does not set %s", r.Findings[0].Remedy, tuned.Value)
			}
		})
	}
	if drifts < 7 {
		t.Errorf("only %d settings drifted", drifts)
	}
	for _, s := range tunedSettings(healthy) {
		if s.Drifted {
			t.Errorf("without a word in the environment %s has drifted to %s", s.Name, s.Value)
		}
	}
}

// TestSettingsHideSecrets: a URL without its password still names a user and files.
func TestSettingsHideSecrets(t *testing.T) {
	env := config.Environ{"DATABASE_URL": "postgres://canary_user:canary_password@db.example.com/x?sslrootcert=/canary/ca.crt"}
	found := false
	for _, s := range tunedSettings(env) {
		found = found || s.Name == "DATABASE_URL"
		if strings.Contains(s.Value, "canary") {
			t.Errorf("%s shows %q", s.Name, s.Value)
		}
	}
	if !found {
		t.Error("the host's name is not judged")
	}
}
