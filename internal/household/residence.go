package household

import "time"

// Residence is a home that people share.
type Residence struct {
	ID         int64     `json:"id"`
	Name       string    `json:"name"`
	Street     string    `json:"street"`
	City       string    `json:"city"`
	PostalCode string    `json:"postal_code"`
	Country    string    `json:"country"`
	TimeZone   string    `json:"time_zone" doc:"IANA name; it decides which day is today for the residence's tasks"`
	OwnerID    int64     `json:"owner_id"`
	Role       Role      `json:"role" enum:"owner,admin,member" doc:"the role of the requesting user"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// NewResidence is what creating one takes.
type NewResidence struct {
	Name       string `json:"name" minLength:"1" maxLength:"100"`
	Street     string `json:"street,omitempty" maxLength:"200"`
	City       string `json:"city,omitempty" maxLength:"100"`
	PostalCode string `json:"postal_code,omitempty" maxLength:"20"`
	Country    string `json:"country,omitempty" maxLength:"60"`
	TimeZone   string `json:"time_zone,omitempty" maxLength:"60" doc:"IANA name of a region, such as Europe/Berlin; UTC when absent. Abbreviations (CET, EST) and rules (EST5EDT, UTC+3) are refused with the region to use"`
}

// ResidencePatch changes what is set and leaves the rest.
type ResidencePatch struct {
	Name       *string `json:"name,omitempty" minLength:"1" maxLength:"100"`
	Street     *string `json:"street,omitempty" maxLength:"200"`
	City       *string `json:"city,omitempty" maxLength:"100"`
	PostalCode *string `json:"postal_code,omitempty" maxLength:"20"`
	Country    *string `json:"country,omitempty" maxLength:"60"`
	TimeZone   *string `json:"time_zone,omitempty" maxLength:"60" doc:"IANA name of a region, such as Europe/Berlin"`
}

// Home is what the board needs to know of a residence: whose tasks stand
// under it, and which day it is there.
type Home struct {
	ID       int64  `json:"id"`
	TimeZone string `json:"time_zone"`
}

// Today is the residence's local date at the instant now.
func (h Home) Today(now time.Time) Date { return DateOf(h.Local(now)) }

// Local is the instant now by the residence's clock. A name that is not accepted
// counts as UTC: writes refuse it (ValidTimeZone), so it can only have come from
// outside, and a board is better than an error.
func (h Home) Local(now time.Time) time.Time {
	if loc := zones()[h.TimeZone]; loc != nil {
		return now.In(loc)
	}
	return now.UTC()
}

// nextDay is the first instant after now at which the residence's local date is
// another one. It goes from one change of the zone's clock to the next: a
// midnight may not exist (the clock springs over it), come twice, or take a
// whole day with it.
func (h Home) nextDay(now time.Time) time.Time {
	now = h.Local(now)
	today := DateOf(now)
	for t := now; ; {
		year, month, day := t.Date()
		_, offset := t.Zone()
		midnight := time.Date(year, month, day+1, 0, 0, 0, 0, time.FixedZone("", offset))
		changes := clockChange(t)
		if changes.IsZero() || midnight.Before(changes) {
			return midnight.UTC()
		}
		if t = h.Local(changes); DateOf(t) != today {
			return t.UTC()
		}
	}
}

// clockChange is an instant after t up to which t's zone keeps its offset, zero
// if it keeps it for ever.
func clockChange(t time.Time) time.Time {
	_, end := t.ZoneBounds()
	// Up to Go 1.26 at least, the end of a leap year's last season comes a day
	// early: on 31 December it is not after t.
	for !end.IsZero() && !end.After(t) {
		end = end.Add(24 * time.Hour)
	}
	return end
}

// NewShareCode is what making a share code takes.
type NewShareCode struct {
	ExpiresInHours int  `json:"expires_in_hours,omitempty" minimum:"1" maximum:"720" doc:"24 when absent"`
	MaxUses        *int `json:"max_uses,omitempty" minimum:"1" maximum:"1000" doc:"how many people it admits, any number when absent"`
}

// ShareCode is what is shown of a code by which people join a residence as
// members. The code itself is not: see IssuedShareCode.
type ShareCode struct {
	ID        int64     `json:"id"`
	CreatedBy Person    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Uses      int       `json:"uses" doc:"how many people it has admitted"`
	MaxUses   *int      `json:"max_uses" doc:"how many people it admits, null for any number"`
}

// IssuedShareCode is a code as its maker gets it, once.
type IssuedShareCode struct {
	Code string `json:"code" doc:"it is shown only here; the list of codes does not include it"`
	ShareCode
}

// Person names somebody of a residence.
type Person struct {
	UserID int64  `json:"user_id"`
	Name   string `json:"name"`
}

// ShareCodeTTL is how long a share code works unless its maker says otherwise:
// long enough to read it out on the telephone or send it by message, short
// enough that an old message admits nobody.
const ShareCodeTTL = 24 * time.Hour
