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

// Due is a due date and the day of the month that its recurrence keeps to.
type Due struct {
	Date Date // zero for none
	// KeepDay is that day where Date's month is too short for it: 31 on 28
	// February. It counts only while Date is its month's last day; otherwise, and
	// at 0, the recurrence keeps to Date's own day.
	KeepDay int
}

// day is the day of the month that the recurrence keeps to.
func (d Due) day() int {
	if d.KeepDay > d.Date.Day && d.Date.AddDays(1).Day == 1 {
		return d.KeepDay
	}
	return d.Date.Day
}

// NextDue is what comes after a completion on the given local day: the first
// date after today on the grid that starts at due, so that a filter changed two
// weeks late does not come back overdue. A step of months keeps the day of the
// month, or takes the month's last day where it is too short: the 31st comes
// back on the 31st after February, however often the task was completed. A task
// without a due date counts from today. Beyond LastDate there is no date: such a
// task stays on it. False for one-off tasks.
func (f Frequency) NextDue(due Due, today Date) (Due, bool) {
	step, recurs := f.Step()
	if !recurs {
		return Due{}, false
	}
	if due.Date.IsZero() {
		due = Due{Date: today}
	}
	start, keep := due.Date, due.day()
	for n := firstStep(start, today, step); ; n++ {
		next := start.AddDays(n * step.Days)
		if step.Months > 0 {
			next = start.monthsOn(n*step.Months, keep)
		}
		switch {
		case next.After(LastDate()):
			return Due{Date: LastDate()}, true
		case !next.After(today) || !next.After(start):
		case step.Months > 0 && next.Day < keep:
			return Due{Date: next, KeepDay: keep}, true
		default:
			return Due{Date: next}, true
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
