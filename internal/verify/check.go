package verify

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/store"
)

// retries is how often a copy that has changed under our eyes is tried again.
const retries = 2

type verifier struct {
	config Config
	cache  *cache.Cache
	db     *store.DB
	drawn  []cache.Copied   // of this round
	tokens map[int64][]byte // hashes, of this round's users; nil until they are needed
	next   time.Time        // before this no turn is taken
	known  map[copyKey]bool // copies that were found stale
	result Result
	// between runs between the look at a copy and the question to the database, in tests only.
	between func(cache.Copied)
}

// copyKey is one copy: the same list of the same user filled anew is another one.
type copyKey struct {
	of   cache.Copied
	etag string
}

// suspect is a copy that was found stale and is to be looked at once more, when the promise has ended.
type suspect struct {
	copyKey
	first   time.Time // of the look that found it
	dated   time.Time // when finding.StaleMS was right
	finding Finding
	cleared bool // it is what the database says after all
}

// round checks one sample.
func (v *verifier) round(ctx context.Context, s cache.Sample) error {
	v.drawn, v.tokens = s.Copies, nil
	suspects, err := v.checkAll(ctx)
	for i := range suspects {
		one := &suspects[i]
		if err == nil {
			err = v.again(ctx, one)
		}
		if !one.cleared {
			v.result.found(one.finding)
		}
	}
	return err
}

func (v *verifier) checkAll(ctx context.Context) ([]suspect, error) {
	var suspects []suspect
	servable := v.result.Servable
	for _, of := range v.drawn {
		if v.result.Servable-servable >= v.config.Sample {
			break
		}
		v.result.Sampled++
		found, err := v.check(ctx, of)
		if err != nil {
			return suspects, err
		}
		if found != nil {
			suspects = append(suspects, *found)
		}
		if v.config.Progress != nil {
			v.config.Progress(v.result.Checked)
		}
	}
	return suspects, nil
}

// learnTokens asks once for all users of a round: the statements of lists find their user by the token. It is the
// first thing that needs the database, so that a cache which serves nothing does not wake it.
func (v *verifier) learnTokens(ctx context.Context) (err error) {
	if v.db == nil {
		if v.db, err = store.Open(ctx, v.config.Database); err != nil {
			return err
		}
	}
	ids := make([]int64, 0, len(v.drawn))
	for _, of := range v.drawn {
		ids = append(ids, of.UserID)
	}
	slices.Sort(ids)
	v.spend()
	v.tokens, err = v.db.NewestTokens(ctx, slices.Compact(ids))
	return err
}

// pace waits until a turn to the database may be taken; spend takes it. They are two, so that the look at a copy
// stands between them, close to the question to the database, and a copy that is not served costs no wait.
func (v *verifier) pace(ctx context.Context) error { return pause(ctx, time.Until(v.next)) }

func (v *verifier) spend() {
	v.next = time.Now().Add(time.Duration(float64(time.Second) / v.config.Rate))
}

// check compares one copy. A copy that differs and still stands at a second look is stale; one that was replaced or
// taken out of service meanwhile is looked at anew.
func (v *verifier) check(ctx context.Context, of cache.Copied) (*suspect, error) {
	for try := range retries + 1 {
		c, err := v.compare(ctx, of)
		switch {
		case err != nil:
			return nil, err
		case c.skip != "" && try > 0:
			v.result.ChangedMeanwhile++
			return nil, nil
		case c.skip != "":
			v.result.skip(c.skip)
			return nil, nil
		}
		if try == 0 {
			v.result.Servable++
		}
		if c.same {
			v.result.fresh(of.List)
			return nil, nil
		}
		key := copyKey{of, c.look.ETag}
		if v.known[key] {
			v.result.skip(staleBefore)
			return nil, nil
		}
		seen := time.Now()
		second, err := v.look(ctx, of)
		if err != nil {
			return nil, err
		}
		if !second.Servable() || second.ETag != c.look.ETag {
			continue
		}
		v.known[key] = true
		v.result.stale(of.List)
		s := &suspect{copyKey: key, first: c.at, dated: seen, finding: Finding{List: string(of.List), CopyAgeMS: second.Age.Milliseconds()}}
		return s, v.date(ctx, s, second.Age)
	}
	v.result.ChangedMeanwhile++
	return nil, nil
}

// compared is one copy beside the truth.
type compared struct {
	look cache.Look
	at   time.Time // of the look
	skip string    // why it was not compared
	same bool
}

