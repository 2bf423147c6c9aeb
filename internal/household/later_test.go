package household

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// boardOf is the board of these tasks at an instant, and the first to have been
// completed of those that it counts as completed.
func boardOf(homes []Home, tasks []Card, now time.Time) (Board, *time.Time) {
	var oldest *time.Time
	shown := slices.DeleteFunc(slices.Clone(tasks), func(c Card) bool {
		return c.CompletedAt != nil && c.CompletedAt.Before(now.Add(-CompletedFor))
	})
	for _, c := range shown {
		if c.CompletedAt != nil && (oldest == nil || c.CompletedAt.Before(*oldest)) {
			oldest = c.CompletedAt
		}
	}
	return BuildBoard(BoardInput{Homes: homes, Cards: shown, Now: now, DueSoonDays: DueSoonDays}), oldest
}

// copied is what is left of a value after it was JSON.
func copied[T any](t interface{ Fatal(...any) }, v T) (out T) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLaterIsTheBoardOfThatInstant: whatever the tasks, zones and instants, a board
// that is made of a copy of an earlier one is the board of its instant, again and again.
func TestLaterIsTheBoardOfThatInstant(t *testing.T) {
	start := time.Date(2026, 3, 27, 21, 0, 0, 0, time.UTC) // two days before summer time begins in Berlin
	homes := []Home{{1, "Asia/Tokyo"}, {2, "America/New_York"}, {3, "Europe/Berlin"}}
	remade := 0
	rapid.Check(t, func(t *rapid.T) {
		now := start
		tasks := rapid.SliceOfNDistinct(anyCard(now), 0, CompletedShown+20, func(c Card) int64 { return c.ID }).Draw(t, "tasks")
		board, oldest := boardOf(homes, tasks, now)
		for range 3 {
			now = now.Add(time.Duration(rapid.Int64Range(1, int64(20*24*time.Hour)).Draw(t, "later")))
			later, first, ok := copied(t, board).Later(homes, oldest, now, DueSoonDays)
			want, wantFirst := boardOf(homes, tasks, now)
			if !ok {
				completed := board.Columns[len(board.Columns)-1]
				if completed.Count == len(completed.Tasks) || !oldest.Before(now.Add(-CompletedFor)) {
					t.Fatal("it says that a card is missing")
				}
				board, oldest = want, wantFirst
				continue
			}
			remade++
			if !reflect.DeepEqual(copied(t, later), copied(t, want)) {
				t.Fatalf("at %s it is\n%+v\nwant\n%+v", now, later, want)
			}
			if (first == nil) != (wantFirst == nil) || first != nil && !first.Equal(*wantFirst) {
				t.Fatalf("the first to be completed is %v, want %v", first, wantFirst)
			}
			board, oldest = later, first
		}
	})
	if remade == 0 {
		t.Error("no board was made of another")
	}
}

// TestLaterNeedsAllCards: a column that does not show all that it counts may lack a card of another day.
func TestLaterNeedsAllCards(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	homes := []Home{{ID: 1, TimeZone: "UTC"}}
	var open, completed []Card
	for i := range int64(OpenShown + 1) {
		open = append(open, Card{ID: i, ResidenceID: 1, DueDate: ptr(DateOf(now).AddDays(40 + int(i)))})
	}
	for i := range int64(CompletedShown + 1) {
		completed = append(completed, Card{ID: i, ResidenceID: 1, CompletedAt: ptr(now.Add(-time.Duration(i) * time.Hour))})
	}
	firstLeaves := completed[CompletedShown].CompletedAt.Add(CompletedFor)
	for name, c := range map[string]struct {
		tasks []Card
		at    time.Time
		ok    bool
	}{
		"as many open tasks as a column shows":                     {open[:OpenShown], now.AddDate(0, 0, 1), true},
		"an open task more":                                        {open, now.AddDate(0, 0, 1), false},
		"completed tasks, the oldest stays":                        {completed, firstLeaves, true},
		"completed tasks, the oldest leaves":                       {completed, firstLeaves.Add(time.Microsecond), false},
		"as many completed as the column shows, the oldest leaves": {completed[:CompletedShown], firstLeaves.Add(time.Hour), true},
	} {
		board, oldest := boardOf(homes, c.tasks, now)
		later, _, ok := board.Later(homes, oldest, c.at, DueSoonDays)
		if ok != c.ok {
			t.Errorf("%s: %v", name, ok)
		}
		if want, _ := boardOf(homes, c.tasks, c.at); ok && !reflect.DeepEqual(copied(t, later), copied(t, want)) {
			t.Errorf("%s: %+v, want %+v", name, later, want)
		}
	}
}
