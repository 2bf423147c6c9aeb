package facts

import (
	"testing"
)

func TestReleases(t *testing.T) {
	for in, want := range map[string]string{"1.18.0": "1.18.0", "15.18 (Debian 15.18-0+deb12u1)": "15.18", "1.26.1dev": "1.26.1", "8.10.1-rc2": "8.10.1", "": "", "df-v1": "", "7": "7"} {
		if got := ParseRelease(in).String(); got != want {
			t.Errorf("%q is read as %q, want %q", in, got, want)
		}
	}
	if !ParseRelease("8.9.0").Before(ParseRelease("8.10.1")) {
		t.Error("8.10.1 is older than 8.9.0")
	}
}
