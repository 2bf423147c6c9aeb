package api

import (
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"
)

// The oracle of the race test is a pure function of what happened: it gets the
// history of registers, each written by one writer at a time with ever higher
// values, and finds the reads that break a promise. All times are the racing
// process's own, since its start.

// raceBound is P2's: a write is in every read that begins this long after it
// was committed. The lease says 2 s by Redis' clock in whole milliseconds; the
// rest is for reading clocks.
const raceBound = 2*time.Second + 10*time.Millisecond

// raceWrite sets a register to a value, or tries to.
type raceWrite struct {
	value        int
	began, ended time.Duration
	// acked: the client was told that it is so. Otherwise it may have happened or not.
	acked bool
	// held, released: Redis confirmed the step, so that it counts for P1.
	held, released bool
	note           string // for reports
}

// raceSaw is what a read showed of a register: its value, or for a register
// that only shows whether something is there, that it is odd or even.
type raceSaw int

const (
	sawExact raceSaw = iota
	sawOdd           // there
	sawEven          // not there
)

// raceSight is one register in one read.
type raceSight struct {
	began, ended time.Duration
	saw          raceSaw
	value        int // of sawExact
	read         int // whose sight it is
}

// raceWindow is a time in which Redis lost states.
type raceWindow struct{ from, to time.Duration }

// raceRegister is the history of one register. It begins with 0.
type raceRegister struct {
	name   string
	writes []raceWrite // by value, which is by time as well
	sights []raceSight
}

// raceBreach is what a promise says about a sight.
type raceBreach int

const (
	keptPromise raceBreach = iota
	upToDate
	tolerated // stale for less than P2's bound, where P1 is not promised
	brokeP1
	brokeP2
	impossible // what nobody has written
)

// raceFinding is a sight that is not up to date.
type raceFinding struct {
	breach raceBreach
	sight  raceSight
	age    time.Duration // how long what is missing had been known when the read began
	text   string
}

// judge goes through the sights in the order in which their reads began. It
// reports those that are not up to date, and those that are though their read
// began within 50 ms after an acknowledged write (upToDate): the more of these,
// the more a run was worth.
func (r *raceRegister) judge(lost []raceWindow, report func(raceFinding)) {
	sort.SliceStable(r.sights, func(i, j int) bool { return r.sights[i].began < r.sights[j].began })
	// seen is when a read that showed the write's value ended, the first time.
	seen := make([]time.Duration, len(r.writes))
	const never = time.Duration(1<<63 - 1)
	for i := range seen {
		seen[i] = never
	}
	for _, s := range r.sights {
		// Writes that may be visible at all: those that had begun.
		begun := sort.Search(len(r.writes), func(i int) bool { return r.writes[i].began >= s.ended })
		// The highest write that has to be there, and by which promise.
		must, by, why := -1, keptPromise, ""
		for i := begun - 1; i >= 0 && must < 0; i-- {
			if by, why = obliged(r.writes[i], seen[i], s, lost); by != keptPromise {
				must = i
			}
		}
		shown, ok := r.shown(s, must, begun)
		if !ok {
			f := raceFinding{breach: impossible, sight: s, text: fmt.Sprintf("%s shows %s, which nobody has written", r.name, s)}
			if must >= 0 {
				f.breach, f.age = by, r.known(must, seen[must], s)
				f.text = fmt.Sprintf("%s shows %s and misses %s: %s, %s before the read began", r.name, s, r.writes[must], why, f.age.Round(time.Millisecond))
			} else if s.saw != sawExact {
				f.text = fmt.Sprintf("%s shows %s, which it has never been", r.name, s)
			}
			report(f)
			continue
		}
		if shown >= 0 {
			seen[shown] = min(seen[shown], s.ended)
		}
		if age := r.behind(s, begun, seen); age > 0 {
			report(raceFinding{breach: tolerated, sight: s, age: age})
		} else if r.justWritten(s, begun) {
			report(raceFinding{breach: upToDate, sight: s})
		}
	}
}

func (r *raceRegister) justWritten(s raceSight, begun int) bool {
	for i := begun - 1; i >= 0; i-- {
		if w := r.writes[i]; w.ended < s.began {
			return w.acked && s.began-w.ended < 50*time.Millisecond
		}
	}
	return false
}

// obliged says by which promise a read has to contain a write, if by any.
func obliged(w raceWrite, seen time.Duration, s raceSight, lost []raceWindow) (raceBreach, string) {
	acked, shown := w.acked && w.ended < s.began, seen < s.began
	switch {
	case acked && w.ended < s.began-raceBound:
		return brokeP2, "acknowledged"
	case shown && seen < s.began-raceBound:
		return brokeP2, "shown by another read"
	}
	// A hold protects while Redis keeps it: until the release, or without one
	// until a sweep, which nobody can see from here.
	until := s.ended
	if w.released {
		until = w.ended
	}
	protected := w.held
	for _, l := range lost {
		if l.from <= until && w.began <= l.to {
			protected = false
		}
	}
	switch {
	case acked && (protected || w.released):
		return brokeP1, "acknowledged"
	case shown && protected:
		return brokeP1, "shown by another read"
	}
	return keptPromise, ""
}

