package cache

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"time"
)

// Hold is one write under way: reads of its scopes go to the database and fill
// nothing until it is released.
type Hold struct {
	// ID names the write in the change log.
	ID string
	// Readers are those whose copies of the changed list can be filled anew by
	// Release, the writer first: see HoldFor.
	Readers []Reader
	scopes  []Scope
	list    List
	writer  int64 // 0 if it is not known
	epoch   string
}

// Reader is somebody who has read the list that a write changes, lately, and
// through the cache.
type Reader struct {
	UserID int64
	// Token is the hash of one of the reader's tokens, for the statement that
	// reads the list: it decides what the reader may see.
	Token []byte
	// Bytes is the size of the copy that the write makes obsolete.
	Bytes  int
	ids    string
	states []scopeVersion
}

// Sees reports whether these are all residences that the reader saw at the hold.
func (r Reader) Sees(residences []int64) bool {
	return residences != nil && encodeIDs(residences) == r.ids
}

// scopeVersion is a version as it stood after a hold.
type scopeVersion struct {
	scope   Scope
	version string
}

// Hold announces a write, before its statement is sent. It never fails: if
// Redis does not confirm, the write goes on (P2), and the sweep will tell.
func (c *Cache) Hold(ctx context.Context, scopes ...Scope) *Hold {
	return c.HoldFor(ctx, "", 0, scopes...)
}

const (
	// mostReaders is how many copies one write fills anew at most.
	mostReaders = 8
	// SeenLately is how long ago somebody may have read a list for a write to
	// fill the copy anew.
	SeenLately = 30 * time.Minute
)

// HoldFor is Hold for a write that changes one list of residences. The Hold
// names the Readers of that list, the writer first if the writer is one. What
// they see, read in the write's transaction after its statement, may be handed
// to Release as Refreshed.
func (c *Cache) HoldFor(ctx context.Context, list List, writer int64, scopes ...Scope) *Hold {
	// Each once: a write has one hold on each scope.
	scopes = slices.Compact(slices.Sorted(slices.Values(scopes)))
	h := &Hold{ID: newWriteID(), scopes: scopes, list: list, writer: writer}
	if len(scopes) == 0 || c.cfg.Sabotage == SilentWrites {
		return h
	}
	if c.cfg.ListTTL < 0 {
		list = ""
	}
	args := []any{nonce(), h.ID, c.encoded(list), writer, mostReaders, SeenLately.Milliseconds()}
	for _, s := range scopes {
		args = append(args, string(s))
	}
	var reply []string
	err := c.visit(ctx, "hold", func(ctx context.Context) error {
		var err error
		reply, err = c.scripts.hold.Run(ctx, c.rdb, nil, args...).StringSlice()
		return err
	})
	if err != nil {
		c.metrics.unconfirmed.WithLabelValues("hold").Inc()
		return h
	}
	h.epoch, h.Readers = parseReaders(reply)
	return h
}

// parseReaders reads the reply of lua/hold.lua. Nonsense is nobody.
func parseReaders(reply []string) (epoch string, readers []Reader) {
	const fixed = 5
	if len(reply) == 0 {
		return "", nil
	}
	for rest := reply[1:]; len(rest) >= fixed; {
		user, err := strconv.ParseInt(rest[0], 10, 64)
		token, notHex := hex.DecodeString(rest[1])
		size, noSize := strconv.Atoi(rest[2])
		n, noNumber := strconv.Atoi(rest[4])
		if errors.Join(err, notHex, noSize, noNumber) != nil || n < 1 || n > (len(rest)-fixed)/2 {
			return "", nil
		}
		r := Reader{UserID: user, Token: token, Bytes: size, ids: rest[3], states: make([]scopeVersion, n)}
		for i := range r.states {
			r.states[i] = scopeVersion{Scope(rest[fixed+2*i]), rest[fixed+2*i+1]}
		}
		readers, rest = append(readers, r), rest[fixed+2*n:]
	}
	return reply[0], readers
}

// Effects are what a write does to Redis beside its scopes' versions.
type Effects struct {
	// Committed: the write has changed something and is in the change log. False
	// for a write that was refused: it has changed nothing and never will, so
	// what is cached stays, and nothing else here counts.
	Committed bool
	// Scopes that the statement touched besides those that were held.
	Scopes []Scope
	// Access: the users whose residences are others now (decision S13).
	Access []int64
	// Revoked is the hash of a token that is gone.
	Revoked []byte
	// Item lies in Residence: a hint for later writes.
	Item      Item
	Residence int64
	// Refreshed are lists of the Hold's Readers, as they were read in the write's
	// own transaction after its statement. Only of a write that has Committed.
	Refreshed []Refreshed
}

// Refreshed is what a Reader's list is after a write.
type Refreshed struct {
	Reader
	// Answer's User is not used: the Reader says whose list it is.
	Answer
}

