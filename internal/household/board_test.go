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
