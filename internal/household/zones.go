package household

import (
	"archive/zip"
	_ "embed" // for the zones below
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// zoneinfo holds the rules of every accepted time zone, as the Go toolchain's
// own copy of the tz database has them. The machine's zone files are not used:
// an image may have none, or others.
//
//go:embed zoneinfo.zip
var zoneinfo string

// zones are the accepted time zones by their names. They are read once, because
// each board asks for those of its homes.
var zones = sync.OnceValue(func() map[string]*time.Location {
	archive, err := zip.NewReader(strings.NewReader(zoneinfo), int64(len(zoneinfo)))
	if err != nil {
		panic(err) // it is a part of the binary, and a test reads it
	}
	all := make(map[string]*time.Location, len(archive.File))
	for _, f := range archive.File {
		loc, err := readZone(f)
		if err != nil {
			panic(err)
		}
		all[f.Name] = loc
	}
	return all
})

func readZone(f *zip.File) (*time.Location, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	rules, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return time.LoadLocationFromTZData(f.Name, rules)
}

// TimeZones lists the accepted names, sorted: those of the tz database that name
// a region, old names such as Asia/Calcutta included, Etc/..., UTC and GMT. Go
// and Postgres agree on what they mean, which a test on a real server holds.
func TimeZones() []string { return slices.Sorted(maps.Keys(zones())) }

// ValidTimeZone says in an error why name is not an accepted time zone, and
// which one to use.
func ValidTimeZone(name string) error {
	if zones()[name] != nil {
		return nil
	}
	if regions := regionsFor(name); len(regions) > 0 {
		return fmt.Errorf("%q is not an accepted time zone. Use %s", name, strings.Join(regions, " or "))
	}
	return fmt.Errorf("%q is not an accepted time zone. Use the IANA name of a region, such as Europe/Berlin", name)
}

// regionsFor suggests accepted names for one that is not.
func regionsFor(name string) []string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "posix/"), "right/")
	for accepted := range zones() {
		if strings.EqualFold(accepted, name) {
			return []string{accepted}
		}
	}
	return abbreviated(strings.ToUpper(name))
}

// abbreviated are the regions behind a name that is an abbreviation or a rule.
// To Postgres many of them mean a fixed offset and to Go a region, so that in
// summer the two would disagree about the hour.
func abbreviated(name string) []string {
	switch name {
	case "CET", "CEST", "MET", "MEST":
		return []string{"Europe/Berlin", "Europe/Paris"}
	case "EET", "EEST":
		return []string{"Europe/Athens", "Europe/Helsinki"}
	case "WET", "WEST":
		return []string{"Europe/Lisbon"}
	case "BST":
		return []string{"Europe/London"}
	case "EST":
		return []string{"America/New_York", "America/Panama"}
	case "EDT", "EST5EDT":
		return []string{"America/New_York"}
	case "CST", "CDT", "CST6CDT":
		return []string{"America/Chicago"}
	case "MST":
		return []string{"America/Denver", "America/Phoenix"}
	case "MDT", "MST7MDT":
		return []string{"America/Denver"}
	case "PST", "PDT", "PST8PDT":
		return []string{"America/Los_Angeles"}
	case "HST":
		return []string{"Pacific/Honolulu"}
	case "GMT0", "GMT+0", "GMT-0", "GREENWICH", "UCT", "UNIVERSAL", "ZULU":
		return []string{"UTC"}
	default:
		return nil
	}
}
