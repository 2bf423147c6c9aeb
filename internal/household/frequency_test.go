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
			var due *Date
			if tc.due != "" {
				due = ptr(day(t, tc.due))
			}
			got, ok := tc.frequency.NextDue(due, day(t, tc.today))
			if !ok || got.String() != tc.want {
				t.Errorf("next due = %s (%t), want %s", got, ok, tc.want)
			}
		})
	}
	if _, ok := FrequencyOnce.NextDue(nil, day(t, "2026-03-10")); ok {
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
			due := day(t, from)
			got, ok := f.NextDue(&due, day(t, "2026-03-10"))
			if _, err := ParseDate(got.String()); !ok || err != nil || got.Before(due) {
				t.Errorf("%s from %s: %s, %v", f, from, got, err)
			}
		}
		due := LastDate()
		if got, _ := f.NextDue(&due, LastDate()); got != LastDate() {
			t.Errorf("%s after the last day: %s", f, got)
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
		if got, ok := f.NextDue(&due, today); !ok || got != want {
			t.Fatalf("%s from %s on %s: %s, want %s", f, due, today, got, want)
		}
	})
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

func TestTimeZones(t *testing.T) {
	for _, bad := range []string{"", "Local", "Europe/Atlantis", "../etc/passwd"} {
		if ValidTimeZone(bad) == nil {
			t.Errorf("%q is taken for a time zone", bad)
		}
	}
	for _, good := range []string{"UTC", "Europe/Berlin", "America/Argentina/Ushuaia"} {
		if err := ValidTimeZone(good); err != nil {
			t.Error(err)
		}
	}
}
