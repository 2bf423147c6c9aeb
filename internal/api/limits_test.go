package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// testLimits are small, and so slow that nothing comes back during a test.
func testLimits() Limits {
	const day = 24 * time.Hour
	return Limits{
		Login: cache.Limit{Attempts: 5, Per: day}, LoginAccount: cache.Limit{Attempts: 12, Per: day}, LoginAddress: cache.Limit{Attempts: 20, Per: day},
		RegisterAccount: cache.Limit{Attempts: 3, Per: day}, RegisterAddress: cache.Limit{Attempts: 8, Per: day},
		JoinUser: cache.Limit{Attempts: 6, Per: day}, JoinAddress: cache.Limit{Attempts: 15, Per: day},
	}
}

// limited are two pods that count together. Behind is what the test's own
// address counts as: a proxy that is trusted.
func limited(t *testing.T, env lab.Env, behind bool) (pods [2]*pod) {
	t.Helper()
	for i := range pods {
		pods[i] = newPod(t, env, func(c *Config) {
			c.Limits = testLimits()
			if behind {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
			}
		})
	}
	return pods
}

// sendFrom sends with X-Forwarded-For lines, as a proxy would pass them on.
func (p *pod) sendFrom(q request, forwarded ...string) reply {
	p.t.Helper()
	return p.sendWith(q, http.Header{"X-Forwarded-For": forwarded})
}

func (p *pod) loginFrom(email, password string, forwarded ...string) reply {
	p.t.Helper()
	return p.sendFrom(request{http.MethodPost, "/api/auth/login/", "", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)}, forwarded...)
}

