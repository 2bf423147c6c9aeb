package bench

import (
	"context"
	"slices"
	"sort"
	"time"
)

const (
	// mostDials is how many dials may be under way that could have ended by now.
	// When the machine or the server has stood still, hundreds of requests are due
	// in one moment, and as soon as it goes on, the first few connections serve them
	// all; a dial for each costs both sides more than the requests do (on loopback
	// 100 µs and more beside 40). 64 take some 10 ms of one core.
	mostDials = 64
	// nearDials is mostDials for a host with a handshake below nearHandshake, to
	// which that many are 8,000 a second or more. It makes the 4,000 connections that
	// 4,000 requests due at once would open 500, and mostDials 1,000.
	nearDials     = 16
	nearHandshake = 2 * time.Millisecond
	// farHandshake is where a host is so far that its dials are not bounded until
	// they can have ended: nearer, mostDials at a time are 6,400 a second or more.
	farHandshake = 10 * time.Millisecond
	// dialPatience is how long a dial is waited for before it is taken for one that
	// waits on the network or on a lost packet (TCP repeats it after a second), and
	// bars no other any more: about what 64 handshakes of TLS take of one core.
	dialPatience = 50 * time.Millisecond
	// calmDials is how many dials may be under way at once for the time that they
	// take to be the network's; with more, it is also that of the two machines.
	calmDials = 8
)

// dials are the dials under way. They are bounded in such a way that a far host's
// handshake makes nobody wait for another's: one that is younger than the quickest
// so far cannot have ended, so that nothing is won by waiting for it, and one that
// is older than dialPatience has no say either. Between the two, mostDials may be
// under way. Before a far host is known for one, that allows mostDials each
// dialPatience, 1,280 a second.
type dials struct {
	patience time.Duration
	all      []*oneDial    // in the order in which they began
	quickest time.Duration // handshake; 0: not known yet
	crowded  time.Time     // when last more than calmDials were under way
	again    *time.Timer   // nil: nobody waits until one is old enough
}

// oneDial is a connection that is being dialled.
type oneDial struct {
	began   time.Time
	because *waiter // in line or not any more
	giveUp  context.CancelFunc
}

func (d *dials) begin(one *oneDial) {
	d.all = append(d.all, one)
	if len(d.all) > calmDials {
		d.crowded = one.began
	}
}

func (d *dials) end(one *oneDial, connected bool) {
	one.giveUp()
	calm := one.began.After(d.crowded)
	i := slices.Index(d.all, one)
	d.all = slices.Delete(d.all, i, i+1)
	if connected && calm {
		d.learn(time.Since(one.began))
	}
}

// learn takes in how long a dial took of which nothing but the network made the length.
func (d *dials) learn(took time.Duration) {
	if d.quickest == 0 || took < d.quickest {
		d.quickest = took
	}
}

// wait is how long the next dial has to wait if none of those under way ends; 0 or less: it need not.
func (d *dials) wait(now time.Time) time.Duration {
	most, due := mostDials, len(d.all)
	switch {
	case d.quickest >= farHandshake:
		due = d.begunBy(now.Add(-d.quickest))
	case d.quickest > 0 && d.quickest < nearHandshake:
		most = nearDials
	}
	if due-d.begunBy(now.Add(-d.patience)) < most {
		return 0
	}
	return d.all[due-most].began.Add(d.patience).Sub(now)
}

// begunBy is how many of those under way had begun at a moment.
func (d *dials) begunBy(moment time.Time) int {
	return sort.Search(len(d.all), func(i int) bool { return d.all[i].began.After(moment) })
}

// after has something done once, unless it is already to be done.
func (d *dials) after(wait time.Duration, do func()) {
	if d.again == nil {
		d.again = time.AfterFunc(wait, do)
	}
}

// stop gives up all that are under way.
func (d *dials) stop() {
	for _, one := range d.all {
		one.giveUp()
	}
	if d.again != nil {
		d.again.Stop()
		d.again = nil
	}
}
