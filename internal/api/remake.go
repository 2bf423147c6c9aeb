package api

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
)

// boardRemake is what a board of another day is made of, in addition to the cards in
// its copy.
type boardRemake struct {
	Homes           []household.Home `json:"h"`
	OldestCompleted *time.Time       `json:"o,omitempty"`
}

// remakeOf is nil if it can't be encoded; the board is then read from the database.
func remakeOf(homes []household.Home, oldestCompleted *time.Time) []byte {
	b, err := json.Marshal(boardRemake{homes, oldestCompleted})
	if err != nil {
		return nil
	}
	return b
}

// boardAgain is the board at the instant now, made of a copy that has aged: cards
// change their column with the day, and nobody has written anything. ok is false
// without such a copy, and where the copy does not show every card that is needed.
func boardAgain(r *cache.Reading, now time.Time) (b hotAnswer[household.Board], ok bool) {
	if r == nil || r.Aged == nil {
		return b, false
	}
	var from boardRemake
	var old household.Board
	text, err := decompress(r.Aged.Body)
	if err != nil || json.Unmarshal([]byte(r.Aged.Remake), &from) != nil || json.Unmarshal(text, &old) != nil {
		return b, false // the database is asked, and its answer takes the place of what cannot be read
	}
	later, oldest, ok := old.Later(from.Homes, from.OldestCompleted, now, household.DueSoonDays)
	if !ok {
		return b, false
	}
	b = hotAnswer[household.Board]{
		user: household.User{ID: r.UserID}, body: later, remake: remakeOf(from.Homes, oldest), remade: true,
		validUntil: household.BoardValidUntil(from.Homes, oldest, now),
	}
	for _, h := range from.Homes {
		b.residenceIDs = append(b.residenceIDs, h.ID)
	}
	slices.Sort(b.residenceIDs)
	return b, true
}
