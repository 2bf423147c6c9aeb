package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

// SeedEmail is the e-mail of the n-th seeded user, counted from 1.
func SeedEmail(n int) string { return fmt.Sprintf("seed-%d@%s", n, seedDomain) }

const seedDomain = "seed.example"

// rowMaker makes the rows of a plan. ids are the numbers before each table's first.
type rowMaker struct {
	*plan
	write        *writer
	today        time.Time // midnight UTC of the day from which everything counts
	passwordHash string
	first        map[string]int64
	emails       []string // of the users; SeedEmail where it is nil
}

func newRowMaker(p *plan, passwordHash string) *rowMaker {
	return &rowMaker{plan: p, write: newWriter(newDice(p.opts.Seed)), today: p.opts.Today, passwordHash: passwordHash}
}

const day = 24 * time.Hour

func (m *rowMaker) id(table string, row int) int64 { return m.first[table] + int64(row) + 1 }

// ago is a moment of the last days before today.
func (m *rowMaker) ago(from, to time.Duration) time.Time {
	span := int((to - from) / time.Second)
	return m.today.Add(-from - time.Duration(m.write.below(max(1, span)))*time.Second)
}

func (m *rowMaker) user(i int) []any {
	w := m.write
	w.set(diceUser, i)
	email := SeedEmail(i + 1)
	if m.emails != nil {
		email = m.emails[i]
	}
	return []any{
		m.id("users", i), email, w.person(), m.passwordHash, m.ago(60*day, 1100*day), m.ago(0, 60*day),
	}
}

// token makes a secret: it is not derived from the seed.
func (m *rowMaker) token(i int) (text string, row []any, _ error) {
	secret := make([]byte, 20)
	if _, err := rand.Read(secret); err != nil {
		return "", nil, err
	}
	text = hex.EncodeToString(secret)
	hash := sha256.Sum256([]byte(text))
	return text, []any{hash[:], m.id("users", i), m.today}, nil
}

func (m *rowMaker) residence(i int) []any {
	w := m.write
	w.set(diceHome, i)
	c := w.cities[w.below(len(w.cities))]
	name := w.pick(w.homes)
	if w.chance(40) {
		name += ", " + c.name
	}
	made := m.ago(60*day, 1000*day)
	return []any{
		m.id("residences", i), m.id("users", int(m.homes[i].owner)), name,
		w.street(), c.name, w.pattern(c.postal), c.country, c.zone, made, made,
	}
}

func (m *rowMaker) membership(home, member int) []any {
	w := m.write
	w.set(diceHome, home<<4|member)
	role := household.RoleMember
	if w.chance(20) {
		role = household.RoleAdmin
	}
	return []any{m.id("residences", home), m.id("users", int(m.homes[home].members[member])), string(role), m.ago(0, 60*day)}
}

// history is when a task was completed last, and how far apart its completions are.
func (m *rowMaker) history(i int) (last time.Time, apart time.Duration) {
	t := &m.tasks[i]
	m.write.set(diceCompletion, i)
	step, _ := t.name().Step()
	apart = time.Duration(step.Days+30*step.Months) * day
	switch {
	case t.state == stateDoneLately:
		last = m.ago(0, household.CompletedFor-2*day)
	case t.state == stateDoneOnce:
		last = m.ago(household.CompletedFor+2*day, 700*day)
	default:
		last = m.ago(0, max(day, min(apart, 300*day)))
	}
	return last, apart
}

func (m *rowMaker) task(i int) []any {
	t := &m.tasks[i]
	w := m.write
	last, apart := m.history(i)
	w.set(diceTask, i+1<<40)
	c := w.chores[w.below(len(w.chores))]
	var started, completed, lastCompleted, archived any
	if t.completions > 0 {
		lastCompleted = last
	}
	if t.finished() {
		completed, lastCompleted = last, last
	}
	if t.state == stateStarted {
		started = m.ago(0, 9*day)
	}
	if t.state == stateArchived {
		archived = m.ago(day, 400*day)
	}
	made := last.Add(-time.Duration(t.completions)*apart - time.Duration(1+w.below(60))*day)
	return []any{
		m.id("tasks", i), m.id("residences", int(t.home)), w.title(c), w.description(), string(c.category),
		[]string{"low", "medium", "medium", "medium", "high", "urgent"}[w.below(6)],
		m.due(t), string(t.name()), started, completed, lastCompleted, archived != nil, archived,
		int64(t.completions) + 1, m.creator(int(t.home)), made, last,
	}
}

