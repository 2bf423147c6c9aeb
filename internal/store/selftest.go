package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/link"
)

var selfTest = Query{
	Name: "self_test",
	SQL: `/* self_test */ SELECT now() AS at, $1::date, $2::bytea, $3::timestamptz, $4::text,
	encode(convert_to($4::text, 'UTF8'), 'hex'), $5::bigint[]`,
	Sample: func(s Subject) []any { return []any{"2024-02-29", s.TokenHash, s.At, "Sample", []int64{s.UserID}} },
}

// SelfTest is what came of running the service's own statements.
type SelfTest struct {
	// Statements ran without an error, in so many turns.
	Statements int
	Turns      int64
	// Failed is the name of the statement that the database refused, and Err what it answered; empty and nil if none was.
	Failed string
	Err    error
	// Wrong are the values that came back otherwise than they were sent: date, bytea, timestamp, text, array, or user.
	Wrong []string
}

// SelfTest runs what requests run, over the service's own pool: values of each kind that is stored, a registration, the
// look-up of its token, and every statement that writes. All of it is one transaction, which is rolled back; only the
// new user's own rows are touched, and no reader sees them. Sequences move on by the ids that were given out.
//
// An answer of the database that refuses a statement is in the result; an error means that there was no answer.
func (db *DB) SelfTest(ctx context.Context) (SelfTest, error) {
	var out SelfTest
	ctx, tally := link.WithTally(ctx)
	q := selfTest
	q.Write = true // it is not sent twice
	err := db.borrow(ctx, q, func(ctx context.Context, conn *pgx.Conn) error {
		out = SelfTest{}
		err := out.run(ctx, conn)
		if status := conn.PgConn().TxStatus(); status != 'I' && !conn.IsClosed() {
			err = errors.Join(err, conn.PgConn().Exec(ctx, "ROLLBACK").Close())
		}
		return err
	})
	out.Turns = tally.Turns()
	return out, err
}

// stepOf is one statement of the self-test and what reads its rows.
type stepOf struct {
	name string
	sql  string
	args []any
	read func(pgx.Rows) error
}

func (t *SelfTest) run(ctx context.Context, conn *pgx.Conn) error {
	sent := selfTestValues()
	var got selfTestRow
	var registered household.User
	var b bearer
	hash := randomBytes(32)
	newcomer := NewUser{Email: "self-test-" + hex.EncodeToString(hash[:8]) + "@honeydue.invalid", Name: sent.text, PasswordHash: "none"}
	steps := []stepOf{
		{name: "begin", sql: "BEGIN"},
		{name: "begin", sql: "SET LOCAL lock_timeout = '200ms'"}, // it waits for nobody
		{name: "begin", sql: "SET LOCAL statement_timeout = '2s'"},
		{name: selfTest.Name, sql: selfTest.SQL, args: sent.args(), read: rowInto(got.into())},
		{name: userRegister.Name, sql: userRegister.SQL, args: []any{newcomer.Email, newcomer.Name, newcomer.PasswordHash, hash}, read: rowInto(intoUser(&registered))},
		{name: authLookup.Name, sql: authLookup.SQL, args: []any{hash}, read: rowInto(intoBearer(&b))},
	}
	if err := t.send(ctx, conn, steps); err != nil || t.Err != nil {
		return err
	}
	t.Wrong = got.differs(sent)
	if registered.ID == 0 || b.ID != registered.ID || registered.Email != newcomer.Email || registered.Name != newcomer.Name || !registered.CreatedAt.Equal(got.now) {
		t.Wrong = append(t.Wrong, "user")
	}
	subject := Subject{UserID: registered.ID, TokenHash: randomBytes(32), At: got.now}
	return t.send(ctx, conn, append(selfTestWrites(subject), stepOf{name: "rollback", sql: "ROLLBACK"}))
}

// selfTestWrites are the statements that write, for a user who has nothing: those about a residence or a task find
// none, and are refused all the same where a right or a column is missing. The one that prunes the change log would
// lock rows of others.
func selfTestWrites(s Subject) []stepOf {
	var steps []stepOf
	for _, q := range Catalogue() {
		if !q.Write || q.Name == userRegister.Name || q.Name == changesPrune.Name {
			continue
		}
		args := q.Sample(s)
		for i, a := range args {
			if a == sampleWriteID {
				args[i] = randomUUID()
			}
		}
		steps = append(steps, stepOf{name: q.Name, sql: q.SQL, args: args})
	}
	return steps
}

// send runs the steps in one turn, up to the first that the database refuses.
func (t *SelfTest) send(ctx context.Context, conn *pgx.Conn, steps []stepOf) error {
	batch := &pgx.Batch{}
	for _, s := range steps {
		batch.Queue(s.sql, s.args...)
	}
	results := conn.SendBatch(ctx, batch)
	for _, s := range steps {
		rows, err := results.Query()
		if err == nil {
			if s.read != nil && rows.Next() {
				err = s.read(rows)
			}
			rows.Close()
			err = errors.Join(err, rows.Err())
		}
		if err != nil {
			_ = results.Close() // it repeats the error
			return t.refused(s, err)
		}
		t.Statements++
	}
	return results.Close()
}

// refused notes an answer that is an error, or that can't be read; anything else is returned.
func (t *SelfTest) refused(s stepOf, err error) error {
	var answer *pgconn.PgError
	var unreadable pgx.ScanArgError
	if !errors.As(err, &answer) && !errors.As(err, &unreadable) {
		return err
	}
	t.Failed, t.Err = s.name, err
	return nil
}

func rowInto(places []any) func(pgx.Rows) error {
	return func(rows pgx.Rows) error { return rows.Scan(places...) }
}

// selfTestRow is one value of each kind that is stored.
type selfTestRow struct {
	date  household.Date
	bytes []byte
	at    time.Time
	text  string
	utf8  string // of text, in hexadecimal, as the server has it
	ids   []int64
	now   time.Time
}

// selfTestValues are such as a setting of the session would change: a day above 12, bytes that are no text, an hour of
// its own in each time zone, characters that LATIN1 lacks.
func selfTestValues() selfTestRow {
	return selfTestRow{
		date:  household.Date{Year: 2024, Month: time.February, Day: 29},
		bytes: []byte{0, 1, '\\', '\'', 127, 128, 255},
		at:    time.Date(2024, time.July, 31, 23, 30, 0, 123456000, time.UTC),
		text:  `Müller's \ "家" 🏠`,
		ids:   []int64{1, -2, 1 << 40},
	}
}

func (r *selfTestRow) args() []any { return []any{dateArg(&r.date), r.bytes, r.at, r.text, r.ids} }

func (r *selfTestRow) into() []any {
	return []any{&r.now, &r.date, &r.bytes, &r.at, &r.text, &r.utf8, &r.ids}
}

// differs lists what came back otherwise.
func (r *selfTestRow) differs(sent selfTestRow) []string {
	var out []string
	for _, v := range []struct {
		name string
		same bool
	}{
		{"date", r.date == sent.date},
		{"bytea", bytes.Equal(r.bytes, sent.bytes)},
		{"timestamp", r.at.Equal(sent.at)},
		{"text", r.text == sent.text && r.utf8 == hex.EncodeToString([]byte(sent.text))},
		{"array", fmt.Sprint(r.ids) == fmt.Sprint(sent.ids)},
	} {
		if !v.same {
			out = append(out, v.name)
		}
	}
	return out
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}

func randomUUID() string {
	b := randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
