package protocol

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// errNotRetraced is a bug of the model: two states with one canonical form
// that do not have the same steps.
var errNotRetraced = errors.New("a step of the trace is not possible in the state before it")

// Trace is a way through the model: a beginning and the steps from it.
type Trace struct {
	Model Model
	First State
	Lines []Line
}

// Line is a step and the state after it.
type Line struct {
	Step  Step
	After State
}

// retrace walks again to the state at index i of the visited and takes the
// last step, this time without renaming, so that reader 2 stays reader 2 and
// versions count in the order of their making.
func (m Model) retrace(seen *visited, i int, last Step) (Trace, error) {
	m.numbered = true
	path := seen.path(i)
	tr := Trace{Model: m}
	for _, root := range m.roots() {
		c := root
		m.canonical(&c)
		if c.pack() == path[0] {
			tr.First = root
		}
	}
	s := tr.First
	var buffer []move
	for _, want := range path[1:] {
		buffer = m.moves(&s, buffer)
		found := false
		for k := range buffer {
			c := buffer[k].to
			m.canonical(&c)
			if c.pack() == want {
				s, found = buffer[k].to, true
				tr.Lines = append(tr.Lines, Line{buffer[k].Step, s})
				break
			}
		}
		if !found {
			return tr, fmt.Errorf("%w: step %d of %d", errNotRetraced, len(tr.Lines)+1, len(path))
		}
	}
	for _, mv := range m.moves(&s, buffer) {
		// Readers may stand in another order here, so the kind has to do.
		if mv.broken != 0 && mv.Kind == last.Kind {
			tr.Lines = append(tr.Lines, Line{mv.Step, mv.to})
			return tr, nil
		}
	}
	return tr, fmt.Errorf("%w: the last", errNotRetraced)
}

// String prints the trace as a table: the step, and the database, the state
// key and the copy after it.
func (tr Trace) String() string {
	rows := [][4]string{{"step", "database", "state", "copy"}}
	rows = append(rows, tr.row("(begin)", &tr.First))
	for i := range tr.Lines {
		l := &tr.Lines[i]
		rows = append(rows, tr.row(fmt.Sprintf("%d. %s", i+1, tr.describe(l.Step, &l.After)), &l.After))
	}
	var width [4]int
	for _, r := range rows {
		for c := range r {
			width[c] = max(width[c], utf8.RuneCountInString(r[c]))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		line := ""
		for c := range r {
			line += fmt.Sprintf("%-*s  ", width[c], r[c])
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func (tr Trace) row(step string, s *State) [4]string {
	state := nameVersion(s.redis.version)
	if s.redis.holds != 0 {
		state += " held"
		if tr.Model.Writers > 1 {
			state += " by " + tr.writers(s.redis.holds)
		}
	}
	if s.redis.marks != 0 {
		state += " marked"
		if tr.Model.Writers > 1 {
			state += " " + tr.writers(s.redis.marks)
		}
	}
	kept := "-"
	if v := s.redis.value; v.version != missing {
		kept = nameVersion(v.version) + ": " + tr.data(v.data)
	}
	return [4]string{step, tr.data(s.committed()), state, kept}
}

// data names what a copy or the database contains.
func (tr Trace) data(w writes) string {
	if tr.Model.Writers > 1 {
		return tr.writers(w)
	}
	if w == 0 {
		return "old"
	}
	return "new"
}

func (tr Trace) writers(w writes) string {
	var names []string
	for i := range tr.Model.Writers {
		if w&write(i) != 0 {
			names = append(names, tr.writer(i))
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, "+")
}

func (tr Trace) writer(i int) string {
	if tr.Model.Writers == 1 {
		return "W"
	}
	return fmt.Sprintf("W%d", i+1)
}

func (tr Trace) sweeper(i int) string {
	if tr.Model.Sweepers == 1 {
		return "sweep"
	}
	return fmt.Sprintf("sweep%d", i+1)
}

func nameVersion(v version) string {
	switch v {
	case missing:
		return "-"
	case absent:
		return "missing"
	default:
		if v > dead { // the numbering leaves out absent and dead
			v -= dead + 1 - absent
		}
		return fmt.Sprintf("v%d", v)
	}
}
