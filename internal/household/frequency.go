package household

// Frequency is how often a task comes back.
type Frequency string

// FrequencyOnce is a task that does not come back: completing it finishes it.
const FrequencyOnce Frequency = "once"

// Step is the distance between two due dates: so many days and so many months.
type Step struct {
	Days, Months int
}

// Frequencies lists every frequency, the shortest step last but one-off first.
func Frequencies() []Frequency {
	return []Frequency{
		FrequencyOnce, "daily", "weekly", "biweekly", "monthly", "quarterly", "semiannually", "annually",
	}
}

// Step is the frequency's distance; false for one-off tasks and unknown names.
func (f Frequency) Step() (Step, bool) {
	switch f {
	case "daily":
		return Step{Days: 1}, true
	case "weekly":
		return Step{Days: 7}, true
	case "biweekly":
		return Step{Days: 14}, true
	case "monthly":
		return Step{Months: 1}, true
	case "quarterly":
		return Step{Months: 3}, true
	case "semiannually":
		return Step{Months: 6}, true
	case "annually":
		return Step{Months: 12}, true
	default:
		return Step{}, false
	}
}

// NextDue is the due date after a completion on the given local day: the first
// one after today on the grid that starts at due, so that a filter changed two
// weeks late does not come back overdue. Months are counted from due and not
// from each other: a task of the 31st comes back on the 31st after February.
// A task without a due date counts from today. Beyond LastDate there is no date:
// such a task stays on it. False for one-off tasks.
func (f Frequency) NextDue(due *Date, today Date) (Date, bool) {
	step, recurs := f.Step()
	if !recurs {
		return Date{}, false
	}
	start := today
	if due != nil && !due.IsZero() {
		start = *due
	}
	for n := firstStep(start, today, step); ; n++ {
		next := start.AddMonths(n * step.Months).AddDays(n * step.Days)
		if next.After(LastDate()) {
			return LastDate(), true
		}
		if next.After(today) && next.After(start) {
			return next, true
		}
	}
}

// firstStep is a step count that cannot overshoot, so that a task forgotten
// for years does not cost a loop over each of its missed days.
func firstStep(start, today Date, step Step) int {
	if !start.Before(today) {
		return 1
	}
	days := int(today.utc().Sub(start.utc()).Hours() / 24)
	longest := step.Days + step.Months*31
	return max(1, days/longest)
}