// shown is the write whose value a sight shows, -1 for the beginning; where
// only odd or even is seen, the lowest that may be meant, which obliges later
// reads to least.
func (r *raceRegister) shown(s raceSight, must, begun int) (int, bool) {
	if s.saw == sawExact {
		if s.value == 0 {
			return -1, must < 0
		}
		i := sort.Search(begun, func(i int) bool { return r.writes[i].value >= s.value })
		return i, i < begun && r.writes[i].value == s.value && i >= must
	}
	if must < 0 && s.saw == sawEven {
		return -1, true
	}
	for i := max(must, 0); i < begun; i++ {
		if s.fits(r.writes[i].value) {
			return i, true
		}
	}
	return 0, false
}

func (s raceSight) fits(value int) bool {
	switch s.saw {
	case sawOdd:
		return value%2 == 1
	case sawEven:
		return value%2 == 0
	default:
		return value == s.value
	}
}

// behind is for how long something had been known, when the read began, that
// it certainly does not show; 0 if it may show everything.
func (r *raceRegister) behind(s raceSight, begun int, seen []time.Duration) time.Duration {
	for i := begun - 1; i >= 0 && !s.fits(r.writes[i].value); i-- {
		if age := r.known(i, seen[i], s); age > 0 {
			return age
		}
	}
	return 0
}

func (r *raceRegister) known(i int, seen time.Duration, s raceSight) time.Duration {
	age := time.Duration(0)
	if w := r.writes[i]; w.acked {
		age = max(age, s.began-w.ended)
	}
	return max(age, s.began-seen)
}

func (s raceSight) String() string {
	switch s.saw {
	case sawOdd:
		return "something there"
	case sawEven:
		return "nothing there"
	default:
		return fmt.Sprintf("%d", s.value)
	}
}

func (w raceWrite) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d (%s to %s", w.value, w.began.Round(100*time.Microsecond), w.ended.Round(100*time.Microsecond))
	for _, is := range []struct {
		it   bool
		what string
	}{{w.acked, "acknowledged"}, {!w.acked, "outcome unknown"}, {w.held, "held"}, {w.released, "released"}} {
		if is.it {
			b.WriteString(", " + is.what)
		}
	}
	if w.note != "" {
		b.WriteString(", " + w.note)
	}
	return b.String() + ")"
}

