package cache

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

// Answer is what the database said to a read.
type Answer struct {
	// User with an ID alone is not kept in memory: only whose answer it is is known.
	User household.User
	// ResidenceIDs are all that the user sees; nil where the statement does not
	// tell (then neither they nor a list are stored).
	ResidenceIDs []int64
	// Body of the list, compressed; nil where no list was asked for.
	Body []byte
	// ValidUntil is the instant from which on the body is another though nothing
	// was written; zero: it does not age.
	ValidUntil time.Time
	// Remake is what is needed beside the body to make the list of a later instant
	// when ValidUntil has passed and nothing was written; nil where the database has
	// to be asked then.
	Remake []byte
	// Remade: this is such a list, made of a copy and not read from the database.
	Remade bool
}

// Fill stores an answer, in one visit, as far as what it depends on stands as
// it did when r was read. It never fails; r tells what became of it.
func (c *Cache) Fill(ctx context.Context, r *Reading, a Answer) {
	if a.ResidenceIDs != nil && r.question.List != "" {
		r.IDs = c.counted(r, EntryResidenceIDs, r.token.judge(r.question.List.Scopes(a.ResidenceIDs...)))
	}
	if r.token.epoch == "" {
		// It went round and fills nothing; or Redis had everything, and only this
		// pod's memory lacked the user. There the next use checks, not the fill.
		if r.version != "" && a.User.ID == r.UserID && a.User.Email != "" {
			c.users.put(a.User, r.version, c.cfg.Now())
		}
		return
	}
	list := c.encoded(r.question.List)
	if a.Body == nil || a.ResidenceIDs == nil {
		list = ""
	}
	ids, scopes := "", []Scope{UserScope(a.User.ID)}
	if a.ResidenceIDs != nil {
		ids = encodeIDs(a.ResidenceIDs)
	}
	if list != "" {
		scopes = append(scopes, r.question.List.Scopes(sorted(a.ResidenceIDs)...)...)
	}
	s := stamp{until: a.ValidUntil}
	args := make([]any, 0, 11+3*len(scopes))
	args = append(args, nonce(), r.token.epoch, a.User.ID,
		seconds(c.tokenTTL()), seconds(c.cfg.ResidenceIDsTTL), seconds(c.cfg.ListTTL), list, s.validity(), a.rest(), ids, c.cfg.Sabotage.uncheckedFill())
	for _, scope := range scopes {
		args = append(args, string(scope), r.token.states[scope], r.token.clocks[scope.shard()])
	}
	var reply []string
	err := c.visitOf(ctx, r, "fill", func(ctx context.Context) error {
		var err error
		reply, err = c.scripts.fill.Run(ctx, c.rdb, []string{tokenKey(r.question.Token)}, args...).StringSlice()
		if err == nil && len(reply) != 4 {
			err = fmt.Errorf("unexpected reply of %d values", len(reply))
		}
		return err
	})
	if list != "" && r.UserID == 0 && len(r.token.states) == 0 {
		c.firstRead(r, reply, err)
	}
	if err != nil {
		r.Why = c.why(err)
		return
	}
	if reply[1] != "" && a.User.Email != "" {
		c.users.put(a.User, reply[1], c.cfg.Now())
	}
	if list == "" {
		return
	}
	if r.Why = reply[2]; r.Why != "" {
		c.metrics.refused.WithLabelValues(r.Why).Inc()
		return
	}
	s.digest, r.Stored = reply[0], true
	r.ETag = s.etag()
	c.remember(r.question, a.User.ID, ids, s, string(a.Body))
}

// firstRead counts a read with a token that Redis did not know: the script read
// could not say why, but fill knows whose list it is.
func (c *Cache) firstRead(r *Reading, reply []string, err error) {
	outcome := Cold
	if err == nil {
		outcome = Outcome(reply[3])
	}
	if outcome == Cold && c.near.get(nearKey{string(r.question.Token), r.question.List}) != nil {
		outcome = Evicted // this pod has served it
	}
	c.ended(r, outcome)
}

// judge compares the residences' scopes that the ids chose with the true ones.
func (t fillToken) judge(truth []Scope) Verdict {
	if t.epoch == "" {
		return Bypass
	}
	same := len(t.states) == len(truth)+1
	for _, s := range truth {
		_, named := t.states[s]
		same = same && named
	}
	switch {
	case same && (t.proven || len(truth) > 0):
		return Hit
	case len(t.states) <= 1 && !t.proven:
		return Miss
	default:
		return Wrong
	}
}

// encodeIDs writes a sorted JSON array, so that equal sets are equal text.
func encodeIDs(ids []int64) string {
	b := []byte{'['}
	for i, id := range sorted(ids) {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id, 10)
	}
	return string(append(b, ']'))
}

func sorted(ids []int64) []int64 {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return ids
}
