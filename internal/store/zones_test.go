package store

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestGoAndPostgresAgreeOnTheClock of every accepted time zone for ten years:
// right before and after each change of Go's clock, and on each tenth day, so
// that a change that Postgres alone knows is met as well.
func TestGoAndPostgresAgreeOnTheClock(t *testing.T) {
	conn := connect(t, labtest.Database(t, Migrate).DirectURL)
	from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	until := from.AddDate(10, 0, 0)
	names := household.TimeZones()
	var zones, offsets []int32
	var instants []int64
	for i, name := range names {
		home := household.Home{TimeZone: name}
		add := func(at time.Time) {
			_, offset := home.Local(at).Zone()
			zones, instants, offsets = append(zones, int32(i+1)), append(instants, at.Unix()), append(offsets, int32(offset))
		}
		for at := from; at.Before(until); at = at.AddDate(0, 0, 10) {
			add(at)
			start, end := home.Local(at).ZoneBounds()
			for _, change := range []time.Time{start, end} {
				if !change.IsZero() && change.Sub(at).Abs() < 10*24*time.Hour {
					add(change.Add(-time.Second))
					add(change)
				}
			}
		}
	}
	rows, err := conn.Query(t.Context(), `SELECT x.* FROM (
	SELECT ($1::text[])[z.zone] AS zone, z.at, z.seconds, (extract(epoch FROM to_timestamp(z.at) AT TIME ZONE ($1::text[])[z.zone]) - z.at)::int AS theirs
	FROM unnest($2::int[], $3::bigint[], $4::int[]) AS z (zone, at, seconds)
) x WHERE x.theirs <> x.seconds ORDER BY x.zone, x.at LIMIT 20`, names, zones, instants, offsets)
	check(t, err)
	type difference struct {
		Zone         string
		At           int64
		Go, Postgres int32
	}
	wrong, err := pgx.CollectRows(rows, pgx.RowToStructByPos[difference])
	check(t, err)
	if len(instants) < 500*365 {
		t.Errorf("only %d instants were compared", len(instants))
	}
	for _, d := range wrong {
		t.Errorf("%s at %s: Go is %d s from UTC, Postgres %d s", d.Zone, time.Unix(d.At, 0).UTC(), d.Go, d.Postgres)
	}
}

// TestMigrationOfTimeZones: what is not accepted becomes what is, and the change
// log has just those residences.
func TestMigrationOfTimeZones(t *testing.T) {
	c := newHousework(t)
	url := c.conn.Config().ConnString()
	migrateTo(t, url, 6)
	// A name that this Postgres does not know: it can have come from a newer one.
	c.exec("ALTER TABLE residences DROP CONSTRAINT residences_time_zone_known")
	want := map[string]string{
		"Europe/Berlin": "Europe/Berlin", "Asia/Calcutta": "Asia/Calcutta", "US/Eastern": "US/Eastern", "Japan": "Japan", "UTC": "UTC", "GMT": "GMT", "Etc/GMT+5": "Etc/GMT+5",
		"CET": "Europe/Berlin", "MET": "Europe/Berlin", "EET": "Europe/Athens", "WET": "Europe/Lisbon", "eet": "Europe/Athens",
		"EST": "America/Panama", "MST": "America/Phoenix", "HST": "Pacific/Honolulu", "EST5EDT": "America/New_York", "PST8PDT": "America/Los_Angeles",
		"europe/paris": "Europe/Paris", "utc": "UTC", "Zulu": "UTC", "Factory": "UTC", "GMT+0": "UTC",
		"right/Europe/Rome": "Europe/Rome", "posix/Asia/Tokyo": "Asia/Tokyo", "right/CET": "Europe/Berlin", "posix/asia/kolkata": "Asia/Kolkata",
		"PST": "Etc/GMT+8", "UTC+3": "Etc/GMT+3", "<+02>-2": "Etc/GMT-2", "CET-1CEST,M3.5.0,M10.5.0/3": "Africa/Ceuta", "CET-1CEST": "UTC",
		"Europe/Atlantis": "UTC", "posix/Europe/Atlantis": "UTC", "": "UTC",
	}
	c.exec("ALTER TABLE residences DROP CONSTRAINT residences_time_zone_check")
	homes := map[string]int64{}
	add := func(zone string) {
		var id int64
		check(t, c.conn.QueryRow(t.Context(), "INSERT INTO residences (owner_id, name, time_zone) VALUES ($1, $2, $3) RETURNING id", c.w.owner.ID, "In "+zone, zone).Scan(&id))
		homes[zone] = id
	}
	for zone := range want {
		add(zone)
	}
	rows, err := c.conn.Query(t.Context(), "SELECT DISTINCT name FROM (SELECT name FROM pg_timezone_names UNION SELECT abbrev FROM pg_timezone_abbrevs) n")
	check(t, err)
	known, err := pgx.CollectRows(rows, pgx.RowTo[string])
	check(t, err)
	for _, zone := range known {
		if _, there := homes[zone]; !there {
			add(zone)
		}
	}
	log := len(logRows(t, c.conn))
	migrateTo(t, url, 7)
	logged := map[int64]bool{}
	for _, r := range logRows(t, c.conn)[log:] {
		if r.What != "outside" {
			t.Errorf("noted %+v", r)
		}
		for _, id := range r.Residences {
			logged[id] = true
		}
	}
	accepted := household.TimeZones()
	for zone, id := range homes {
		var got string
		check(t, c.conn.QueryRow(t.Context(), "SELECT time_zone FROM residences WHERE id = $1", id).Scan(&got))
		if expected, ok := want[zone]; ok && got != expected {
			t.Errorf("%q became %q, want %q", zone, got, expected)
		}
		_, isAccepted := slices.BinarySearch(accepted, zone)
		if isAccepted != (got == zone) || household.ValidTimeZone(got) != nil {
			t.Errorf("%q became %q", zone, got)
		}
		if logged[id] != (got != zone) {
			t.Errorf("%q became %q; in the change log: %v", zone, got, logged[id])
		}
	}
}

// TestSeededTimeZones are accepted ones.
func TestSeededTimeZones(t *testing.T) {
	for _, c := range seedCities() {
		if err := household.ValidTimeZone(c.zone); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
