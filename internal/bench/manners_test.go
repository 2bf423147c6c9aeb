package bench

import (
	"errors"
	"strings"
	"testing"
)

func TestAProductionHostHasToBeTyped(t *testing.T) {
	rules := Permit{Hosts: []string{"api.example.com", "staging.example.com"}, Production: []string{"API.example.com.", ".prod.example", "127.0.0.1"}}
	for _, tc := range []struct{ target, typed, refusal string }{
		{"https://staging.example.com", "", ""},
		{"https://api.example.com", "", "if you mean it, type its name: --i-mean api.example.com"}, // --allow-host does not do
		{"https://API.EXAMPLE.COM./v2", "", "--i-mean api.example.com"},
		{"https://api.example.com", "api.example.com", ""},
		{"https://api.example.com", "Api.Example.Com", ""},
		{"https://api.example.com", "staging.example.com", "--i-mean names staging.example.com, and the target is api.example.com"},
		{"https://staging.example.com", "api.example.com", "--i-mean names"},
		{"https://eu.prod.example", "", "--i-mean eu.prod.example"},
		{"https://notprod.example", "", "--allow-host notprod.example"},
		{"http://127.0.0.1:8080", "", "--i-mean 127.0.0.1"}, // a tunnel to production looks like this machine
		{"http://127.0.0.1:8080", "127.0.0.1", ""},
		{"http://localhost:8080", "", ""},
		{"http://localhost:8080", "api.example.com", ""}, // which may be the other one of --against
		{"http://127.0.0.1:8080", "api.example.com", "--i-mean names"},
	} {
		p := rules
		p.Typed = tc.typed
		err := p.Judge(parsed(t, tc.target))
		if (err == nil) != (tc.refusal == "") {
			t.Errorf("%s with --i-mean %q: %v", tc.target, tc.typed, err)
			continue
		}
		if err != nil {
			own := as[*PlanError](t, err)
			if text := strings.ToLower(own.Error() + " " + own.Hint()); !strings.Contains(text, strings.ToLower(tc.refusal)) {
				t.Errorf("%s with --i-mean %q: %s", tc.target, tc.typed, text)
			}
		}
	}
}

// The name of a production target does not have to be its baseline's as well, nor allows it that one.
func TestOneOfTwoServersIsTyped(t *testing.T) {
	rules := Permit{Hosts: []string{"staging.example.com"}, Production: []string{"api.example.com", "old.example.com"}, Typed: "api.example.com"}
	for _, tc := range []struct{ target, baseline, refusal string }{
		{"https://api.example.com", "http://localhost:8080", ""},
		{"https://api.example.com", "https://staging.example.com", ""},
		{"https://api.example.com", "https://api.example.com/v2", ""},
		{"http://localhost:8080", "https://api.example.com", ""},
		{"https://api.example.com", "https://old.example.com", "type its name: --i-mean old.example.com"},
		{"https://api.example.com", "https://elsewhere.example", "--allow-host elsewhere.example"},
		{"http://localhost:8080", "https://staging.example.com", "--i-mean names api.example.com"},
	} {
		target, baseline := parsed(t, tc.target), parsed(t, tc.baseline)
		err := errors.Join(rules.Judge(target), rules.JudgeBaseline(baseline, target))
		if (err == nil) != (tc.refusal == "") {
			t.Errorf("%s against %s: %v", tc.target, tc.baseline, err)
			continue
		}
		if err != nil {
			own := as[*PlanError](t, rules.JudgeBaseline(baseline, target))
			if text := own.Error() + " " + own.Hint(); !strings.Contains(text, tc.refusal) {
				t.Errorf("%s against %s: %s", tc.target, tc.baseline, text)
			}
		}
	}
}
