package store

import (
	"bytes"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestChangesOfUser tells a user what is about him and his residences, and
// nothing else, with who did it.
func TestChangesOfUser(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	w := newWorld(t, db)
	before, err := db.ChangesOfUser(t.Context(), w.owner.ID, time.Hour)
	check(t, err)
	if len(before) == 0 || before[0].Outside || before[0].Ago < before[len(before)-1].Ago {
		t.Fatalf("%v", before)
	}
	if told, err := db.ChangesOfUser(t.Context(), w.stranger.ID, time.Hour); err != nil || len(told) != 0 {
		t.Errorf("a stranger is told %v, %v", told, err)
	}
	conn := connect(t, env.DirectURL)
	_, err = conn.Exec(t.Context(), "UPDATE tasks SET title = 'by hand'")
	check(t, err)
	after, err := db.ChangesOfUser(t.Context(), w.owner.ID, time.Hour)
	check(t, err)
	if len(after) != len(before)+1 || !after[len(after)-1].Outside {
		t.Errorf("before %v, after SQL from outside %v", before, after)
	}
	if told, err := db.ChangesOfUser(t.Context(), w.owner.ID, -time.Hour); err != nil || len(told) != 0 {
		t.Errorf("of the future: %v, %v", told, err)
	}
}

func TestNewestTokens(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	w := newWorld(t, db)
	check(t, db.CreateToken(t.Context(), w.owner.ID, tokenHash("newer")))
	check(t, db.DeleteToken(t.Context(), wr(), w.stranger.ID, tokenOf(w.stranger)))
	got, err := db.NewestTokens(t.Context(), []int64{w.owner.ID, w.admin.ID, w.stranger.ID, 404})
	check(t, err)
	if len(got) != 2 || !bytes.Equal(got[w.owner.ID], tokenHash("newer")) || !bytes.Equal(got[w.admin.ID], tokenOf(w.admin)) {
		t.Errorf("%d users have tokens, want the owner's newest and the admin's", len(got))
	}
}
