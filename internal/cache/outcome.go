package cache

// Outcome is what became of one read of a list: how it was served without the
// database, or why the database was asked.
type Outcome string

// The outcomes.
const (
	ListHit    Outcome = "hit"    // a copy, or a 304
	ListRemade Outcome = "remade" // of a copy that had aged

	OwnWrite   Outcome = "own_write"   // the reader has changed the list since it was filled
	OtherWrite Outcome = "other_write" // somebody else has, or SQL from outside
	OtherKind  Outcome = "other_kind"  // a change of the account, a token or access, of nothing in the list
	Aged       Outcome = "aged"        // its day has ended, and the copy lacks cards of the next
	Held       Outcome = "held"        // a write was under way
	Expired    Outcome = "expired"     // the copy had been there for its TTL
	Evicted    Outcome = "evicted"     // Redis had lost it before
	Reset      Outcome = "reset"       // Redis had another memory, or everything counted as changed
	Cold       Outcome = "cold"        // nothing is known of an earlier read with this token
	NoLease    Outcome = "no_lease"    // no sweep vouched for the copies
	Unreached  Outcome = "unreached"   // Redis could not be asked, or its answer not be read
)

// Outcomes lists all of them. Those without a turn come first.
func Outcomes() []Outcome {
	return []Outcome{ListHit, ListRemade, OwnWrite, OtherWrite, OtherKind, Aged, Held, Expired, Evicted, Reset, Cold, NoLease, Unreached}
}

// Free reports whether the list came without the database.
func (o Outcome) Free() bool { return o == ListHit || o == ListRemade }

// ended counts what became of a read of a list. An outcome that is none, such as the
// nonsense of a script, counts as not known from before.
func (c *Cache) ended(r *Reading, o Outcome) {
	list := c.metrics.lists[r.question.List]
	if list == nil || r.question.Background {
		return
	}
	if list[o] == nil {
		o = Cold
	}
	list[o].Inc()
}

// whyBypassed is the outcome of a read that went round the cache.
func whyBypassed(why string) Outcome {
	switch why {
	case "held":
		return Held
	case "no-lease":
		return NoLease
	default:
		return Unreached
	}
}
