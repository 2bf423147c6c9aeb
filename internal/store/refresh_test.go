package store

import (
	"errors"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestAListThatCannotBeReadCostsNoWrite: a write whose list the server refuses is made without it, and one that has
// committed although a list's rows could not be read is a success. Neither is applied twice.
func TestAListThatCannotBeReadCostsNoWrite(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	w := newWorld(t, db)
	read := func(pgx.Rows) error { return nil }
	for name, list := range map[string]reading{
		"statement refused": {Query{Name: "list", SQL: "/* list */ SELECT 1 / $1::int"}, []any{0}, read},
		"unknown time zone": {Query{Name: "list", SQL: "/* list */ SELECT now() AT TIME ZONE $1::text"}, []any{"Nowhere/City"}, read},
		"rows unreadable":   {Query{Name: "list", SQL: "/* list */ SELECT generate_series(1, $1::int)"}, []any{3}, func(pgx.Rows) error { return errCards }},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := db.Task(t.Context(), w.owner.ID, w.task.ID)
			check(t, err)
			write := wr(w.home.ID)
			board := &boardReader{}
			write.Refresh = &Refresh{
				readings: []reading{{taskBoard, boardArgs(w.token, at(), 30), board.scan}, list},
				resets:   []func(){board.reset, func() {}},
			}
			title := name
			after, err := db.UpdateTask(t.Context(), write, w.owner.ID, w.task.ID, household.TaskPatch{Title: &title})
			if err != nil || after.Title != title || after.Version != before.Version+1 {
				t.Errorf("the write came to %+v, %v", after, err)
			}
			if write.Refresh.Read() {
				t.Error("the lists count as read")
			}
			stored, err := db.Task(t.Context(), w.owner.ID, w.task.ID)
			check(t, err)
			if stored.Title != title || stored.Version != before.Version+1 {
				t.Errorf("stored is %+v", stored)
			}
		})
	}
}

// TestAWriteIsSentAgainOnlyIfItWasRolledBack: an error of a list that may have come after the commit proves nothing.
func TestAWriteIsSentAgainOnlyIfItWasRolledBack(t *testing.T) {
	write := Query{Name: "write", Write: true}
	for name, c := range map[string]struct {
		err  error
		sure bool
	}{
		"refused by the server":      {&pgconn.PgError{Severity: "ERROR", Code: "57014", Routine: "ProcessInterrupts"}, true},
		"session ended":              {&pgconn.PgError{Severity: "FATAL", Code: "57P01", Routine: "ProcessInterrupts"}, false},
		"crash":                      {&pgconn.PgError{Severity: "PANIC", Code: "XX000", Routine: "XLogWrite"}, false},
		"the pooler lost the server": {&pgconn.PgError{Severity: "FATAL", Code: protocolViolation, Message: "server conn crashed?"}, false},
		"connection broken":          {io.ErrUnexpectedEOF, false},
	} {
		if err := classify(write, &laterError{err: c.err}); errors.Is(err, ErrRolledBack) != c.sure || ChangedNothing(err) != c.sure {
			t.Errorf("%s: %v", name, err)
		}
	}
}