// whole reports whether the reader's states are those that the list depends
// on: the true residences, no more and no fewer.
func (f *Refreshed) whole() bool {
	return f.Body != nil && f.Sees(f.ResidenceIDs)
}

// Release ends a write whose outcome is known: it has committed, or it can
// never commit. It must not be called when the outcome is unknown: the hold
// then protects readers until the keeper has settled it through the database.
// Call it before the client is answered; it outlives the request's context,
// since a client that hangs up now must not keep others from seeing the change.
//
// It returns the hold's Readers whose lists it did not fill, of a write that has
// committed: their copies are obsolete now.
func (c *Cache) Release(ctx context.Context, h *Hold, e Effects) []Reader {
	scopes := h.scopes
	for _, s := range e.Scopes {
		if !slices.Contains(scopes, s) {
			scopes = append(slices.Clip(scopes), s)
		}
	}
	if c.cfg.Sabotage == SilentWrites || len(scopes) == 0 && e.Revoked == nil {
		return nil
	}
	var drop []string
	for _, id := range e.Access {
		drop = append(drop, residenceIDsKey(id), idsVersionKey(id), listIDsKey(id))
	}
	outcome, revoked, hint := "refused", "", ""
	if e.Committed {
		outcome = "1"
	}
	if e.Revoked != nil {
		revoked = tokenKey(e.Revoked)
	}
	if e.Residence != 0 {
		hint = e.Item.key()
	}
	args := []any{
		nonce(), h.ID, outcome, revoked, seconds(c.cfg.TokenTTL), hint, e.Residence,
		c.encoded(h.list), seconds(c.cfg.ListTTL), h.epoch, h.writer, len(scopes),
	}
	for _, s := range scopes {
		args = append(args, string(s))
	}
	refreshed := slices.DeleteFunc(slices.Clone(e.Refreshed), func(f Refreshed) bool { return !f.whole() })
	for _, f := range refreshed {
		args = append(args, f.UserID, f.ids, stamp{until: f.ValidUntil}.validity(), f.rest(), len(f.states))
		for _, s := range f.states {
			args = append(args, string(s.scope), s.version)
		}
	}
	var digests []string
	err := c.visit(context.WithoutCancel(ctx), "release", func(ctx context.Context) error {
		var err error
		digests, err = c.scripts.release.Run(ctx, c.rdb, drop, args...).StringSlice()
		return err
	})
	if err != nil {
		c.metrics.unconfirmed.WithLabelValues("release").Inc()
		return nil
	}
	filled := map[int64]bool{}
	for i, digest := range digests {
		if i >= len(refreshed) || !isDigest(digest) {
			c.metrics.refreshed.WithLabelValues(refreshRefused).Inc()
			continue
		}
		c.metrics.refreshed.WithLabelValues(refreshDone).Inc()
		f := refreshed[i]
		filled[f.UserID] = true
		c.remember(Question{Token: f.Token, List: h.list}, f.UserID, f.ids, stamp{digest: digest, until: f.ValidUntil}, string(f.Body))
	}
	if !e.Committed {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(h.Readers), func(r Reader) bool { return filled[r.UserID] })
}

// CountRefill counts what became of a list that was to be filled in the background.
func (c *Cache) CountRefill(outcome Refill) {
	c.metrics.refreshed.WithLabelValues(string(outcome)).Inc()
}

// Refill is what became of a list that was to be filled in the background.
type Refill string

// The outcomes, after a write and after Redis was emptied. Joined: a reader's own
// question was under way. Dropped: too many were waiting, it could not be read, or
// somebody wrote meanwhile.
const (
	RefillDone      Refill = "background_done"
	RefillJoined    Refill = "background_joined"
	RefillDropped   Refill = "background_dropped"
	RestoredDone    Refill = "restored_done"
	RestoredDropped Refill = "restored_dropped"
)

// Abandon leaves the hold of a write whose outcome is unknown to the keeper. A
// write that holds nothing has nothing to be settled: what it may have changed
// the sweep tells.
func (c *Cache) Abandon(h *Hold) {
	if len(h.scopes) == 0 {
		return
	}
	c.metrics.unconfirmed.WithLabelValues("outcome").Inc()
	c.keeper.abandoned(h, c.cfg.Now())
}

// Sabotage breaks the protocol on purpose, so that a test can see that it
// would notice. Production never sets it.
type Sabotage string

// The ways to break it.
const (
	// SilentWrites neither hold nor release.
	SilentWrites Sabotage = "silent-writes"
	// UncheckedFill stores what was read whatever has changed since.
	UncheckedFill Sabotage = "unchecked-fill"
)

func (s Sabotage) uncheckedFill() string {
	if s == UncheckedFill {
		return "1"
	}
	return ""
}
