package store

import (
	"slices"

	"github.com/honeydue/honeydue/internal/household"
)

// plan is who has what: the sizes of everything, before a word is written. It
// fits into a few megabytes, and the rows are made from it one by one.
type plan struct {
	opts  SeedOptions
	homes []planHome
	tasks []planTask
	// completions is how many there are in all.
	completions int
	contractors []int32 // the home of each
	documents   []int32
	members     int
}

type planHome struct {
	owner   int32
	heavy   bool
	members []int32
}

type planTask struct {
	home        int32
	frequency   uint8 // index of household.Frequencies
	state       taskState
	completions uint16
}

type taskState uint8

const (
	stateOpen taskState = iota
	stateStarted
	stateDoneLately // within the last 30 days: on the board
	stateDoneOnce   // before that
	stateArchived
)

const (
	heavyEvery = 250  // one user in so many has heavyHomes and heavyTasks
	heavyHomes = 10   // residences
	heavyTasks = 2000 // tasks over all of them
	emptyEvery = 25   // one user in so many has nothing at all
	tinySeed   = 20   // fewer users than this are all alike
)

func newPlan(o SeedOptions) *plan {
	p := &plan{opts: o}
	d := newDice(o.Seed)
	p.planHomes(d)
	p.planMembers(d)
	p.planTasks(d)
	p.planCompletions(d)
	for i := range p.homes {
		d.set(diceContractor, i)
		p.contractors = append(p.contractors, slices.Repeat([]int32{int32(i)}, d.below(5))...)
		p.documents = append(p.documents, slices.Repeat([]int32{int32(i)}, d.below(7))...)
	}
	return p
}

func (p *plan) heavy(user int) bool {
	every := min(heavyEvery, p.opts.Users)
	return p.opts.Users >= tinySeed && user%every == every/2
}

func (p *plan) empty(user int) bool {
	return p.opts.Users >= tinySeed && user%emptyEvery == emptyEvery-1 && !p.heavy(user)
}

// planHomes gives every user but the empty ones a home, and shares out the
// rest by skewed weights, so that the sum is what was asked for.
func (p *plan) planHomes(d *dice) {
	want := p.opts.Users * p.opts.ResidencesPerUser
	weights := make([]float64, p.opts.Users)
	for u := range weights {
		d.set(diceUser, u)
		switch {
		case p.heavy(u):
			want -= heavyHomes
		case p.empty(u):
		default:
			weights[u] = d.skewed(0.8)
			want--
		}
	}
	extra := apportion(max(0, want), weights)
	for u := range weights {
		count := 0
		switch {
		case p.heavy(u):
			count = heavyHomes
		case !p.empty(u):
			count = 1 + extra[u]
		}
		for range count {
			p.homes = append(p.homes, planHome{owner: int32(u), heavy: p.heavy(u)})
		}
	}
}

// planMembers shares three homes in ten with one to three others; who has
// nothing stays without.
func (p *plan) planMembers(d *dice) {
	for i := range p.homes {
		h := &p.homes[i]
		d.set(diceHome, i)
		if !d.chance(30) {
			continue
		}
		for range 1 + d.below(3) {
			u := d.below(p.opts.Users)
			m := int32(u) //nolint:gosec // below the number of users
			if m != h.owner && !p.empty(u) && !slices.Contains(h.members, m) {
				h.members = append(h.members, m)
				p.members++
			}
		}
	}
}

