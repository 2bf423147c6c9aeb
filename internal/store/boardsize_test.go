package store

import (
	"context"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// received is how many bytes the only connection of a pool has read so far.
func received(ctx context.Context, t testing.TB, db *DB) int64 {
	t.Helper()
	var n int64
	check(t, db.borrow(ctx, poolPing, func(_ context.Context, c *pgx.Conn) error {
		n = link0(c).BytesRead()
		return nil
	}))
	return n
}

// boardBudget is how much a board of 200 tasks may take on the wire, the lookup
// of the token included: what an idle connection takes in the first round trip.
const boardBudget = 13_500

// TestTheBoardIsNarrow, with the titles of the seed: at most boardBudget for 200
// tasks, and for 2,000 it shows the first of each column, counts all of them, and
// is the one that the domain would make of all tasks.
func TestTheBoardIsNarrow(t *testing.T) {
	env := labtest.Database(t, Migrate)
	o := smallSeed()
	o.Today, o.TasksPerResidence = time.Time{}, 20
	check(t, drop(Seed(t.Context(), env.DirectURL, o)))
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 1, 1 })
	conn := connect(t, env.DirectURL)
	ctx := t.Context()
	u := newUser(t, db, "ada")
	homes := map[int64]string{}
	for _, zone := range []string{"Pacific/Honolulu", "Europe/Berlin", "Pacific/Auckland"} {
		r, err := db.CreateResidence(ctx, wr(), u.ID, household.NewResidence{Name: zone, TimeZone: zone})
		check(t, err)
		homes[r.ID] = zone
	}
	now := time.Now()
	read := func() (BoardRows, int64) {
		t.Helper()
		before := received(ctx, t, db)
		_, b, err := db.Board(ctx, tokenOf(u), now, household.DueSoonDays)
		check(t, err)
		return b, received(ctx, t, db) - before
	}
	_, empty := read()
	for _, tasks := range []int{200, 2000} {
		// Tasks that the board shows, from all over the seed.
		for _, id := range slices.Sorted(maps.Keys(homes)) { // the limit below grows with the id
			_, err := conn.Exec(ctx, `UPDATE tasks SET residence_id = $1 WHERE id IN (
	SELECT t.id FROM tasks t JOIN residences r ON r.id = t.residence_id
	WHERE NOT t.archived AND (t.completed_at IS NULL OR t.completed_at >= $2) AND r.owner_id <> $4
	ORDER BY md5(t.id::text) LIMIT $3 - (SELECT count(*) FROM tasks t JOIN residences r ON r.id = t.residence_id WHERE r.owner_id = $4)
)`, id, now.Add(-household.CompletedFor), tasks*(1+int(id-minKey(homes)))/len(homes), u.ID)
			check(t, err)
		}
		b, bytes := read()
		in := household.BoardInput{Now: now, DueSoonDays: household.DueSoonDays}
		for id, zone := range homes {
			in.Homes = append(in.Homes, household.Home{ID: id, TimeZone: zone})
		}
		rows, err := conn.Query(ctx, "SELECT "+taskColumns+" FROM tasks t JOIN residences r ON r.id = t.residence_id WHERE r.owner_id = $1", u.ID)
		check(t, err)
		for rows.Next() {
			var x household.Task
			check(t, rows.Scan(intoTask(&x)...))
			in.Cards = append(in.Cards, household.Card{
				ID: x.ID, ResidenceID: x.ResidenceID, Title: x.Title, Category: x.Category, Priority: x.Priority, DueDate: x.DueDate,
				Frequency: x.Frequency, StartedAt: x.StartedAt, CompletedAt: x.CompletedAt, LastCompletedAt: x.LastCompletedAt, Version: x.Version,
			})
		}
		check(t, rows.Err())
		if len(in.Cards) != tasks {
			t.Fatalf("%d tasks, want %d", len(in.Cards), tasks)
		}
		model := household.BuildBoard(in)
		in.Homes, in.Cards, in.Counts = b.Homes, b.Cards, b.Counts
		if got := household.BuildBoard(in); asJSON(t, got) != asJSON(t, model) {
			t.Errorf("%d tasks: the board is not the domain's", tasks)
		}
		shown := map[household.ColumnName]int{}
		for _, c := range household.BuildBoard(in).Columns {
			shown[c.Name] = c.Count
		}
		for _, c := range model.Columns {
			if shown[c.Name] != c.Count {
				t.Errorf("%d tasks: %s counts %d, want %d", tasks, c.Name, shown[c.Name], c.Count)
			}
		}
		most := 4*household.OpenShown + household.CompletedShown
		if len(b.Cards) > min(most, tasks) || bytes > boardBudget*int64(most)/200 || tasks == 200 && bytes > boardBudget {
			t.Errorf("%d tasks: %d cards in %d bytes", tasks, len(b.Cards), bytes)
		}
		t.Logf("%d tasks: %d cards in %d bytes (an empty board takes %d); %v", tasks, len(b.Cards), bytes, empty, b.Counts)
	}
}

func minKey(m map[int64]string) int64 {
	least := int64(1 << 62)
	for k := range m {
		least = min(least, k)
	}
	return least
}

