package check

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestKnownFaults: a version is affected before the fix of its own line, or where its line has none; what the table can't
// know is not judged.
func TestKnownFaults(t *testing.T) {
	for _, c := range []struct {
		of, version string
		ids         string // in order; empty is none
		fix         string
	}{
		{facts.PGBouncerName, "1.16.1", "CVE-2026-6665 CVE-2025-2291", "1.25.2"},
		{facts.PGBouncerName, "1.17.0", "CVE-2026-107350 CVE-2026-6665 CVE-2025-2291", "1.26.1"},
		{facts.PGBouncerName, "1.25.2", "CVE-2026-107350 CVE-2026-107349", "1.26.1"},
		{facts.PGBouncerName, "1.26.0", "CVE-2026-107350 CVE-2026-107349", "1.26.1"},
		{facts.PGBouncerName, "1.26.1", "", ""},
		{facts.PGBouncerName, "1.27.0", "", ""},
		{facts.PostgresName, "15.17", "CVE-2026-6460 CVE-2026-14680 CVE-2026-6473", "15.20"},
		{facts.PostgresName, "15.18", "CVE-2026-6460 CVE-2026-14680", "15.20"},
		{facts.PostgresName, "15.20", "", ""},
		{facts.PostgresName, "18.0", "CVE-2026-6460 CVE-2026-14680 CVE-2026-6473 CVE-2026-2006", "18.7"},
		{facts.PostgresName, "13.23", "CVE-2026-6460 CVE-2026-14680 CVE-2026-6473 CVE-2026-2006", "14.25"},
		{facts.PostgresName, "19.0", "", ""},
		{facts.RedisName, "7.0.15", "CVE-2026-81934 CVE-2025-49844", "7.2.16"},
		{facts.RedisName, "7.2.11", "CVE-2026-81934", "7.2.16"},
		{facts.RedisName, "8.0.6", "CVE-2026-81934", "8.2.9"},
		{facts.RedisName, "8.2.9", "", ""},
		{facts.RedisName, "8.12.0", "", ""},
		{facts.ValkeyName, "8.1.1", "CVE-2026-56684 CVE-2025-67733 CVE-2025-46818", "8.1.9"},
		{facts.ValkeyName, "7.2.12", "", ""},
		{facts.ValkeyName, "9.1.1", "", ""},
		{"KeyDB", "6.3.4", "", ""},
	} {
		faults, fix := faultsOf(c.of, facts.ParseRelease(c.version))
		var ids []string
		for _, f := range faults {
			ids = append(ids, f.id)
		}
		if got := strings.Join(ids, " "); got != c.ids || fix.String() != c.fix {
			t.Errorf("%s %s has %q, fixed in %s, want %q in %s", c.of, c.version, got, fix, c.ids, c.fix)
		}
	}
}

// TestVersionsAreJudged: each server by its own number, a note whatever is found, with the day of the table.
func TestVersionsAreJudged(t *testing.T) {
	o := &facts.Observation{
		Ways: facts.WaysFacts{PoolerVersion: facts.Release{1, 18, 0}}, Direct: &facts.PGServer{ServerVersion: 150018},
		Redis: &facts.RedisServer{Product: facts.ValkeyName, Version: "9.1.1"},
	}
	out := knownVersions(o)
	if len(out.Hits) != 2 || !slices.Contains(out.Hits[0].about, "CVE-2026-107350") || !slices.Contains(out.Hits[1].about, "CVE-2026-6460") {
		t.Fatalf("%+v", out)
	}
	for _, h := range out.Hits {
		if !strings.Contains(h.Evidence, knownFaultsWritten) || !strings.Contains(h.Evidence, "may have backported the fix") || h.Remedy == "" {
			t.Errorf("%+v", h)
		}
	}
	_, findings := Judge([]Check{{Code: "HD-C02", severity: facts.Info, run: knownVersions}}, o, nil, nil)
	for _, f := range findings {
		if f.Severity != facts.Info {
			t.Errorf("it is %s", f.Severity)
		}
	}
	o.Ways.PoolerVersion, o.Direct.ServerVersion = facts.Release{1, 26, 1}, 150020
	if out := knownVersions(o); len(out.Hits) != 0 || !strings.Contains(out.Why, knownFaultsWritten) {
		t.Errorf("%+v", out)
	}
	if out := knownVersions(&facts.Observation{}); !out.Unknown {
		t.Errorf("no version is known: %+v", out)
	}
	r := &facts.RedisServer{}
	r.Read("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n")
	if r.Product != facts.ValkeyName || r.Version != "8.1.1" {
		t.Errorf("Valkey is read as %s %s", r.Product, r.Version)
	}
}

// TestThePageHasTheTable: every line of the table stands in the page with its days, versions and a source, and no other.
func TestThePageHasTheTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", RunbookPage("HD-C02")))
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
		if !slices.IsSortedFunc(f.fixed, func(a, b facts.Release) int { return slices.Compare(a, b) }) {
			t.Errorf("the versions of %s are in no order", f.id)
		}
	}
	for id := range rows {
		t.Errorf("%s is in the page only", id)
	}
}