// isLimited checks a 429: what it says, and that it cost the database nothing.
func isLimited(t *testing.T, r reply, limit string, attempts int) {
	t.Helper()
	isProblem(t, r, http.StatusTooManyRequests, codeRateLimited)
	wait, err := strconv.Atoi(r.header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 24*3600 {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	if got, want := r.header.Get("RateLimit-Policy"), fmt.Sprintf("%q;q=%d;w=86400", limit, attempts); got != want {
		t.Errorf("RateLimit-Policy %q, want %q", got, want)
	}
	if got, want := r.header.Get("RateLimit"), fmt.Sprintf("%q;r=0;t=%d", limit, wait); got != want {
		t.Errorf("RateLimit %q, want %q", got, want)
	}
	// A user's token may have to be looked up.
	if turns := r.header.Get("X-DB-Turns"); turns != "0" && !strings.HasPrefix(limit, "join-") {
		t.Errorf("a refused attempt took %s turns", turns)
	}
}

// TestWrongShareCodesAreCutOff: 200 of them, on two pods in turn.
func TestWrongShareCodesAreCutOff(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	pods, s := limited(t, env, false), newStage(t, env)
	h := s.home()
	tried := func() (n int) {
		for _, p := range pods {
			for _, sql := range p.sql.take() {
				if store.StatementName(sql) == "residence_join" {
					n++
				}
			}
		}
		return n
	}
	wrong := 0
	for i := range 200 {
		r := pods[i%2].join(h.stranger.token, fmt.Sprintf("WRNG%04d", i))
		if r.status == http.StatusNotFound {
			wrong++
			continue
		}
		isLimited(t, r, limitJoinUser, 6)
	}
	if wrong != 6 {
		t.Errorf("%d wrong codes were tried, want 6", wrong)
	}
	// The right one has to wait as well, or the limit would say which it is.
	isLimited(t, pods[0].join(h.stranger.token, s.code(h)), limitJoinUser, 6)
	// More accounts of the same client do not give more attempts.
	for i := range 2 {
		eve := s.person("Eve")
		for n := range 6 {
			r := pods[n%2].join(eve.token, "WRNG2345")
			if i*6+n < 15-6 {
				isProblem(t, r, http.StatusNotFound, codeNotFound)
			} else {
				isLimited(t, r, limitJoinAddress, 15)
			}
		}
	}
	if n := tried(); n != 15 {
		t.Errorf("the database was asked %d times, want 15", n)
	}
}

// TestCodesThatWorkAreNotCounted: a family with one address joins one by one.
func TestCodesThatWorkAreNotCounted(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	pods, s := limited(t, env, false), newStage(t, env)
	code := s.code(s.home())
	for i := range 20 {
		want[any](t, pods[i%2].join(s.person("Kid").token, code), http.StatusOK)
	}
}

// TestWrongLoginsAreCutOff: 30 of them, on two pods in turn; and of an address
// without an account in the same way.
func TestWrongLoginsAreCutOff(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	pods, s := limited(t, env, false), newStage(t, env)
	ada := s.person("Ada")
	type heard struct{ status, header string }
	outcomes := map[string][]heard{}
	for _, email := range []string{ada.Email, "nobody@example.org"} {
		for i := range 30 {
			r := pods[i%2].loginFrom(strings.ToUpper(email), "wrong password")
			outcomes[email] = append(outcomes[email], heard{strconv.Itoa(r.status), r.header.Get("RateLimit-Policy")})
			if i < 5 {
				isProblem(t, r, http.StatusUnauthorized, codeWrongLogin)
			} else {
				isLimited(t, r, limitLogin, 5)
			}
		}
	}
	for i := range 30 {
		if a, b := outcomes[ada.Email][i], outcomes["nobody@example.org"][i]; a != b {
			t.Errorf("attempt %d: %v with an account, %v without", i+1, a, b)
		}
	}
	isLimited(t, pods[1].loginFrom(ada.Email, password), limitLogin, 5)
	// One address and many accounts.
	for i := range 15 {
		r := pods[i%2].loginFrom(fmt.Sprintf("number-%d@example.org", i), "wrong password")
		if i < 20-2*5 {
			isProblem(t, r, http.StatusUnauthorized, codeWrongLogin)
		} else {
			isLimited(t, r, limitLoginAddress, 20)
		}
	}
}

// TestNobodyIsShutOut: a person who guesses at an account, from however many
// addresses, its owner logs in from where the owner has done so before. Logging
// in takes no attempts away.
func TestNobodyIsShutOut(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	pods, s := limited(t, env, true), newStage(t, env)
	ada := s.person("Ada")
	for i := range 40 {
		want[Authentication](t, pods[i%2].loginFrom(ada.Email, password, "203.0.113.7"), http.StatusOK)
	}
	guesses := 0
	for i := range 40 { // four attempts from each of ten addresses
		r := pods[i%2].loginFrom(ada.Email, "wrong password", fmt.Sprintf("198.51.100.%d", i/4))
		if r.status == http.StatusUnauthorized {
			guesses++
		} else {
			isLimited(t, r, limitLoginAccount, 12)
		}
	}
	// One of the owner's own logins is counted: see cache.Forgive.
	if guesses < 11 || guesses > 12 {
		t.Errorf("%d guesses, want 12", guesses)
	}
	isLimited(t, pods[0].loginFrom(ada.Email, password, "192.0.2.1"), limitLoginAccount, 12)
	want[Authentication](t, pods[1].loginFrom(ada.Email, password, "203.0.113.7"), http.StatusOK)
}

// TestRegistrationsAreLimited, whether they succeed or ask who is there.
func TestRegistrationsAreLimited(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	pods := limited(t, env, true)
	register := func(i int, email, from string) reply {
		return pods[i%2].sendFrom(request{http.MethodPost, "/api/auth/register/", "", fmt.Sprintf(`{"email":%q,"password":%q,"name":"Ada"}`, email, password)}, from)
	}
	for i := range 12 {
		r := register(i, fmt.Sprintf("ada-%d@example.org", i), "203.0.113.7")
		if i < 8 {
			want[Authentication](t, r, http.StatusCreated)
		} else {
			isLimited(t, r, limitRegisterAddress, 8)
		}
	}
	for i := range 6 {
		r := register(i, "ada-1@example.org", fmt.Sprintf("198.51.100.%d", i))
		if i < 3-1 {
			isProblem(t, r, http.StatusConflict, codeEmailTaken)
		} else {
			isLimited(t, r, limitRegisterAccount, 3)
		}
	}
}

// TestAForgedAddressIsNobodys: X-Forwarded-For gives no new attempts, neither
// without a proxy that is trusted nor to the left of what that proxy wrote.
func TestAForgedAddressIsNobodys(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	direct, behind := limited(t, env, false), limited(t, env, true)
	for i := range 10 {
		forged := fmt.Sprintf("198.51.100.%d", i)
		for name, r := range map[string]reply{
			"direct":           direct[i%2].loginFrom("a@example.org", "wrong password", forged),
			"to the left":      behind[i%2].loginFrom("b@example.org", "wrong password", forged+", 203.0.113.7"),
			"in another line":  behind[i%2].loginFrom("c@example.org", "wrong password", forged, "203.0.113.7"),
			"before a proxy":   behind[i%2].loginFrom("d@example.org", "wrong password", forged+",203.0.113.8, 10.1.2.3"),
			"within one /64":   behind[i%2].loginFrom("e@example.org", "wrong password", fmt.Sprintf("2001:db8:1:2::%x", i+1)),
			"as a mapped one":  behind[i%2].loginFrom("f@example.org", "wrong password", []string{"203.0.113.9", "::ffff:203.0.113.9"}[i%2]),
			"with a port each": behind[i%2].loginFrom("g@example.org", "wrong password", fmt.Sprintf("203.0.113.10:%d", 1000+i)),
		} {
			if i < 5 {
				isProblem(t, r, http.StatusUnauthorized, codeWrongLogin)
			} else if isLimited(t, r, limitLogin, 5); t.Failed() {
				t.Fatalf("%s: attempt %d", name, i+1)
			}
		}
	}
	// Whom no proxy has named shares an address with everybody: only accounts are limited.
	for i := range 30 {
		isProblem(t, behind[i%2].loginFrom(fmt.Sprintf("n-%d@example.org", i), "wrong password"), http.StatusUnauthorized, codeWrongLogin)
	}
}

// TestAnOutageTakesNoAttempts: what failed for another reason than the password.
func TestAnOutageTakesNoAttempts(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env, func(c *Config) { c.Limits = testLimits() }), newStage(t, env)
	ada := s.person("Ada")
	p.db.Close()
	for range 20 {
		if r := p.loginFrom(ada.Email, password); r.status < 500 {
			t.Fatalf("without a database: %s", r)
		}
	}
	q := newPod(t, env, func(c *Config) { c.Limits = testLimits() })
	want[Authentication](t, q.loginFrom(ada.Email, password), http.StatusOK)
}

func TestClientAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, tt := range []struct {
		name, peer string
		forwarded  []string
		want       string
		trusted    bool
	}{
		{"no proxy", "203.0.113.7:4000", nil, "203.0.113.7", false},
		{"no proxy, and a header", "203.0.113.7:4000", []string{"1.2.3.4"}, "203.0.113.7", false},
		{"one proxy", "10.0.0.1:4000", []string{"203.0.113.7"}, "203.0.113.7", false},
		{"two proxies", "10.0.0.1:4000", []string{"203.0.113.7, 10.0.0.2"}, "203.0.113.7", false},
		{"two proxies, each with a line", "10.0.0.1:4000", []string{"203.0.113.7", "10.0.0.2"}, "203.0.113.7", false},
		{"a forged beginning", "10.0.0.1:4000", []string{"1.2.3.4,10.0.0.9,203.0.113.7,10.0.0.2"}, "203.0.113.7", false},
		{"a proxy that says nothing", "10.0.0.1:4000", nil, "10.0.0.1", true},
		{"a proxy that says nonsense", "10.0.0.1:4000", []string{"unknown"}, "10.0.0.1", true},
		{"nonsense before an address", "10.0.0.1:4000", []string{"<script>, 203.0.113.7"}, "203.0.113.7", false},
		{"nonsense behind an address", "10.0.0.1:4000", []string{"203.0.113.7, "}, "10.0.0.1", true},
		{"proxies alone", "10.0.0.1:4000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3", true},
		{"IPv6", "[fd00::1%eth0]:4000", []string{"[2001:db8::7]:443"}, "2001:db8::7", false},
		{"a mapped address", "[::ffff:10.0.0.1]:4000", []string{"::ffff:203.0.113.7"}, "203.0.113.7", false},
		{"no address", "@", nil, "invalid IP", false},
	} {
		if got, trusted := clientAddress(tt.peer, tt.forwarded, proxies); got.String() != tt.want || trusted != tt.trusted {
			t.Errorf("%s: %s, %v; want %s, %v", tt.name, got, trusted, tt.want, tt.trusted)
		}
	}
}
