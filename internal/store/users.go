package store

import (
	"context"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

// NewUser is what registering takes. The e-mail is kept as written and unique
// without regard to the case of A to Z; see household.FoldEmail.
type NewUser struct {
	Email, Name, PasswordHash string
}

func intoUser(u *household.User) []any { return []any{&u.ID, &u.Email, &u.Name, &u.CreatedAt} }

var userRegister = Query{
	Name: "user_register",
	SQL: `/* user_register */ WITH u AS (
	INSERT INTO users (email, name, password_hash) VALUES ($1, $2, $3)
	RETURNING id, email, name, created_at
), token AS (
	INSERT INTO auth_tokens (key_hash, user_id) SELECT $4::bytea, id FROM u
)
SELECT id, email, name, created_at FROM u`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{"sample@seed.example", "Sample", "no hash", s.TokenHash} },
}

// Register makes an account and its first token. A taken e-mail is a
// FieldError{ErrConflict, "email"}.
func (db *DB) Register(ctx context.Context, u NewUser, tokenHash []byte) (household.User, error) {
	return one(ctx, db, userRegister, []any{u.Email, u.Name, u.PasswordHash, tokenHash}, intoUser)
}

var userCredentials = Query{
	Name: "user_credentials",
	SQL: `/* user_credentials */ SELECT id, email, name, created_at, password_hash
FROM users WHERE lower(email COLLATE "C") = lower($1::text COLLATE "C")`,
	Sample: func(Subject) []any { return []any{"seed-1@seed.example"} },
}

// Credentials finds the account of an e-mail, with A to Z in any case, and its
// password hash.
func (db *DB) Credentials(ctx context.Context, email string) (household.User, string, error) {
	type account struct {
		household.User
		hash string
	}
	a, err := one(ctx, db, userCredentials, []any{email}, func(a *account) []any {
		return append(intoUser(&a.User), &a.hash)
	})
	return a.User, a.hash, err
}

var tokenCreate = Query{
	Name: "token_create",
	SQL: `/* token_create */ WITH u AS (
	UPDATE users SET last_active_at = now() WHERE id = $1 RETURNING id
)
INSERT INTO auth_tokens (key_hash, user_id) SELECT $2::bytea, id FROM u RETURNING user_id`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.UserID, s.TokenHash} },
}

// CreateToken adds a token to an account, by the SHA-256 of its text.
func (db *DB) CreateToken(ctx context.Context, userID int64, tokenHash []byte) error {
	_, err := one(ctx, db, tokenCreate, []any{userID, tokenHash}, intoID)
	return err
}

func intoID(id *int64) []any { return []any{id} }

var authLookup = Query{
	Name: "auth_lookup",
	// The residences come along: a cold write has to hold the one that it is
	// about, and may not even know which it is.
	SQL: `/* auth_lookup */ SELECT u.id, u.email, u.name, u.created_at, ` + homeIDsColumns + `
FROM auth_tokens a INNER JOIN users u ON u.id = a.user_id
WHERE a.key_hash = $1::bytea`,
	Hot:    true,
	Sample: func(s Subject) []any { return []any{s.TokenHash} },
}

// UserByToken finds the account behind a token, and the ids of the residences
// that it sees, sorted.
func (db *DB) UserByToken(ctx context.Context, tokenHash []byte) (household.User, []int64, error) {
	if db.cfg.SplitAuth {
		return db.splitUserByToken(ctx, tokenHash)
	}
	b, err := one(ctx, db, authLookup, []any{tokenHash}, intoBearer)
	return b.User, b.homes, err
}

// bearer is the user of a token, with the residences that he sees.
type bearer struct {
	household.User
	homes []int64
}

func intoBearer(b *bearer) []any {
	b.homes = []int64{}
	return append(intoUser(&b.User), &b.homes)
}

var tokenDelete = Query{
	Name: "token_delete",
	SQL: `/* token_delete */ WITH gone AS (
	DELETE FROM auth_tokens WHERE key_hash = $2::bytea AND user_id = $1 RETURNING user_id
), ` + notedCTE + `'token', NULL, true, ARRAY[g.user_id], '{}' FROM gone g
)
SELECT FROM gone`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.UserID, s.TokenHash, sampleWriteID} },
}

// DeleteToken makes a token of this user's worthless. One that does not exist,
// or is someone else's, is no error: then nothing has changed.
func (db *DB) DeleteToken(ctx context.Context, w Write, userID int64, tokenHash []byte) error {
	return db.none(ctx, tokenDelete, []any{userID, tokenHash, w.ID})
}

var userUpdate = Query{
	Name: "user_update",
	SQL: `/* user_update */ WITH changed AS (
	UPDATE users SET name = COALESCE($2::text, name) WHERE id = $1 RETURNING id, email, name, created_at
), ` + notedCTE + `'user', c.id, false, ARRAY[c.id], '{}' FROM changed c
)
SELECT id, email, name, created_at FROM changed`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.UserID, "Sample", sampleWriteID} },
}

// UpdateUser changes an account's own data.
func (db *DB) UpdateUser(ctx context.Context, w Write, userID int64, p household.UserPatch) (household.User, error) {
	return one(ctx, db, userUpdate, []any{userID, p.Name, w.ID}, intoUser)
}

// ActiveUser is someone whose caches are worth filling before he comes back.
type ActiveUser struct {
	household.User
	TokenHash    []byte // his newest token
	ResidenceIDs []int64
	LastActiveAt time.Time
}

var userRecent = Query{
	Name: "user_recent",
	SQL: `/* user_recent */ SELECT u.id, u.email, u.name, u.created_at, u.last_active_at, a.key_hash, ` + homeIDsColumns + `
FROM (
	SELECT id, email, name, created_at, last_active_at FROM users ORDER BY last_active_at DESC, id DESC LIMIT $1::int
) u
CROSS JOIN LATERAL (
	SELECT key_hash FROM auth_tokens WHERE user_id = u.id ORDER BY created_at DESC, key_hash LIMIT 1
) a
ORDER BY u.last_active_at DESC, u.id DESC`,
	Sample: func(Subject) []any { return []any{100} },
}

// RecentUsers lists the most recently active users that have a token, at most n.
func (db *DB) RecentUsers(ctx context.Context, n int) ([]ActiveUser, error) {
	return all(ctx, db, userRecent, []any{n}, func(u *ActiveUser) []any {
		return append(intoUser(&u.User), &u.LastActiveAt, &u.TokenHash, &u.ResidenceIDs)
	})
}

var userTokens = Query{
	Name: "user_tokens",
	SQL: `/* user_tokens */ SELECT u.id, a.key_hash
FROM unnest($1::bigint[]) AS u (id)
CROSS JOIN LATERAL (
	SELECT key_hash FROM auth_tokens WHERE user_id = u.id ORDER BY created_at DESC, key_hash LIMIT 1
) a`,
	Sample: func(s Subject) []any { return []any{[]int64{s.UserID}} },
}

// NewestTokens are the hashes of the newest token of each of these users; who
// has none is not among them.
func (db *DB) NewestTokens(ctx context.Context, userIDs []int64) (map[int64][]byte, error) {
	type bearer struct {
		id   int64
		hash []byte
	}
	found, err := all(ctx, db, userTokens, []any{userIDs}, func(b *bearer) []any { return []any{&b.id, &b.hash} })
	if err != nil {
		return nil, err
	}
	tokens := make(map[int64][]byte, len(found))
	for _, b := range found {
		tokens[b.id] = b.hash
	}
	return tokens, nil
}
