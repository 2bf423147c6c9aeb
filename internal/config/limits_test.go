package config

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	l, err := ParseLimits(Environ{})
	if err != nil {
		t.Fatal(err)
	}
	if l.Login != (Attempts{10, 15 * time.Minute}) || l.LoginAccount != (Attempts{100, time.Hour}) || l.LoginAddress != (Attempts{50, 15 * time.Minute}) ||
		l.RegisterAccount != (Attempts{10, time.Hour}) || l.RegisterAddress != (Attempts{100, time.Hour}) ||
		l.JoinUser != (Attempts{20, time.Hour}) || l.JoinAddress != (Attempts{100, time.Hour}) || l.TrustedProxies != nil {
		t.Errorf("defaults: %+v", l)
	}
	l, err = ParseLimits(Environ{"LOGIN_LIMIT": "3/1m30s", "JOIN_LIMIT_PER_USER": "off", "TRUSTED_PROXIES": "10.42.1.7/16, fd00::/8,192.0.2.1,::ffff:192.0.2.2"})
	networks := Networks{
		netip.MustParsePrefix("10.42.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32"),
	}
	if err != nil || l.Login != (Attempts{3, 90 * time.Second}) || l.JoinUser != (Attempts{}) || !slices.Equal(l.TrustedProxies, networks) {
		t.Errorf("set: %+v, %v", l, err)
	}
	for variable, values := range map[string][]string{
		"LOGIN_LIMIT":     {"10", "10/", "/15m", "0/15m", "-1/15m", "10/0s", "10/1ms", "10/48h", "10 / 15m", "2000000/1h", "OFF", "ten/1h"},
		"TRUSTED_PROXIES": {"0.0.0.0/0", "::/0", "10.0.0.0/33", "proxy.example", "10.0.0.1,", "::ffff:10.0.0.0/104"},
	} {
		for _, value := range values {
			_, err := ParseLimits(Environ{variable: value})
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Variable != variable || e.Remedy == "" || strings.Contains(e.Error(), value) {
				t.Errorf("%s=%s: %v", variable, value, err)
			}
			if Check(Environ{variable: value}) == nil {
				t.Errorf("%s=%s: Check accepts it", variable, value)
			}
		}
	}
}