// compare looks at a copy and, if it would be served, asks the database.
func (v *verifier) compare(ctx context.Context, of cache.Copied) (compared, error) {
	if err := v.pace(ctx); err != nil {
		return compared{}, err
	}
	at := time.Now()
	look, err := v.look(ctx, of)
	c := compared{look: look, at: at, skip: look.Why}
	if err != nil || !look.Servable() {
		return c, err
	}
	if v.tokens == nil {
		if err := v.learnTokens(ctx); err != nil {
			return c, err
		}
		return v.compare(ctx, of) // that took a while: the look has to be close to the question
	}
	token := v.tokens[of.UserID]
	text, failed := api.Text(look.Body)
	switch {
	case failed != nil:
		c.skip = unreadable
		return c, nil //nolint:nilerr // it is counted, as the other reasons are
	case !slices.Contains(cache.Lists(), of.List):
		c.skip = unknownList
		return c, nil
	case token == nil:
		c.skip = noToken
		return c, nil
	}
	if v.between != nil {
		v.between(of)
	}
	v.spend()
	truth, err := api.Truth(ctx, v.db, of.List, token, time.Now())
	if errors.Is(err, store.ErrNotFound) {
		c.skip = noToken // logged out since
		return c, nil
	}
	v.result.Cost.ComparedBytes += int64(len(text) + len(truth))
	c.same = bytes.Equal(text, truth)
	return c, err
}

func (v *verifier) look(ctx context.Context, of cache.Copied) (cache.Look, error) {
	l, err := v.cache.Look(ctx, of)
	if err != nil {
		err = v.noRedis(err)
	}
	return l, err
}

// transactionTime is how long a transaction of somebody else's may have taken: the log has the time of its begin.
const transactionTime = time.Minute

// date asks the change log since when a copy is stale: since the oldest change after it was filled.
func (v *verifier) date(ctx context.Context, s *suspect, age time.Duration) error {
	f, looked := &s.finding, time.Now()
	f.StaleMS, f.MeasuredBy, f.Change = s.dated.Sub(s.first).Milliseconds(), byLooks, changeUnknown
	if age == 0 {
		return nil // when it was filled is not known, and so neither is what it can have missed
	}
	if err := v.pace(ctx); err != nil {
		return err
	}
	v.spend()
	sent := time.Since(looked)
	told, err := v.db.ChangesOfUser(ctx, s.of.UserID, age+transactionTime)
	f.dateBy(told, age, sent, time.Since(s.dated))
	// One statement of ours has ended when it begins, as good as; other transactions are seen to again.
	f.BeyondPromise = f.Change == changeOwn && f.StaleMS > Promise.Milliseconds()
	return err
}

// rounding is the most by which two ages in whole milliseconds can seem to be in the other order.
const rounding = 2 * time.Millisecond

// dateBy takes from the log, the oldest change first, the change that a copy of this age misses. The database counted
// the log's ages between sent and answered after the look, so they are known to that precision only. Where it is not
// certain that a change of ours came after the copy was filled, SQL from outside is the more likely cause: the change
// may be the very write that filled the copy.
func (f *Finding) dateBy(told []store.Told, age, sent, answered time.Duration) {
	f.maybeOutside = slices.ContainsFunc(told, func(t store.Told) bool {
		return t.Outside && t.Ago-answered > age // it may have begun before the copy was filled, and ended after
	})
	outside := slices.ContainsFunc(told, func(t store.Told) bool { return t.Outside })
	for _, t := range told {
		possible, certain := t.Ago-answered <= age, t.Ago-sent+rounding <= age
		if !possible || !t.Outside && !certain && outside {
			continue
		}
		if f.Change = changeOwn; t.Outside {
			f.Change = changeOutside
		}
		f.StaleMS, f.MeasuredBy = max(f.StaleMS, (t.Ago-answered).Milliseconds()), byChangeLog
		return
	}
}

// again looks at a stale copy when the promise has ended: if it is served still, no log is needed to say so.
func (v *verifier) again(ctx context.Context, s *suspect) error {
	if err := pause(ctx, time.Until(s.first.Add(settled))); err != nil {
		return err
	}
	c, err := v.compare(ctx, s.of)
	switch {
	case err != nil:
		return err
	case c.skip != "" || c.look.ETag != s.etag:
		s.finding.Replaced = true
	case c.same: // only the clocks differ: ours and that of the server which filled it
		s.cleared = true
		v.result.clear(s.of.List)
		delete(v.known, s.copyKey)
	default:
		s.finding.StaleMS += c.at.Sub(s.dated).Milliseconds()
		s.finding.BeyondPromise = true
	}
	return nil
}
