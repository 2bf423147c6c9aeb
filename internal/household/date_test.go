package household

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDateText(t *testing.T) {
	for _, bad := range []string{"2026-02-30", "2026-2-3", "26-02-03", "2026-02-03T00:00:00Z", "0000-01-01", "yesterday"} {
		if d, err := ParseDate(bad); err == nil {
			t.Errorf("ParseDate(%q) = %v, want an error", bad, d)
		}
	}
	var d Date
	if err := d.UnmarshalText(nil); err != nil || !d.IsZero() {
		t.Errorf("empty text gives %v, %v; want no date", d, err)
	}
}

func TestDateSurvivesTextAndSQL(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := DateOf(time.Unix(rapid.Int64Range(-6e10, 2.5e11).Draw(t, "unix"), 0).UTC())
		text, err := d.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Date
		if err := back.UnmarshalText(text); err != nil || back != d {
			t.Fatalf("%v became %v through text (%v)", d, back, err)
		}
		v, err := d.Value()
		if err != nil {
			t.Fatal(err)
		}
		var scanned Date
		if err := scanned.Scan(v); err != nil || scanned != d {
			t.Fatalf("%v became %v through SQL (%v)", d, scanned, err)
		}
	})
}

func TestAddMonthsKeepsToTheMonth(t *testing.T) {
	for _, tc := range []struct {
		from   string
		months int
		want   string
	}{
		{"2026-01-31", 1, "2026-02-28"},
		{"2028-01-31", 1, "2028-02-29"},
		{"2026-01-31", 2, "2026-03-31"},
		{"2026-11-30", 3, "2027-02-28"},
		{"2028-02-29", 12, "2029-02-28"},
		{"2026-03-15", 6, "2026-09-15"},
	} {
		if got := day(t, tc.from).AddMonths(tc.months).String(); got != tc.want {
			t.Errorf("%s + %d months = %s, want %s", tc.from, tc.months, got, tc.want)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("2026-11-23")
	f.Add("9999-12-31")
	f.Add("2026-02-30")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err == nil && d.String() != s {
			t.Errorf("ParseDate(%q) prints as %q", s, d)
		}
	})
}