// TestNamesArePacked: every category, priority and frequency arrives as what it
// was, and a name that this build does not know as the default one.
func TestNamesArePacked(t *testing.T) {
	conn := connect(t, labtest.Database(t, Migrate).DirectURL)
	names := taskNames{household.Categories(), household.Priorities(), household.Frequencies()}
	sql := "SELECT t.category, t.priority, t.frequency, " + namesOfTask() + ` FROM (
	SELECT * FROM unnest($1::text[]) AS c (category), unnest($2::text[]) AS p (priority), unnest($3::text[]) AS f (frequency)
) t`
	rows, err := conn.Query(t.Context(), sql, append(names.categories, "new"), append(names.priorities, "new"), append(names.frequencies, "new"))
	check(t, err)
	n := 0
	for ; rows.Next(); n++ {
		var c, got household.Card
		var packed int16
		check(t, rows.Scan(&c.Category, &c.Priority, &c.Frequency, &packed))
		if c.Category == "new" {
			c.Category = household.CategoryGeneral
		}
		if c.Priority == "new" {
			c.Priority = household.PriorityMedium
		}
		if c.Frequency == "new" {
			c.Frequency = household.FrequencyOnce
		}
		if names.unpack(packed, &got); !reflect.DeepEqual(got, c) {
			t.Errorf("%d: %+v, want %+v", packed, got, c)
		}
	}
	check(t, rows.Err())
	if want := (len(names.categories) + 1) * (len(names.priorities) + 1) * (len(names.frequencies) + 1); n != want {
		t.Errorf("%d combinations, want %d", n, want)
	}
}

// TestAnUnknownTokenReadsNothing, and costs one turn; nor does one that was taken back.
func TestAnUnknownTokenReadsNothing(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w := newWorld(t, db)
	check(t, db.DeleteToken(ctx, wr(), w.member.ID, tokenOf(w.member)))
	for name, token := range map[string][]byte{"unknown": tokenHash("nobody"), "taken back": tokenOf(w.member), "empty": {}, "none": nil} {
		u, b, err := db.Board(ctx, token, at(), household.DueSoonDays)
		v, r, err2 := db.Residences(ctx, token, Page{})
		x, c, err3 := db.Contractors(ctx, token, Page{})
		y, d, err4 := db.Documents(ctx, token, Page{})
		for _, err := range []error{err, err2, err3, err4} {
			if outcome(err) != "not found" {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, u := range []household.User{u, v, x, y} {
			if u != (household.User{}) {
				t.Errorf("%s: %+v", name, u)
			}
		}
		if rows := len(b.Cards) + len(b.Homes) + len(r.Items) + len(r.ResidenceIDs) + len(c.Items) + len(d.Items); rows != 0 {
			t.Errorf("%s: %d rows", name, rows)
		}
	}
	// A statement that fails in a pipeline fails as anywhere else, and the
	// connection stays sound.
	before := db.Stat().Opened
	if _, _, err := db.Board(ctx, w.token, time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC), 1); err == nil {
		t.Error("a date beyond all calendars was read")
	}
	if _, b, err := db.Board(ctx, w.token, at(), 1); err != nil || len(b.Cards) != 2 {
		t.Errorf("afterwards: %v", err)
	}
	if db.Stat().Opened != before {
		t.Error("the connection was lost")
	}
}

// TestCardsArePacked: two cards come back as they were, one after the other,
// whatever is in them; a date that never comes is none.
func TestCardsArePacked(t *testing.T) {
	conn := connect(t, labtest.Database(t, Migrate).DirectURL)
	names := taskNames{household.Categories(), household.Priorities(), household.Frequencies()}
	at := time.Date(2027, 3, 4, 5, 6, 7, 890_123_000, time.UTC)
	old := time.Date(1999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	far := time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC)
	var none *time.Time
	for _, tt := range []struct {
		due            string
		id, version    int64
		home           int16
		title          string
		start, done, l *time.Time
	}{
		{"", 1, 1, 1, "x", none, none, none},
		{"0001-01-01", math.MaxInt32, math.MaxInt16, 2, "Grüße 漢字", &at, none, none},
		{"1999-12-31", math.MaxInt32 + 1, math.MaxInt16 + 1, math.MaxInt16, strings.Repeat("ß", 200), none, &at, &old},
		{"2000-01-01", math.MaxInt64, math.MaxInt64, 3, "x", none, none, &at},
		{"2028-02-29", 7, 1, 1, "x", &old, &at, &at},
		{"9999-12-31", 1, 1, 1, "x", none, none, &far},
		{"infinity", 1, 1, 1, "x", none, none, none},
		{"-infinity", 1, 1, 1, "x", none, none, none},
	} {
		var packed []byte
		check(t, conn.QueryRow(t.Context(), "SELECT "+packedCardColumns+` FROM (SELECT $1::bigint AS id, nullif($2, '')::date AS due_date, $3::int2 AS home, 1::int2 AS names,
	$4 AS title, $5::timestamptz AS started_at, $6::timestamptz AS completed_at, $7::timestamptz AS last_completed_at, $8::bigint AS version) t`,
			tt.id, tt.due, tt.home, tt.title, tt.start, tt.done, tt.l, tt.version).Scan(&packed))
		due := tt.due
		if strings.HasSuffix(due, "infinity") {
			due = ""
		}
		rest := slices.Concat(packed, packed)
		for range 2 {
			c, home, left, err := names.unpackCard(rest)
			check(t, err)
			got := ""
			if c.DueDate != nil {
				got = c.DueDate.String()
			}
			if got != due || home != int64(tt.home) || c.ID != tt.id || c.Version != tt.version || c.Title != tt.title ||
				!sameInstant(c.StartedAt, tt.start) || !sameInstant(c.CompletedAt, tt.done) || !sameInstant(c.LastCompletedAt, tt.l) || c.Frequency != household.Frequencies()[0] {
				t.Errorf("%+v comes back as %+v of home %d", tt, c, home)
			}
			rest = left
		}
		for n := range packed {
			if _, _, _, err := names.unpackCard(packed[:n]); !errors.Is(err, errCards) {
				t.Fatalf("%d of %d bytes: %v", n, len(packed), err)
			}
		}
	}
}

func sameInstant(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}
