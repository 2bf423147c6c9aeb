package cache

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// write is one write on its way: held, sent, committed, released, acknowledged.
type write struct {
	pod     *Cache
	hold    *Hold
	stage   int
	do      func()
	effects Effects
	got     counts // as it left them
	list    List   // that is read in the write's turn; empty for none
	read    map[int64]Answer
}

func (w *world) beginWrite() {
	if len(w.writes) >= 4 {
		return
	}
	wr := &write{pod: w.pod()}
	var scopes []Scope
	u, r := w.user(), 1+int64(w.draw("residence", worldResidences))
	switch w.draw("write", 5) {
	case 0:
		scopes = []Scope{UserScope(u)} // a name
	case 1:
		wr.list = w.list()
		scopes = []Scope{wr.list.Scope(r)}
		wr.effects.Item, wr.effects.Residence = Item{In: Tasks, ID: 1}, 1
	case 2:
		scopes = []Scope{w.list().Scope(1), w.list().Scope(r)} // may be the same twice, or two of one residence
	case 3:
		scopes = append([]Scope{UserScope(u)}, WholeResidence(r)...)
		wr.effects.Access = []int64{u}
		wr.do = func() { w.joinOrLeave(u, r) }
	case 4:
		scopes = []Scope{UserScope(u)}
		token := fmt.Sprintf("%d.%d", u, w.draw("login", w.logins[u]+1))
		wr.effects.Revoked = TokenHash(token)
		wr.do = func() {
			if _, dead := w.db.dead[token]; !dead {
				w.db.dead[token] = w.db.counts[UserScope(u)]
			}
			if w.logins[u] < 3 {
				w.logins[u]++
			}
		}
	}
	scopes = slices.Compact(scopes)
	wr.hold = &Hold{ID: newWriteID(), scopes: scopes}
	switch {
	case w.faults < cutOff || w.draw("hold", 4) > 1:
		wr.hold = wr.pod.HoldFor(w.ctx, wr.list, u, scopes...)
	case w.draw("late", 2) == 0:
		id := wr.hold.ID
		w.late = append(w.late, func() {
			args := []any{nonce(), id, "", 0, 0, 0}
			for _, s := range scopes {
				args = append(args, string(s))
			}
			if err := wr.pod.scripts.hold.Run(w.ctx, w.rdb, nil, args...).Err(); err != nil {
				w.violated("a late hold: %v", err)
			}
		})
	}
	w.written = append(w.written, wr.hold.ID)
	w.writes = append(w.writes, wr)
}

func (w *world) joinOrLeave(u, r int64) {
	ids := slices.Clone(w.db.sees[u])
	if i := slices.Index(ids, r); i >= 0 {
		ids = slices.Delete(ids, i, i+1)
	} else {
		ids = append(ids, r)
	}
	w.db.sees[u] = ids
	w.db.saw[u] = append(w.db.saw[u], encodeIDs(ids))
}

func (w *world) commit(wr *write) bool {
	if !w.db.change(wr.hold.ID, wr.do, wr.hold.scopes...) {
		return false
	}
	wr.got = counts{}
	for _, s := range wr.hold.scopes {
		wr.got[s] = w.db.counts[s]
	}
	return true
}

// look reads the list of each reader in the write's transaction: what is
// committed by now, and what the write itself changes.
func (w *world) look(wr *write) {
	wr.read = map[int64]Answer{}
	own := counts{}
	for _, s := range wr.hold.scopes {
		own[s] = 1
	}
	for _, r := range wr.hold.Readers {
		wr.read[r.UserID] = w.db.answerWith(own, wr.list, r.UserID, w.ages())
	}
}

