package facts

// Rules over one executed plan. Each is a pure function: it names the steps that break it and leaves the
// judgement of what they cost to the check.

const (
	// RuleLeastRows is how many rows a step must handle, over all its loops, before a rule looks at it:
	// the size from which S14 forbids to read a table from end to end.
	RuleLeastRows = S14ExemptRows
	// MisestimateFactor is pgMustard's: from a factor of 10 on it calls an estimate wrong.
	MisestimateFactor = 10
	// MisestimateRemark is the factor that is worth a remark although S14 holds. It is 100 and not 10,
	// because the joins here go over CTEs, which have no statistics, and a heavy user lies 10 to 50 times
	// above the mean by his nature. explain.depesz.com turns from yellow to orange at 100, too.
	MisestimateRemark = 100
	// DiscardedShare is how many rows a step throws away for each one it keeps before it is called
	// wasteful: pgMustard's advice on an index begins where a filter removes more than 9 of 10 rows.
	DiscardedShare = 10
	// HeapFetchShare is the share of an index-only scan's rows for which the table had to be visited:
	// from a half on it is an index scan that calls itself something else.
	HeapFetchShare = 0.5
	// coldLeastBlocks is 2 MiB read at first sight. A board of 2,000 tasks is 300 pages in all.
	coldLeastBlocks = 256
	// coldShare is the share of pages that were not in memory. PgHero warns where less than 99% of reads
	// hit over days; one single run deserves more patience.
	coldShare = 0.5
)

// Cold reports whether most of the pages that a statement touched when it was first run were not in
// Postgres's memory.
func (f *FirstRun) Cold() bool {
	return f != nil && f.ReadBlocks >= coldLeastBlocks && f.ReadBlocks >= coldShare*(f.ReadBlocks+f.HitBlocks)
}