func (p *plan) planTasks(d *dice) {
	total := p.opts.Users * p.opts.ResidencesPerUser * p.opts.TasksPerResidence
	var heavyHomesInAll int
	for _, h := range p.homes {
		if h.heavy {
			heavyHomesInAll++
		}
	}
	forHeavy := min(heavyHomesInAll/heavyHomes*heavyTasks, total/5)
	ofHeavy, ofOthers := make([]float64, len(p.homes)), make([]float64, len(p.homes))
	for i, h := range p.homes {
		d.set(diceHome, i)
		if h.heavy {
			ofHeavy[i] = d.skewed(0.3)
		} else {
			ofOthers[i] = d.skewed(0.9)
		}
	}
	counts, more := apportion(forHeavy, ofHeavy), apportion(total-forHeavy, ofOthers)
	for i := range p.homes {
		for range counts[i] + more[i] {
			p.tasks = append(p.tasks, planTask{home: int32(i)})
		}
	}
	p.scatter(d)
	for i := range p.tasks {
		d.set(diceTask, i)
		p.tasks[i].draw(d, p.homes[p.tasks[i].home].heavy)
	}
}

// scatter puts the tasks into the order in which they came to be: households
// enter a handful at a time, in turns with all others, so that one
// household's tasks lie on many pages.
func (p *plan) scatter(d *dice) {
	const handful = 8
	var handfuls [][]planTask
	for start := 0; start < len(p.tasks); {
		end := start + 1
		for end < len(p.tasks) && end-start < handful && p.tasks[end].home == p.tasks[start].home {
			end++
		}
		handfuls = append(handfuls, p.tasks[start:end])
		start = end
	}
	d.set(diceTask, -1)
	d.r.Shuffle(len(handfuls), func(i, j int) { handfuls[i], handfuls[j] = handfuls[j], handfuls[i] })
	p.tasks = slices.Concat(handfuls...)
}

// draw decides how often the task comes back and where it stands. Large
// households are large by their history: most of it is done or archived.
func (t *planTask) draw(d *dice, heavy bool) {
	once := d.chance(45)
	if !once {
		// daily to annually, in the order of household.Frequencies.
		t.frequency = 1 + weighted(d, 3, 12, 8, 27, 20, 12, 18)
	}
	switch {
	case once && heavy:
		t.state = taskState(weighted(d, 13, 3, 4, 50, 30))
	case once:
		t.state = taskState(weighted(d, 48, 7, 12, 28, 5))
	case heavy:
		t.state = taskState(weighted(d, 31, 4, 0, 0, 65))
	default:
		t.state = taskState(weighted(d, 89, 6, 0, 0, 5))
	}
}

// planCompletions gives a finished one-off task its one completion and shares
// the others out among the recurring ones.
func (p *plan) planCompletions(d *dice) {
	want := len(p.tasks) * p.opts.CompletionsPerTask
	weights := make([]float64, len(p.tasks))
	for i := range p.tasks {
		t := &p.tasks[i]
		switch {
		case t.frequency > 0:
			d.set(diceCompletion, i)
			weights[i] = 0.2 + d.r.Float64()
		case t.finished() && want > 0:
			t.completions = 1
			want--
		}
	}
	for i, n := range apportion(max(0, want), weights) {
		p.tasks[i].completions += uint16(min(n, 1000)) //nolint:gosec // bounded
		p.completions += int(p.tasks[i].completions)
	}
}

func (t *planTask) finished() bool { return t.state == stateDoneLately || t.state == stateDoneOnce }

func (t *planTask) name() household.Frequency { return household.Frequencies()[t.frequency] }

// weighted draws an index with the given chances.
func weighted(d *dice, weights ...int) uint8 {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	n := d.below(sum)
	for i, w := range weights {
		if n < w {
			return uint8(i)
		}
		n -= w
	}
	return 0
}

// apportion shares a total out by weights, so that the sum is exact.
func apportion(total int, weights []float64) []int {
	var sum float64
	for _, w := range weights {
		sum += w
	}
	counts := make([]int, len(weights))
	if sum == 0 {
		return counts
	}
	given, upTo, last := 0, 0.0, 0
	for i, w := range weights {
		if w == 0 {
			continue
		}
		upTo += w
		counts[i] = int(upTo/sum*float64(total)) - given
		given += counts[i]
		last = i
	}
	counts[last] += total - given
	return counts
}
