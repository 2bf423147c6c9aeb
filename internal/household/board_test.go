package household

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func day(t *testing.T, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func ptr[T any](v T) *T { return &v }

func TestColumn(t *testing.T) {
	today := day(t, "2026-03-10")
	at := ptr(time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC))
	due := func(s string) *Date { return ptr(day(t, s)) }
	for _, tc := range []struct {
		name string
		card Card
		days int
		want ColumnName
	}{
		{"no due date is upcoming", Card{}, 30, ColumnUpcoming},
		{"a zero due date is none", Card{DueDate: &Date{}}, 30, ColumnUpcoming},
		{"yesterday is overdue", Card{DueDate: due("2026-03-09")}, 30, ColumnOverdue},
		{"today is due soon", Card{DueDate: due("2026-03-10")}, 30, ColumnDueSoon},
		{"the last day of the window is due soon", Card{DueDate: due("2026-04-09")}, 30, ColumnDueSoon},
		{"the day after the window is upcoming", Card{DueDate: due("2026-04-10")}, 30, ColumnUpcoming},
		{"a narrow window", Card{DueDate: due("2026-03-12")}, 1, ColumnUpcoming},
		{"a window of no days is today only", Card{DueDate: due("2026-03-10")}, 0, ColumnDueSoon},
		{"started goes before overdue", Card{StartedAt: at, DueDate: due("2020-01-01")}, 30, ColumnInProgress},
		{"completed goes before started", Card{StartedAt: at, CompletedAt: at}, 30, ColumnCompleted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.card.Column(today, tc.days); got != tc.want {
				t.Errorf("column = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestTodayIsTheResidencesDay(t *testing.T) {
	now := time.Date(2026, 3, 10, 23, 30, 0, 0, time.UTC)
	for zone, want := range map[string]string{
		"UTC": "2026-03-10", "Europe/Berlin": "2026-03-11", "America/Los_Angeles": "2026-03-10",
		"Pacific/Kiritimati": "2026-03-11", "no/such zone": "2026-03-10",
	} {
		if got := (Home{TimeZone: zone}).Today(now).String(); got != want {
			t.Errorf("%s: today = %s, want %s", zone, got, want)
		}
	}
}

func TestBuildBoardSortsAndCounts(t *testing.T) {
	now := time.Date(2026, 3, 10, 23, 30, 0, 0, time.UTC)
	at := func(h int) *time.Time { return ptr(now.Add(time.Duration(-h) * time.Hour)) }
	b := BuildBoard(BoardInput{
		Homes: []Home{{ID: 1, TimeZone: "UTC"}, {ID: 2, TimeZone: "Europe/Berlin"}},
		Cards: []Card{
			{ID: 1, ResidenceID: 1, DueDate: ptr(day(t, "2026-03-10"))}, // today in London
			{ID: 2, ResidenceID: 2, DueDate: ptr(day(t, "2026-03-10"))}, // yesterday in Berlin
			{ID: 3, ResidenceID: 1, CompletedAt: at(5)},
			{ID: 4, ResidenceID: 1, CompletedAt: at(2)},
			{ID: 5, ResidenceID: 9}, // of a home that is not the user's
			{ID: 6, ResidenceID: 1},
			{ID: 7, ResidenceID: 1, DueDate: ptr(day(t, "2027-01-01"))},
		},
		Counts: map[ColumnName]int{ColumnCompleted: 70}, Now: now, DueSoonDays: DueSoonDays,
	})
	want := map[ColumnName][]int64{
		ColumnOverdue: {2}, ColumnDueSoon: {1}, ColumnUpcoming: {7, 6}, ColumnInProgress: {}, ColumnCompleted: {4, 3},
	}
	for i, name := range ColumnNames() {
		col := b.Columns[i]
		if col.Name != name {
			t.Fatalf("column %d is %s, want %s", i, col.Name, name)
		}
		if len(col.Tasks) != len(want[name]) {
			t.Fatalf("%s has %d cards, want %v", name, len(col.Tasks), want[name])
		}
		for j, id := range want[name] {
			if col.Tasks[j].ID != id {
				t.Errorf("%s card %d is task %d, want %d", name, j, col.Tasks[j].ID, id)
			}
		}
	}
	if got := b.Columns[4].Count; got != 70 {
		t.Errorf("completed counts %d, want the true total of 70", got)
	}
}

func anyCard(now time.Time) *rapid.Generator[Card] {
	return rapid.Custom(func(t *rapid.T) Card {
		c := Card{ID: rapid.Int64Range(1, 1_000_000).Draw(t, "id"), ResidenceID: rapid.Int64Range(1, 3).Draw(t, "home")}
		if rapid.Bool().Draw(t, "due") {
			c.DueDate = ptr(DateOf(now).AddDays(rapid.IntRange(-400, 400).Draw(t, "days")))
		}
		if rapid.Bool().Draw(t, "started") {
			c.StartedAt = &now
		}
		if rapid.Bool().Draw(t, "completed") {
			c.CompletedAt = ptr(now.Add(-time.Duration(rapid.IntRange(0, 700).Draw(t, "h")) * time.Hour))
		}
		return c
	})
}

func TestEachTaskIsInExactlyOneColumn(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	homes := []Home{{1, "Asia/Tokyo"}, {2, "America/New_York"}, {3, "UTC"}}
	rapid.Check(t, func(t *rapid.T) {
		cards := rapid.SliceOfNDistinct(anyCard(now), 0, CompletedShown, func(c Card) int64 { return c.ID }).Draw(t, "cards")
		b := BuildBoard(BoardInput{Homes: homes, Cards: cards, Now: now, DueSoonDays: rapid.IntRange(0, 365).Draw(t, "window")})
		seen := map[int64]int{}
		for _, col := range b.Columns {
			if col.Count != len(col.Tasks) {
				t.Fatalf("%s counts %d and shows %d", col.Name, col.Count, len(col.Tasks))
			}
			for _, c := range col.Tasks {
				seen[c.ID]++
			}
		}
		for _, c := range cards {
			if seen[c.ID] != 1 {
				t.Fatalf("task %d stands in %d columns", c.ID, seen[c.ID])
			}
		}
	})
}

// TestAColumnShowsOnlySoMany, the first of them, and counts all.
func TestAColumnShowsOnlySoMany(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	in := BoardInput{
		Homes: []Home{{ID: 1, TimeZone: "UTC"}}, Now: now, DueSoonDays: DueSoonDays,
		Counts: map[ColumnName]int{ColumnOverdue: 700, ColumnDueSoon: 3},
	}
	for i := range OpenShown + 20 {
		in.Cards = append(in.Cards,
			Card{ID: int64(1000 - i), ResidenceID: 1, DueDate: ptr(DateOf(now).AddDays(-1 - i))},
			Card{ID: int64(2000 + i), ResidenceID: 1})
	}
	for i := range CompletedShown + 20 {
		in.Cards = append(in.Cards, Card{ID: int64(3000 + i), ResidenceID: 1, CompletedAt: ptr(now.Add(-time.Duration(i) * time.Hour))})
	}
	for i, want := range []struct {
		name         ColumnName
		count, shown int
		first        int64
	}{
		{ColumnOverdue, 700, OpenShown, 1000 - (OpenShown + 19)},
		{ColumnDueSoon, 3, 0, 0},
		{ColumnUpcoming, OpenShown + 20, OpenShown, 2000},
		{ColumnInProgress, 0, 0, 0},
		{ColumnCompleted, CompletedShown + 20, CompletedShown, 3000},
	} {
		c := BuildBoard(in).Columns[i]
		if c.Name != want.name || c.Count != want.count || len(c.Tasks) != want.shown || want.shown > 0 && c.Tasks[0].ID != want.first {
			t.Errorf("%s counts %d and shows %d, want %+v", c.Name, c.Count, len(c.Tasks), want)
		}
	}
}

func TestBoardValidUntil(t *testing.T) {
	utc := func(s string) time.Time {
		t.Helper()
		at, err := time.Parse("2006-01-02 15:04:05", s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, tc := range []struct {
		name      string
		zones     []string
		completed string
		now, want string
	}{
		{"no home", nil, "", "2026-03-10 11:30:00", "2026-03-11 00:00:00"},
		{"an unknown zone is UTC", []string{"no/such"}, "", "2026-03-10 11:30:00", "2026-03-11 00:00:00"},
		{"one home", []string{"Europe/Berlin"}, "", "2026-03-10 11:30:00", "2026-03-10 23:00:00"},
		{"at midnight it is the next one", []string{"Europe/Berlin"}, "", "2026-03-10 23:00:00", "2026-03-11 23:00:00"},
		{"just before midnight", []string{"Europe/Berlin"}, "", "2026-03-10 22:59:59", "2026-03-10 23:00:00"},
		{"the first of three", []string{"Europe/Berlin", "Pacific/Auckland", "Pacific/Honolulu"}, "", "2026-03-10 11:30:00", "2026-03-10 23:00:00"},
		{"the first of three", []string{"Europe/Berlin", "Pacific/Auckland", "Pacific/Honolulu"}, "", "2026-03-10 10:30:00", "2026-03-10 11:00:00"},
		{"a day of 23 hours", []string{"Europe/Berlin"}, "", "2026-03-28 23:30:00", "2026-03-29 22:00:00"},
		{"a day of 25 hours", []string{"Europe/Berlin"}, "", "2026-10-24 22:30:00", "2026-10-25 23:00:00"},
		{"half an hour of summer time", []string{"Australia/Lord_Howe"}, "", "2026-04-04 13:30:00", "2026-04-05 13:30:00"},
		{"no such midnight: the clock springs to one", []string{"Africa/Cairo"}, "", "2026-04-23 12:00:00", "2026-04-23 22:00:00"},
		{"midnight twice: the second one", []string{"Africa/Cairo"}, "", "2026-10-29 20:30:00", "2026-10-29 22:00:00"},
		{"midnight twice, between the two", []string{"Africa/Cairo"}, "", "2026-10-29 21:30:00", "2026-10-29 22:00:00"},
		{"a new day for one minute", []string{"America/St_Johns"}, "", "2010-11-07 02:29:00", "2010-11-07 02:30:00"},
		{"and back", []string{"America/St_Johns"}, "", "2010-11-07 02:30:30", "2010-11-07 02:31:00"},
		{"and on", []string{"America/St_Johns"}, "", "2010-11-07 02:31:00", "2010-11-07 03:30:00"},
		{"a day that never was", []string{"Pacific/Apia"}, "", "2011-12-30 09:00:00", "2011-12-30 10:00:00"},
		{"the last day of a leap year", []string{"Europe/Berlin"}, "", "2028-12-31 12:00:00", "2028-12-31 23:00:00"},
		{"its evening in the west", []string{"America/New_York"}, "", "2028-12-30 23:00:00", "2028-12-31 05:00:00"},
		{"its last hour there", []string{"America/New_York"}, "", "2029-01-01 04:30:00", "2029-01-01 05:00:00"},
		{"in summer", []string{"Pacific/Auckland"}, "", "2028-12-31 10:30:00", "2028-12-31 11:00:00"},
		{"a card leaves first", []string{"UTC"}, "2026-02-08 12:00:01", "2026-03-10 11:30:00", "2026-03-10 12:00:01"},
		{"midnight comes first", []string{"UTC"}, "2026-02-09 12:00:01", "2026-03-10 11:30:00", "2026-03-11 00:00:00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var homes []Home
			for i, z := range tc.zones {
				homes = append(homes, Home{ID: int64(i), TimeZone: z})
			}
			var completed *time.Time
			if tc.completed != "" {
				completed = ptr(utc(tc.completed))
			}
			if got := BoardValidUntil(homes, completed, utc(tc.now)); !got.Equal(utc(tc.want)) {
				t.Errorf("until %s, want %s", got, tc.want)
			}
		})
	}
}

// TestEveryBoardEnds on each of the last and first days of ten years, in every
// time zone.
func TestEveryBoardEnds(t *testing.T) {
	for _, zone := range TimeZones() {
		home := Home{TimeZone: zone}
		for year := 2024; year < 2034; year++ {
			for now := time.Date(year, 12, 30, 0, 0, 0, 0, time.UTC); now.Year() == year || now.Day() < 3; now = now.Add(7 * time.Hour) {
				until := home.nextDay(now)
				if !until.After(now) || until.Sub(now) > 25*time.Hour || home.Today(until) != home.Today(now).AddDays(1) || home.Today(until.Add(-1)) != home.Today(now) {
					t.Errorf("%s: the day of %s ends at %s", zone, now, until)
				}
			}
		}
	}
}

// TestNothingMovesBeforeTheBoardEnds: the local date is the same in each instant
// before, and another one at it.
func TestNothingMovesBeforeTheBoardEnds(t *testing.T) {
	zones := []string{
		"UTC", "Europe/Berlin", "Africa/Cairo", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "America/Havana",
		"Asia/Beirut", "America/Asuncion", "America/Sao_Paulo", "Australia/Lord_Howe", "Antarctica/Troll",
	}
	rapid.Check(t, func(t *rapid.T) {
		home := Home{ID: 1, TimeZone: rapid.SampledFrom(zones).Draw(t, "zone")}
		now := time.Unix(rapid.Int64Range(0, 2_000_000_000).Draw(t, "now"), 0)
		until := BoardValidUntil([]Home{home}, nil, now)
		if !until.After(now) || home.Today(until) == home.Today(now) {
			t.Fatalf("at %s the date is still %s", until, home.Today(now))
		}
		loc, today := home.Local(now).Location(), home.Today(now)
		for at := now; at.Before(until); at = at.Add(30 * time.Second) {
			if day := DateOf(at.In(loc)); day != today {
				t.Fatalf("at %s, before %s, it is %s", at, until, day)
			}
		}
		if last := until.Add(-time.Nanosecond); home.Today(last) != home.Today(now) {
			t.Fatalf("until %s is too late", until)
		}
	})
}