func (w *world) advanceWrite() {
	if len(w.writes) == 0 {
		return
	}
	wr := w.writes[w.draw("writer", len(w.writes))]
	gone := func() { w.writes = slices.DeleteFunc(w.writes, func(o *write) bool { return o == wr }) }
	if w.draw("crash", 12) == 0 {
		gone() // its statement may be on its way
		if wr.stage <= 1 && w.draw("sent", 2) == 0 {
			w.orphans = append(w.orphans, func() { w.commit(wr) })
		}
		return
	}
	wr.stage++
	switch wr.stage {
	case 1:
		w.look(wr) // others may commit before it does
	case 2:
		switch w.draw("statement", 8) {
		case 0: // no answer in time
			gone()
			wr.pod.Abandon(wr.hold)
			w.orphans = append(w.orphans, func() { w.commit(wr) })
		case 1: // refused
			gone()
			wr.pod.Release(w.ctx, wr.hold, Effects{})
		default:
			wr.effects.Committed = w.commit(wr)
		}
	case 3:
		e := wr.effects
		if !e.Committed {
			e = Effects{} // it met its tombstone
		} else {
			e.Refreshed = refreshed(wr.hold, wr.read)
		}
		release := func() { wr.pod.Release(w.ctx, wr.hold, e) }
		switch {
		case w.faults < cutOff || w.draw("release", 4) > 1:
			release()
		case w.draw("late", 2) == 0:
			w.late = append(w.late, release)
		}
	case 4:
		gone()
		w.acked.raise(wr.got)
	}
}

// within runs steps while a call to the database is on its way.
func (w *world) within() {
	if w.depth > 1 {
		return
	}
	w.depth++
	for range w.draw("meanwhile", 5) {
		w.step()
	}
	w.depth--
}

func (w *world) sweep() {
	c := w.pod()
	if w.draw("turn", 8) > 0 { // else only if it is due
		w.must(w.rdb.HDel(w.ctx, sharedKey, "swept").Err())
	}
	w.db.heldBack = w.draw("held back", 4) == 0
	w.db.everything = w.draw("everything", 8) == 0
	var saw counts
	w.db.meanwhile = func() {
		saw, w.db.meanwhile = w.db.snapshot(), nil
		w.within()
	}
	did, err := c.Sweep(w.ctx, w.db.source())
	w.db.meanwhile = nil
	w.must(err)
	if !did {
		return
	}
	w.due.raise(saw)
	w.lease()
}

// lease stands for the passing of little time: it must not end by itself while
// a slow machine runs this.
func (w *world) lease() {
	w.must(w.rdb.HSet(w.ctx, sharedKey, "lease", time.Now().Add(time.Hour).UnixMilli()).Err())
}

// lapse is the passing of 2 s without a sweep: by then all that is committed
// is due.
func (w *world) lapse() {
	if w.draw("lapse", 4) > 0 || w.depth > 0 {
		return // a sweep under way may not give a lease for the time before it
	}
	w.must(w.rdb.HDel(w.ctx, sharedKey, "lease").Err())
	w.due.raise(w.db.counts)
}

func (w *world) settle() {
	w.db.meanwhile = func() {
		w.db.meanwhile = nil
		w.within()
	}
	w.must(w.pod().settle(w.ctx, w.db.source()))
	w.db.meanwhile = nil
}

func (w *world) outsideSQL() {
	w.db.commit(newWriteID(), w.list().Scope(1+int64(w.draw("residence", worldResidences))), UserScope(w.user()))
}

func (w *world) must(err error) {
	if err != nil {
		w.violated("a call failed: %v", err)
	}
}

// keys are all that the world can have in Redis, in a fixed order.
func (w *world) keys() []string {
	keys := []string{sharedKey}
	for u := int64(1); u <= worldUsers; u++ {
		keys = append(keys, UserScope(u).stateKey(), fmt.Sprintf("%s%d", seenPrefix, u), residenceIDsKey(u), idsVersionKey(u), listIDsKey(u))
		for _, l := range []List{Tasks, Contractors} {
			keys = append(keys, fmt.Sprintf("%s%s.%s:%d", listPrefix, Encoding, l, u))
		}
		for n := range w.logins[u] + 1 {
			keys = append(keys, tokenKey(TokenHash(fmt.Sprintf("%d.%d", u, n))))
		}
	}
	for r := int64(1); r <= worldResidences; r++ {
		keys = append(keys, Tasks.Scope(r).stateKey(), readersPrefix+string(Tasks.Scope(r)), readersPrefix+string(Contractors.Scope(r)))
	}
	for _, id := range w.written {
		keys = append(keys, "done:"+id)
	}
	return keys
}

