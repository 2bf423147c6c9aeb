package household

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNextDue(t *testing.T) {
	for _, tc := range []struct {
		name       string
		frequency  Frequency
		due, today string
		want       string
	}{
		{"done early, one step on", "weekly", "2026-03-10", "2026-03-08", "2026-03-17"},
		{"done on the day", "weekly", "2026-03-10", "2026-03-10", "2026-03-17"},
		{"done late, missed dates are passed over", "weekly", "2026-03-10", "2026-03-30", "2026-03-31"},
		{"done late on a date of the grid", "weekly", "2026-03-10", "2026-03-31", "2026-04-07"},
		{"months count from the first date", "monthly", "2026-01-31", "2026-02-28", "2026-03-31"},
		{"the short month", "monthly", "2026-01-31", "2026-01-31", "2026-02-28"},
		{"years late", "daily", "1990-01-01", "2026-03-10", "2026-03-11"},
		{"a leap day", "annually", "2024-02-29", "2026-03-10", "2027-02-28"},
		{"no due date counts from today", "monthly", "", "2026-03-10", "2026-04-10"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var due Due
			if tc.due != "" {
				due.Date = day(t, tc.due)
			}
			got, ok := tc.frequency.NextDue(due, day(t, tc.today))
			if !ok || got.Date.String() != tc.want {
				t.Errorf("next due = %s (%t), want %s", got.Date, ok, tc.want)
			}
		})
	}
	if _, ok := FrequencyOnce.NextDue(Due{}, day(t, "2026-03-10")); ok {
		t.Error("a one-off task has no next due date")
	}
}

// The fast first step must find the date that counting from one would find.
// A task of the last year stays on the last day: the year 10000 has no form.
func TestNextDueEndsWithTheDates(t *testing.T) {
	for _, f := range Frequencies() {
		if f == FrequencyOnce {
			continue
		}
		for _, from := range []string{"9999-12-31", "9999-12-30", "9999-01-31"} {
			due := Due{Date: day(t, from)}
			got, ok := f.NextDue(due, day(t, "2026-03-10"))
			if _, err := ParseDate(got.Date.String()); !ok || err != nil || got.Date.Before(due.Date) {
				t.Errorf("%s from %s: %+v, %v", f, from, got, err)
			}
		}
		if got, _ := f.NextDue(Due{Date: LastDate()}, LastDate()); got != (Due{Date: LastDate()}) {
			t.Errorf("%s after the last day: %+v", f, got)
		}
	}
}

func TestNextDueIsTheFirstDateOfTheGridAfterToday(t *testing.T) {
	recurring := rapid.SampledFrom(Frequencies()[1:])
	rapid.Check(t, func(t *rapid.T) {
		f := recurring.Draw(t, "frequency")
		due := Date{2000, 1, 1}.AddDays(rapid.IntRange(0, 3000).Draw(t, "due"))
		today := due.AddDays(rapid.IntRange(-400, 5000).Draw(t, "late"))
		step, _ := f.Step()
		want := due
		for n := 1; !want.After(today) || !want.After(due); n++ {
			want = due.AddMonths(n * step.Months).AddDays(n * step.Days)
		}
		if got, ok := f.NextDue(Due{Date: due}, today); !ok || got.Date != want {
			t.Fatalf("%s from %s on %s: %s, want %s", f, due, today, got.Date, want)
		}
	})
}

// TestTheDayOfTheMonthIsKept through any number of completions.
func TestTheDayOfTheMonthIsKept(t *testing.T) {
	for _, tc := range []struct {
		frequency Frequency
		from      string
		want      []string
	}{
		{"monthly", "2027-01-31", []string{"2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"}},
		{"monthly", "2027-01-30", []string{"2027-02-28", "2027-03-30", "2027-04-30"}},
		{"monthly", "2028-01-29", []string{"2028-02-29", "2028-03-29"}},
		{"monthly", "2027-02-28", []string{"2027-03-28", "2027-04-28"}},
		{"quarterly", "2027-08-31", []string{"2027-11-30", "2028-02-29", "2028-05-31", "2028-08-31"}},
		{"semiannually", "2027-08-31", []string{"2028-02-29", "2028-08-31", "2029-02-28", "2029-08-31"}},
		{"annually", "2028-02-29", []string{"2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29", "2033-02-28"}},
		{"weekly", "2027-01-31", []string{"2027-02-07", "2027-02-14"}},
	} {
		due := Due{Date: day(t, tc.from)}
		for _, want := range tc.want {
			next, ok := tc.frequency.NextDue(due, due.Date)
			if !ok || next.Date.String() != want {
				t.Errorf("%s from %s: after %+v comes %s, want %s", tc.frequency, tc.from, due, next.Date, want)
			}
			due = next
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom([]Frequency{"monthly", "quarterly", "semiannually", "annually"}).Draw(t, "frequency")
		step, _ := f.Step()
		start := Date{2000, 1, 1}.AddDays(rapid.IntRange(0, 3000).Draw(t, "due"))
		due, months := Due{Date: start}, 0
		for range rapid.IntRange(1, 60).Draw(t, "completions") {
			late := rapid.IntRange(-40, 100).Draw(t, "late")
			due, _ = f.NextDue(due, due.Date.AddDays(late))
			months += step.Months
			for start.AddMonths(months).Before(due.Date) {
				months += step.Months
			}
			if want := start.AddMonths(months); due.Date != want {
				t.Fatalf("%s from %s: %s is not on its grid, %s is", f, start, due.Date, want)
			}
		}
	})
}

// TestAStaleDayIsNotKept: a release that does not know of it may have moved the
// due date.
func TestAStaleDayIsNotKept(t *testing.T) {
	for _, tc := range []struct {
		due  Due
		want string
	}{
		{Due{day(t, "2027-02-28"), 31}, "2027-03-31"},
		{Due{day(t, "2027-02-27"), 31}, "2027-03-27"},
		{Due{day(t, "2028-02-28"), 31}, "2028-03-28"},
		{Due{day(t, "2027-03-31"), 30}, "2027-04-30"},
		{Due{day(t, "2027-04-30"), 30}, "2027-05-30"},
	} {
		if got, _ := Frequency("monthly").NextDue(tc.due, tc.due.Date); got.Date.String() != tc.want {
			t.Errorf("after %+v comes %s, want %s", tc.due, got.Date, tc.want)
		}
	}
}

func TestRoles(t *testing.T) {
	for _, a := range []Action{ActionDeleteResidence, ActionEditResidence, ActionShare, ActionManageMembers} {
		if !RoleOwner.May(a) {
			t.Errorf("the owner may not %s", a)
		}
		if RoleMember.May(a) {
			t.Errorf("a member may %s", a)
		}
		if got, want := RoleAdmin.May(a), a != ActionDeleteResidence; got != want {
			t.Errorf("an admin may %s: %t, want %t", a, got, want)
		}
	}
	if RoleOwner.May("paint the house") || RoleOwner.Assignable() {
		t.Error("an unknown action is refused, and ownership is not given away by a change of role")
	}
}
