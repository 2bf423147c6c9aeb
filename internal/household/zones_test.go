package household

import (
	"archive/zip"
	"bytes"
	"flag"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write zoneinfo.zip from the Go toolchain's zones")

// notRegions are the names of the tz database that are not accepted.
func notRegions() []string {
	return []string{
		"CET", "CST6CDT", "EET", "EST", "EST5EDT", "Factory", "GMT+0", "GMT-0", "GMT0", "Greenwich",
		"HST", "MET", "MST", "MST7MDT", "PST8PDT", "UCT", "Universal", "WET", "Zulu",
	}
}

func contents(t *testing.T, archive *zip.Reader) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, f := range archive.File {
		if f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		all[f.Name] = string(b)
	}
	return all
}

// TestZonesAreTheToolchains: the embedded zones are those of the Go toolchain
// that go.mod names, without the names that are not accepted.
func TestZonesAreTheToolchains(t *testing.T) {
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	want := contents(t, &theirs.Reader)
	for _, name := range notRegions() {
		if _, ok := want[name]; !ok {
			t.Errorf("the tz database has no %s", name)
		}
		delete(want, name)
	}
	if *update {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, name := range slices.Sorted(maps.Keys(want)) {
			f, err := w.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(f, want[name]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("zoneinfo.zip", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ours, err := zip.OpenReader("zoneinfo.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	if got := contents(t, &ours.Reader); !maps.Equal(got, want) {
		t.Errorf("%d zones, want the %d of the toolchain; write them with: go test ./internal/household -run TestZonesAreTheToolchains -update", len(got), len(want))
	}
}

func TestTimeZones(t *testing.T) {
	all := TimeZones()
	if len(all) < 500 || !slices.IsSorted(all) {
		t.Errorf("%d time zones", len(all))
	}
	for _, name := range all {
		if err := ValidTimeZone(name); err != nil {
			t.Error(err)
		}
	}
	for _, good := range []string{"UTC", "GMT", "Etc/UTC", "Etc/GMT+5", "Europe/Berlin", "America/Argentina/Ushuaia", "Asia/Calcutta", "Asia/Kolkata", "US/Eastern", "Europe/Kiev", "Europe/Kyiv"} {
		if err := ValidTimeZone(good); err != nil {
			t.Error(err)
		}
	}
	for bad, region := range map[string]string{
		"CET": "Europe/Berlin", "EET": "Europe/Athens", "MET": "Europe/Paris", "WET": "Europe/Lisbon", "CEST": "Europe/Berlin",
		"EST": "America/New_York", "MST": "America/Phoenix", "HST": "Pacific/Honolulu", "cet": "Europe/Berlin",
		"EST5EDT": "America/New_York", "CST6CDT": "America/Chicago", "MST7MDT": "America/Denver", "PST8PDT": "America/Los_Angeles",
		"PST": "America/Los_Angeles", "europe/berlin": "Europe/Berlin", "EUROPE/BERLIN": "Europe/Berlin", "utc": "UTC", "Zulu": "UTC",
		"right/Europe/Paris": "Europe/Paris", "posix/Asia/Tokyo": "Asia/Tokyo", "right/CET": "Europe/Berlin", "GMT+0": "UTC",
		// Others get an example.
		"": "Europe/Berlin", "Local": "Europe/Berlin", "localtime": "Europe/Berlin", "posixrules": "Europe/Berlin", "Factory": "Europe/Berlin",
		"UTC+3": "Europe/Berlin", "Europe/Atlantis": "Europe/Berlin", "../etc/passwd": "Europe/Berlin", "Europe": "Europe/Berlin", "Europe/": "Europe/Berlin",
		"<+03>-3": "Europe/Berlin",
	} {
		if err := ValidTimeZone(bad); err == nil || !strings.Contains(err.Error(), region) {
			t.Errorf("%q: %v, want %s named", bad, err, region)
		}
		if ValidTimeZone(region) != nil {
			t.Errorf("%s is suggested and not accepted", region)
		}
		now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
		if got := (Home{TimeZone: bad}).Local(now); got.Location() != time.UTC {
			t.Errorf("%q is not UTC on the board: %s", bad, got)
		}
	}
	// No two names differ in case alone, or one could not be suggested for the other.
	lower := map[string]bool{}
	for _, name := range all {
		if l := strings.ToLower(name); lower[l] {
			t.Errorf("%s is there twice", name)
		} else {
			lower[l] = true
		}
	}
}