func (w *world) evict() {
	keys := w.keys()
	w.must(w.rdb.Del(w.ctx, keys[w.draw("key", len(keys))]).Err())
}

// restart flushes, takes a backup, or comes back with an old memory. Then
// nothing runs before connect does.
func (w *world) restart() {
	switch w.draw("restart", 4) {
	case 0:
		w.must(w.rdb.FlushDB(w.ctx).Err())
	case 1, 2:
		w.backup = map[string]string{}
		for _, key := range w.keys() {
			if dump, err := w.rdb.Dump(w.ctx, key).Result(); err == nil {
				w.backup[key] = dump
			}
		}
	case 3:
		w.must(w.rdb.FlushDB(w.ctx).Err())
		for key, dump := range w.backup {
			w.must(w.rdb.Restore(w.ctx, key, 0, dump).Err())
		}
		w.must(w.rdb.HSet(w.ctx, sharedKey, "run", "the one before").Err())
		cn := w.rdb.Conn()
		w.must(w.pods[0].connect(w.ctx, cn))
		w.must(cn.Close())
	}
}

// rest lets everybody end, and requires that nothing stays behind: no hold,
// and every list is served from Redis again.
func (w *world) rest() {
	w.requests, w.writes, w.orphans, w.late = nil, nil, nil, nil
	w.faults = noFault // from here on nothing goes wrong
	for range 3 {
		for u := int64(1); u <= worldUsers; u++ {
			for _, c := range w.pods {
				c.keeper.met(w.heldBy(), w.now)
			}
		}
		w.now = w.now.Add(Patience)
	}
	w.must(w.pods[0].settle(w.ctx, w.db.source()))
	w.must(w.rdb.HDel(w.ctx, sharedKey, "swept").Err())
	w.db.heldBack, w.db.everything = false, false
	if did, err := w.pods[1].Sweep(w.ctx, w.db.source()); err != nil || !did {
		w.violated("the last sweep was not completed: %v", err)
	}
	w.due.raise(w.db.counts)
	w.lease()
	if held := w.heldBy(); held != "" {
		w.violated("holds are left: %s", held)
	}
	for u := int64(1); u <= worldUsers; u++ {
		w.logins[u]++
		q := Question{Token: TokenHash(fmt.Sprintf("%d.%d", u, w.logins[u])), List: w.list()}
		r := w.pods[0].Read(w.ctx, q)
		w.pods[0].Fill(w.ctx, r, w.db.answer(q.List, u, time.Time{}))
		if r = w.pods[1].Read(w.ctx, q); r.ListVerdict != Hit || r.NotModified {
			w.violated("the list of %d is not cached at rest: %+v", u, r)
			continue
		}
		w.served("the copy at rest", &request{must: w.due}, w.keep(u, "", []byte(r.Body)))
	}
}

// heldBy names the holds in Redis as the script read does.
func (w *world) heldBy() string {
	held := ""
	for _, key := range w.keys() {
		if scope, ok := strings.CutPrefix(key, statePrefix); ok {
			st := w.rdb.Get(w.ctx, key).Val()
			for _, letter := range append([]string{"u"}, strings.Split(listLetters, "")...) {
				for _, id := range Holds(key, st) {
					if strings.Contains(st, ","+letter+id) {
						held += ";" + letter + scope[1:] + "," + id
					}
				}
			}
		}
	}
	return held
}