// TestRaceOracle: it neither cries wolf nor sleeps.
func TestRaceOracle(t *testing.T) {
	const ms = time.Millisecond
	// A write from 100 to 120 ms unless a case says otherwise.
	write := func(value int, began time.Duration, change ...func(*raceWrite)) raceWrite {
		w := raceWrite{value: value, began: began, ended: began + 20*ms, acked: true, held: true, released: true}
		for _, c := range change {
			c(&w)
		}
		return w
	}
	killed := func(w *raceWrite) { w.acked, w.released = false, false }
	unheld := func(w *raceWrite) { w.held = false }
	unreleased := func(w *raceWrite) { w.released = false }
	cutOff := func(w *raceWrite) { w.held, w.released = false, false }
	exact := func(value int, began, ended time.Duration) raceSight {
		return raceSight{began: began, ended: ended, value: value}
	}
	odd := func(began, ended time.Duration) raceSight {
		return raceSight{began: began, ended: ended, saw: sawOdd}
	}
	even := func(began, ended time.Duration) raceSight {
		return raceSight{began: began, ended: ended, saw: sawEven}
	}
	all := func(v ...raceSight) []raceSight { return v }
	cases := []struct {
		name   string
		writes []raceWrite
		sights []raceSight
		lost   []raceWindow
		want   []raceBreach // in the order in which the reads began
	}{
		{"the beginning, then the write", []raceWrite{write(1, 100*ms)}, all(exact(0, 0, 10*ms), exact(1, 130*ms, 140*ms)), nil, nil},
		{"a read that began before the acknowledgement may miss it", []raceWrite{write(1, 100*ms)}, all(exact(0, 119*ms, 200*ms)), nil, nil},
		{"one that began after may not", []raceWrite{write(1, 100*ms)}, all(exact(0, 121*ms, 200*ms)), nil, []raceBreach{brokeP1}},
		{"a write under way may be seen", []raceWrite{write(1, 100*ms)}, all(exact(1, 101*ms, 105*ms)), nil, nil},
		{"one that has not begun may not", []raceWrite{write(1, 100*ms)}, all(exact(1, 90*ms, 99*ms)), nil, []raceBreach{impossible}},
		{"nor one that nobody wrote", []raceWrite{write(2, 100*ms)}, all(exact(1, 130*ms, 140*ms)), nil, []raceBreach{brokeP1}},
		{"reads go back while the write is under way", []raceWrite{write(1, 100*ms)}, all(exact(1, 101*ms, 105*ms), exact(0, 106*ms, 110*ms)), nil, []raceBreach{brokeP1}},
		{"overlapping reads may differ", []raceWrite{write(1, 100*ms)}, all(exact(1, 101*ms, 107*ms), exact(0, 106*ms, 110*ms)), nil, nil},
		{"a killed write may never appear", []raceWrite{write(1, 100*ms, killed)}, all(exact(0, 5000*ms, 5010*ms)), nil, nil},
		{"but not disappear", []raceWrite{write(1, 100*ms, killed)}, all(exact(1, 130*ms, 140*ms), exact(0, 150*ms, 160*ms)), nil, []raceBreach{brokeP1}},
		{"what follows it obliges", []raceWrite{write(1, 100*ms, killed), write(2, 200*ms)}, all(exact(1, 230*ms, 240*ms)), nil, []raceBreach{brokeP1}},
		{"cut off: stale for a while", []raceWrite{write(1, 100*ms, cutOff)}, all(exact(0, 2120*ms, 2130*ms)), nil, []raceBreach{tolerated}},
		{"cut off: not for longer", []raceWrite{write(1, 100*ms, cutOff)}, all(exact(0, 2140*ms, 2150*ms)), nil, []raceBreach{brokeP2}},
		{"cut off: back and forth for a while", []raceWrite{write(1, 100*ms, cutOff, killed, unheld)}, all(exact(1, 110*ms, 115*ms), exact(0, 2120*ms, 2130*ms)), nil, []raceBreach{tolerated}},
		{"cut off: not for longer, acknowledged or not", []raceWrite{write(1, 100*ms, killed, unheld)}, all(exact(1, 110*ms, 115*ms), exact(0, 2140*ms, 2150*ms)), nil, []raceBreach{brokeP2}},
		{"not held but released: no acknowledged write is missed", []raceWrite{write(1, 100*ms, unheld)}, all(exact(0, 121*ms, 125*ms)), nil, []raceBreach{brokeP1}},
		{"not held but released: back and forth before", []raceWrite{write(1, 100*ms, unheld)}, all(exact(1, 101*ms, 103*ms), exact(0, 104*ms, 106*ms)), nil, []raceBreach{tolerated}},
		{"held, not released: the hold stands", []raceWrite{write(1, 100*ms, unreleased)}, all(exact(0, 121*ms, 125*ms)), nil, []raceBreach{brokeP1}},
		{"held, not released, and the hold lost", []raceWrite{write(1, 100*ms, unreleased)}, all(exact(0, 1021*ms, 1025*ms)), []raceWindow{{500 * ms, 510 * ms}}, []raceBreach{tolerated}},
		{"held, not released, and lost too late for an excuse", []raceWrite{write(1, 100*ms, unreleased)}, all(exact(0, 421*ms, 425*ms)), []raceWindow{{500 * ms, 510 * ms}}, []raceBreach{brokeP1}},
		{"the hold lost under way, and released", []raceWrite{write(1, 100*ms)}, all(exact(0, 121*ms, 125*ms)), []raceWindow{{101 * ms, 102 * ms}}, []raceBreach{brokeP1}},
		{"the hold lost under way: back and forth", []raceWrite{write(1, 100*ms)}, all(exact(1, 105*ms, 107*ms), exact(0, 108*ms, 109*ms)), []raceWindow{{101 * ms, 102 * ms}}, []raceBreach{tolerated}},
		{"states lost after the release excuse nothing", []raceWrite{write(1, 100*ms)}, all(exact(0, 200*ms, 210*ms)), []raceWindow{{150 * ms, 300 * ms}}, []raceBreach{brokeP1}},

		{"there and not there", []raceWrite{write(1, 100*ms), write(2, 200*ms)}, all(even(0, 10*ms), odd(130*ms, 140*ms), even(230*ms, 240*ms)), nil, nil},
		{"not there, though it was made", []raceWrite{write(1, 100*ms)}, all(even(130*ms, 140*ms)), nil, []raceBreach{brokeP1}},
		{"there, though it was taken away", []raceWrite{write(1, 100*ms), write(2, 200*ms)}, all(odd(230*ms, 240*ms)), nil, []raceBreach{brokeP1}},
		{"not there, though it was made again", []raceWrite{write(1, 100*ms), write(2, 200*ms), write(3, 300*ms)}, all(even(330*ms, 340*ms)), nil, []raceBreach{brokeP1}},
		{"taken away under way, and back", []raceWrite{write(1, 100*ms), write(2, 200*ms)}, all(even(205*ms, 207*ms), odd(208*ms, 210*ms)), nil, []raceBreach{brokeP1}},
		{"there before anybody made it", []raceWrite{write(1, 100*ms)}, all(odd(10*ms, 20*ms)), nil, []raceBreach{impossible}},
		{"made, and not there because it may be taken away", []raceWrite{write(1, 100*ms), write(2, 200*ms, killed)}, all(even(230*ms, 240*ms)), nil, nil},
		{"an exact sight of what was taken away", []raceWrite{write(1, 100*ms), write(2, 200*ms), write(3, 300*ms)}, all(exact(1, 330*ms, 340*ms)), nil, []raceBreach{brokeP1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := raceRegister{name: "it", writes: c.writes, sights: c.sights}
			var got []raceBreach
			r.judge(c.lost, func(f raceFinding) {
				if f.breach != upToDate {
					got = append(got, f.breach)
				}
			})
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
		})
	}
}
