package store

import (
	"strings"
	"time"
)

// Query is one statement of the catalogue.
type Query struct {
	// Name is unique, and the statement's text begins with it as a comment, so
	// that it is found again in pg_stat_activity and in traces.
	Name string
	SQL  string
	// Write tells that it changes data: explained without running it, and
	// never sent twice unless nothing was sent the first time.
	Write bool
	// Hot marks the statements that a user waits for many times a day.
	Hot bool
	// Sample gives arguments with which the statement may be explained for
	// this subject.
	Sample func(Subject) []any

	// refresh is read in the statement's turn, after it; nil for nothing.
	refresh *Refresh
}

// with is the statement of a write, with the lists that are read in its turn.
func (q Query) with(w Write) Query {
	q.refresh = w.Refresh
	return q
}

// Subject is a real user of the database for whom statements are explained.
type Subject struct {
	Label string // heavy, median or empty
	// UserID is 0 when the database has no such user; then every statement
	// finds nothing, which is a valid empty subject.
	UserID int64
	// TokenHash is one of the user's; 32 zero bytes when there is none.
	TokenHash []byte
	// ResidenceID and TaskID are ones that the user can see, or 0.
	ResidenceID int64
	TaskID      int64
	// Tasks is how many tasks the user's residences hold, counted up to 5,000.
	Tasks int64
	// At is the instant for which time-dependent statements are explained.
	At time.Time
}

// Catalogue lists every statement, each exactly once.
func Catalogue() []Query {
	return []Query{
		authLookup, taskBoard, residenceList, contractorList, documentList,
		userRegister, userCredentials, tokenCreate, tokenDelete, userUpdate, userRecent, userTokens,
		residenceCreate, residenceGet, residenceUpdate, residenceDelete,
		shareCodeCreate, shareCodeList, shareCodeRevoke, residenceJoin, memberList, memberSetRole, memberRemove,
		taskArchived, taskCreate, taskGet, taskUpdate, taskDelete,
		taskComplete, taskUncomplete, completionList, taskStart, taskUnstart, taskArchive, taskUnarchive,
		contractorCreate, contractorDelete, documentCreate, documentDelete,
		changesSince, changesOfUser, writeSettle, writeOutcome, changesPrune, syncDelta,
		subjectPick, subjectGuess, subjectBlind, poolPing, poolProof, statementTotals, extensionFind, pagePrewarm, timeoutsOff,
		authToken, authUser, selfTest,
	}
}

// StatementName is the catalogue name that a statement's text carries in its
// leading comment, or "" for a statement that is none of ours.
func StatementName(sql string) string {
	rest, ours := strings.CutPrefix(sql, "/* ")
	if !ours {
		return ""
	}
	name, _, closed := strings.Cut(rest, " */")
	if !closed {
		return ""
	}
	return name
}
