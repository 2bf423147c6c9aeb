package household

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Date is a calendar day without a time zone: a due date means "that day,
// where the residence stands". The zero value is no date.
//
// It is text (YYYY-MM-DD) in JSON and in SQL. A time.Time would be shifted to
// UTC on its way into a date column in pgx's exec mode, and a day would be lost.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

const dateLayout = time.DateOnly

// DateOf is the day that t shows in its own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// ParseDate reads YYYY-MM-DD with a year from 1 to 9999.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(dateLayout, s)
	if err != nil || t.Year() < 1 {
		return Date{}, fmt.Errorf("%q is not a date of the form YYYY-MM-DD", s)
	}
	return DateOf(t), nil
}

// LastDate is the last day that has a form: YYYY-MM-DD.
func LastDate() Date { return Date{9999, time.December, 31} }

// IsZero reports whether d is no date.
func (d Date) IsZero() bool { return d == Date{} }

// String is YYYY-MM-DD, or "" for no date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.utc().Format(dateLayout)
}

// AddDays moves d by n days; n may be negative.
func (d Date) AddDays(n int) Date { return DateOf(d.utc().AddDate(0, 0, n)) }

// AddMonths moves d by n months and keeps to the month's last day where the
// day does not exist there: 31 January and one month is 28 (or 29) February.
// Postgres' date + interval does the same.
func (d Date) AddMonths(n int) Date { return d.monthsOn(n, d.Day) }

// monthsOn is the given day of the n-th month after d's, or that month's last
// day where it has no such day.
func (d Date) monthsOn(n, day int) Date {
	first := time.Date(d.Year, d.Month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return Date{first.Year(), first.Month(), min(day, last)}
}

// Before reports whether d is an earlier day than o.
func (d Date) Before(o Date) bool { return d.utc().Before(o.utc()) }

// After reports whether d is a later day than o.
func (d Date) After(o Date) bool { return o.Before(d) }

func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// MarshalText writes YYYY-MM-DD, and nothing for no date.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD; empty text is no date.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	p, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = p
	return nil
}

// Value gives the text form, NULL for no date.
func (d Date) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil
	}
	return d.String(), nil
}

// Scan takes what a date column gives: text, a time at midnight, or NULL.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = Date{}
		return nil
	case string:
		return d.UnmarshalText([]byte(v))
	case []byte:
		return d.UnmarshalText(v)
	case time.Time:
		*d = DateOf(v)
		return nil
	default:
		return fmt.Errorf("household: cannot read a date from %T", src)
	}
}