// due spreads the open tasks over the columns of the board: overdue, due soon,
// upcoming, and some without a date.
func (m *rowMaker) due(t *planTask) any {
	w := m.write
	step, recurs := t.name().Step()
	var in int
	switch weighted(w.dice, 14, 34, 42, 10) {
	case 0:
		in = -1 - w.below(60)
	case 1:
		in = w.below(31)
	case 2:
		in = 31 + w.below(370)
	default:
		if !recurs {
			return nil
		}
		in = w.below(31)
	}
	if recurs {
		in = min(in, step.Days+30*step.Months)
	}
	return m.today.Add(time.Duration(in) * day)
}

// creator is the owner, or a member where there are some.
func (m *rowMaker) creator(home int) int64 {
	h := m.homes[home]
	if n := m.write.below(2 * (1 + len(h.members))); n < len(h.members) {
		return m.id("users", int(h.members[n]))
	}
	return m.id("users", int(h.owner))
}

// completion is the n-th of the task's, the oldest being the 0th.
func (m *rowMaker) completion(row, task, n int) []any {
	t := &m.tasks[task]
	last, apart := m.history(task)
	w := m.write
	w.set(diceCompletion, task<<12|n+1<<42)
	back := int(t.completions) - 1 - n
	at := last
	if back > 0 {
		at = last.Add(-time.Duration(back)*apart - time.Duration(w.below(int(apart/time.Minute)+1)/4)*time.Minute)
	}
	var cost any
	if w.chance(12) {
		cost = int64(500 + 5*w.below(9000))
	}
	due := at.Truncate(day).Add(time.Duration(w.below(9)-4) * day)
	return []any{
		m.id("task_completions", row), m.id("tasks", task), m.creator(int(t.home)), at, w.remark(), cost, due,
	}
}

func (m *rowMaker) contractor(i int) []any {
	w := m.write
	w.set(diceContractor, i+1<<40)
	c := w.chores[w.below(len(w.chores))]
	name := w.person()
	company := ""
	if w.chance(80) {
		company = w.pick(w.last) + " " + w.pick(c.trades) + " " + w.pick(w.firms)
	}
	mail := ""
	if w.chance(60) {
		mail = strings.ToLower(w.pick(w.last)) + w.pattern("##") + "@trades.example"
	}
	notes := ""
	if w.chance(50) {
		notes = w.pick(c.trades) + ". " + w.pick(w.remarks)
	}
	made := m.ago(0, 800*day)
	return []any{
		m.id("contractors", i), m.id("residences", int(m.contractors[i])), name, company, string(c.category),
		w.pattern("+## ### ######"), mail, notes, made, made,
	}
}

func (m *rowMaker) document(i int) []any {
	w := m.write
	w.set(diceDocument, i)
	kinds := household.DocumentKinds()
	kind := kinds[w.below(len(kinds))]
	title := w.pick(w.brands) + " " + w.pattern("@@ ####") + " " + kind
	if w.chance(50) {
		c := w.chores[w.below(len(w.chores))]
		title = strings.ToUpper(kind[:1]) + kind[1:] + " for " + w.pick(c.objects)
	}
	notes := ""
	if w.chance(40) {
		notes = w.pick(w.steps) + " " + w.pick(w.reasons)
	}
	var expires any
	if w.chance(40) {
		expires = m.today.Add(time.Duration(w.below(1500)-200) * day)
	}
	made := m.ago(0, 800*day)
	return []any{m.id("documents", i), m.id("residences", int(m.documents[i])), title, kind, notes, expires, made, made}
}
