package probe

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKnownFaults: a version is affected before the fix of its own line, or where its line has none; what the table can't
// know is not judged.
func TestKnownFaults(t *testing.T) {
	for _, c := range []struct {
		of, version string
		ids         string // in order; empty is none
		fix         string
	}{
		{pgBouncerName, "1.16.1", "CVE-2026-6665 CVE-2025-2291", "1.25.2"},
		{pgBouncerName, "1.17.0", "CVE-2026-107350 CVE-2026-6665 CVE-2025-2291", "1.26.1"},
		{pgBouncerName, "1.25.2", "CVE-2026-107350 CVE-2026-107349", "1.26.1"},
		{pgBouncerName, "1.26.0", "CVE-2026-107350 CVE-2026-107349", "1.26.1"},
		{pgBouncerName, "1.26.1", "", ""},
		{pgBouncerName, "1.27.0", "", ""},
		{postgresName, "15.17", "CVE-2026-6460 CVE-2026-14680 CVE-2026-6473", "15.20"},
		{postgresName, "15.18", "CVE-2026-6460 CVE-2026-14680", "15.20"},
		{postgresName, "15.20", "", ""},
		{postgresName, "18.0", "CVE-2026-6460 CVE-2026-14680 CVE-2026-6473 CVE-2026-2006", "18.7"},
		{postgresName, "13.23", "CVE-2026-6460 CVE-2026-14680 CVE-2026-6473 CVE-2026-2006", "14.25"},
		{postgresName, "19.0", "", ""},
		{redisName, "7.0.15", "CVE-2026-81934 CVE-2025-49844", "7.2.16"},
		{redisName, "7.2.11", "CVE-2026-81934", "7.2.16"},
		{redisName, "8.0.6", "CVE-2026-81934", "8.2.9"},
		{redisName, "8.2.9", "", ""},
		{redisName, "8.12.0", "", ""},
		{valkeyName, "8.1.1", "CVE-2026-56684 CVE-2025-67733 CVE-2025-46818", "8.1.9"},
		{valkeyName, "7.2.12", "", ""},
		{valkeyName, "9.1.1", "", ""},
		{"KeyDB", "6.3.4", "", ""},
	} {
		faults, fix := faultsOf(c.of, parseRelease(c.version))
		var ids []string
		for _, f := range faults {
			ids = append(ids, f.id)
		}
		if got := strings.Join(ids, " "); got != c.ids || fix.String() != c.fix {
			t.Errorf("%s %s has %q, fixed in %s, want %q in %s", c.of, c.version, got, fix, c.ids, c.fix)
		}
	}
}

func TestReleases(t *testing.T) {
	for in, want := range map[string]string{"1.18.0": "1.18.0", "15.18 (Debian 15.18-0+deb12u1)": "15.18", "1.26.1dev": "1.26.1", "8.10.1-rc2": "8.10.1", "": "", "df-v1": "", "7": "7"} {
		if got := parseRelease(in).String(); got != want {
			t.Errorf("%q is read as %q, want %q", in, got, want)
		}
	}
	if !parseRelease("8.9.0").before(parseRelease("8.10.1")) {
		t.Error("8.10.1 is older than 8.9.0")
	}
}

// TestVersionsAreJudged: each server by its own number, a note whatever is found, with the day of the table.
func TestVersionsAreJudged(t *testing.T) {
	o := &observation{
		ways: waysFacts{poolerVersion: release{1, 18, 0}}, direct: &pgServer{serverVersion: 150018},
		redis: &redisServer{product: valkeyName, version: "9.1.1"},
	}
	out := knownVersions(o)
	if len(out.hits) != 2 || !slices.Contains(out.hits[0].about, "CVE-2026-107350") || !slices.Contains(out.hits[1].about, "CVE-2026-6460") {
		t.Fatalf("%+v", out)
	}
	for _, h := range out.hits {
		if !strings.Contains(h.evidence, knownFaultsWritten) || !strings.Contains(h.evidence, "may have backported the fix") || h.remedy == "" {
			t.Errorf("%+v", h)
		}
	}
	_, findings := judge([]check{{code: "HD-C02", severity: Info, run: knownVersions}}, o, nil, nil)
	for _, f := range findings {
		if f.Severity != Info {
			t.Errorf("it is %s", f.Severity)
		}
	}
	o.ways.poolerVersion, o.direct.serverVersion = release{1, 26, 1}, 150020
	if out := knownVersions(o); len(out.hits) != 0 || !strings.Contains(out.why, knownFaultsWritten) {
		t.Errorf("%+v", out)
	}
	if out := knownVersions(&observation{}); !out.unknown {
		t.Errorf("no version is known: %+v", out)
	}
	r := &redisServer{}
	r.read("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n")
	if r.product != valkeyName || r.version != "8.1.1" {
		t.Errorf("Valkey is read as %s %s", r.product, r.version)
	}
}

// TestThePageHasTheTable: every line of the table stands in the page with its days, versions and a source, and no other.
func TestThePageHasTheTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", RunbookPage("HD-C02")))
	if err != nil {
		t.Fatal(err)
	}
	written, err := time.Parse(time.DateOnly, knownFaultsWritten)
	if err != nil || !strings.Contains(string(page), "**of "+knownFaultsWritten+"**") {
		t.Errorf("the page does not say that the table is of %s (%v)", knownFaultsWritten, err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) == 9 && strings.Contains(cells[2], "CVE-") {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows[cells[2]] = cells
		}
	}
	for _, f := range knownFaults() {
		cells := rows[f.id]
		if cells == nil {
			t.Errorf("%s is not in the page", f.id)
			continue
		}
		delete(rows, f.id)
		since, fixed := "all", make([]string, len(f.fixed))
		if f.since != nil {
			since = f.since.String()
		}
		for i, v := range f.fixed {
			fixed[i] = v.String()
		}
		if cells[1] != f.of || cells[3] != f.day || cells[5] != since || cells[6] != strings.Join(fixed, ", ") {
			t.Errorf("%s is %q in the page", f.id, cells)
		}
		if !regexp.MustCompile(`^\[[a-z]+\]\(https://[^ )]+\)$`).MatchString(cells[7]) {
			t.Errorf("%s has the source %q", f.id, cells[7])
		}
		if day, err := time.Parse(time.DateOnly, f.day); err != nil || day.After(written) {
			t.Errorf("%s was published on %s, and the table is of %s: %v", f.id, f.day, knownFaultsWritten, err)
		}
		if !slices.IsSortedFunc(f.fixed, func(a, b release) int { return slices.Compare(a, b) }) {
			t.Errorf("the versions of %s are in no order", f.id)
		}
	}
	for id := range rows {
		t.Errorf("%s is in the page only", id)
	}
}
