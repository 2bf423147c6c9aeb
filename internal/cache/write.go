package cache

import (
	"context"
	"slices"
)

// Hold is one write under way: reads of its scopes go to the database and fill
// nothing until it is released.
type Hold struct {
	// ID names the write in the change log.
	ID     string
	scopes []Scope
}

// Hold announces a write, before its statement is sent. It never fails: if
// Redis does not confirm, the write goes on (P2), and the sweep will tell.
func (c *Cache) Hold(ctx context.Context, scopes ...Scope) *Hold {
	// Each once: a write has one hold on each scope.
	scopes = slices.Compact(slices.Sorted(slices.Values(scopes)))
	h := &Hold{ID: newWriteID(), scopes: scopes}
	if len(scopes) == 0 || c.cfg.Sabotage == SilentWrites {
		return h
	}
	args := []any{nonce(), h.ID}
	for _, s := range scopes {
		args = append(args, string(s))
	}
	err := c.visit(ctx, "hold", func(ctx context.Context) error {
		return c.scripts.hold.Run(ctx, c.rdb, nil, args...).Err()
	})
	if err != nil {
		c.metrics.unconfirmed.WithLabelValues("hold").Inc()
	}
	return h
}

// Effects are what a write does to Redis beside its scopes' versions.
type Effects struct {
	// Committed: the write has changed something and is in the change log. False
	// for a write that was refused and changed nothing.
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
}

// Release ends a write whose outcome is known: it has committed, or it can
// never commit. It must not be called when the outcome is unknown: the hold
// then protects readers until the keeper has settled it through the database.
// Call it before the client is answered; it outlives the request's context,
// since a client that hangs up now must not keep others from seeing the change.
func (c *Cache) Release(ctx context.Context, h *Hold, e Effects) {
	scopes := h.scopes
	for _, s := range e.Scopes {
		if !slices.Contains(scopes, s) {
			scopes = append(slices.Clip(scopes), s)
		}
	}
	if c.cfg.Sabotage == SilentWrites || len(scopes) == 0 && e.Revoked == nil {
		return
	}
	var drop []string
	for _, id := range e.Access {
		drop = append(drop, residenceIDsKey(id), idsVersionKey(id), listIDsKey(id))
	}
	committed, revoked, hint := "0", "", ""
	if e.Committed {
		committed = "1"
	}
	if e.Revoked != nil {
		revoked = tokenKey(e.Revoked)
	}
	if e.Residence != 0 {
		hint = e.Item.key()
	}
	args := []any{nonce(), h.ID, committed, revoked, seconds(c.cfg.TokenTTL), hint, e.Residence}
	for _, s := range scopes {
		args = append(args, string(s))
	}
	err := c.visit(context.WithoutCancel(ctx), "release", func(ctx context.Context) error {
		return c.scripts.release.Run(ctx, c.rdb, drop, args...).Err()
	})
	if err != nil {
		c.metrics.unconfirmed.WithLabelValues("release").Inc()
	}
}

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
