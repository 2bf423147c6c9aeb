package bench

import (
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
