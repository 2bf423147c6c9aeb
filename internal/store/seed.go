package store

import (
	"context"
	"errors"
	"io"
	"time"
)

// SeedOptions say what to generate. The zero value of a number means its default.
type SeedOptions struct {
	Users int // 5,000
	// ResidencesPerUser, TasksPerResidence and CompletionsPerTask are means (2,
	// 30 and 3): sizes are skewed, a few users have ten residences and 2,000
	// tasks, and some have nothing.
	ResidencesPerUser, TasksPerResidence, CompletionsPerTask int
	// Seed of the generator: the same options and seed give the same rows, and
	// on an empty database the same ids. Tokens are excepted, they are secrets.
	Seed uint64
	// Password of every seeded user; they share one hash.
	Password string
	// TokensOut gets one "user_id token" a line; without it no tokens are made.
	TokensOut io.Writer
	// Wipe removes what earlier seeds made, before anything is made.
	Wipe bool
	// Progress is told now and then; may be nil.
	Progress func(SeedProgress)
}

// SeedProgress is how far a seed has come.
type SeedProgress struct {
	Step     string // a table's name, wipe or analyze
	Rows, Of int64
}

// SeededTable is what a seed has put into one table.
type SeededTable struct {
	Table string
	Rows  int64
	Took  time.Duration
}

// SeedResult is what a seed has done.
type SeedResult struct {
	Tables []SeededTable
	Wiped  int64 // users removed first
	Rows   int64
	Took   time.Duration
}

// Seed fills the database by COPY over the direct endpoint.
func Seed(ctx context.Context, directURL string, o SeedOptions) (SeedResult, error) {
	return SeedResult{}, errors.New("store: the seed is not written yet")
}

// Demo is a household to look at.
type Demo struct {
	Email, Password string
}

// SeedDemo makes a small household with a login of its own.
func SeedDemo(ctx context.Context, directURL string) (Demo, error) {
	return Demo{}, errors.New("store: the demo is not written yet")
}
