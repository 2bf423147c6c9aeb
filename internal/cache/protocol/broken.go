package protocol

// Broken is a set of steps left out or done wrong on purpose.
type Broken uint64

// The hold and the release, broken.
const (
	// SkipHold writes without a hold. SQL from outside does the same.
	SkipHold Broken = 1 << iota
	// HoldRenewsVersion also sets a fresh version.
	HoldRenewsVersion
	// HoldIsFlag keeps one hold for all writes instead of one for each.
	HoldIsFlag
	// HoldExpires drops a hold by a clock.
	HoldExpires
	// ReleaseEarly releases before the commit.
	ReleaseEarly
	// ReleaseKeepsVersion drops the hold and sets no fresh version.
	ReleaseKeepsVersion
	// ReleaseOnlyHeld sets a fresh version only if the hold was still there.
	ReleaseOnlyHeld
	// ReleaseUnknown releases when the statement's outcome is not known.
	ReleaseUnknown
)

// The read and the fill, broken.
const (
	// FillUnchecked fills without comparing versions.
	FillUnchecked Broken = 1 << (iota + 8)
	// FillHeld treats a read under a hold as any miss: it serves nothing, but
	// it shares a flight and fills.
	FillHeld
	// IgnoreHolds reads and fills as if there were no holds.
	IgnoreHolds
	// CompareMissing takes a missing state for a version and creates none.
	CompareMissing
	// FlightUnkeyed lets a read join any flight for the same list.
	FlightUnkeyed
	// BypassShares lets reads that go round the cache share one flight.
	BypassShares
	// ServeUnchecked serves a copy without looking at its version.
	ServeUnchecked
	// CountedVersions counts versions up from 1 instead of drawing them.
	CountedVersions
	// BlindUnchecked fills a blind read without comparing the write clock.
	BlindUnchecked
	// ResolveKeepsClock resolves and leaves the write clock as it is.
	ResolveKeepsClock
	// BlindShares lets a blind read join any other's flight: the key is made of
	// the states that both know, and not of the one that neither knows.
	BlindShares
	// BlindSharesByClock lets it join if the write clock is the same.
	BlindSharesByClock
	// GlanceBackwards reads the version first and then the lease.
	GlanceBackwards
)

// RefusalUnknown takes an unknown outcome for a refusal: it drops the hold and
// keeps the version.
const RefusalUnknown Broken = 1 << 22

// The resolver, broken.
const (
	// ResolveUnfenced looks for the write id and inserts no tombstone.
	ResolveUnfenced Broken = 1 << (iota + 24)
	// ResolveDropsFirst drops the hold before it writes the tombstone.
	ResolveDropsFirst
	// TombstonePruned deletes a tombstone while its statement may still run.
	TombstonePruned
)

// The sweep, the restart and the lease, broken.
const (
	// SequenceCursor reads the log from the highest number seen.
	SequenceCursor Broken = 1 << (iota + 32)
	// XmaxCursor keeps the snapshot's xmax and not which transactions below it
	// were still running.
	XmaxCursor
	// CursorStartsNow takes a missing cursor for "nothing has happened".
	CursorStartsNow
	// CursorInPod keeps the cursor outside Redis.
	CursorInPod
	// SweepUnguarded tells Redis without comparing the cursor it began from.
	SweepUnguarded
	// NotLogged writes without a row in the change log.
	NotLogged
	// RunIDIgnored goes on with whatever memory a restarted Redis has.
	RunIDIgnored
	// NoLease serves from the cache while no sweep runs.
	NoLease
	// LeaseFromEnd counts the lease from the sweep's end, not from its reading.
	LeaseFromEnd
	// UnleasedShares lets reads without a lease join flights and fill.
	UnleasedShares
)

// The mark, broken.
const (
	// Unmarked leaves no marks: the sweep tells every row again.
	Unmarked Broken = 1 << (iota + 48)
	// MarkAtHold leaves the mark with the hold.
	MarkAtHold
	// MarkUnknown leaves the mark whatever became of the write, if anything has.
	MarkUnknown
	// MarkInPod keeps the marks outside Redis.
	MarkInPod
	// ReleaseElsewhere holds and releases fewer states than the row names, this
	// one not among them, and leaves the mark for the row.
	ReleaseElsewhere
	// MarkedKeepsHold lets the sweep leave the hold of a row that is marked.
	MarkedKeepsHold
	// MarkedKeepsVersion lets the sweep drop the hold of a row that is marked
	// and set no fresh version.
	MarkedKeepsVersion
)

// The list that a write reads, broken.
const (
	// RefreshUnchecked fills it without comparing versions.
	RefreshUnchecked Broken = 1 << (iota + 56)
	// RefreshBefore reads it before the statement.
	RefreshBefore
)

// RemakeUnchecked makes a list of a copy that has aged without comparing versions.
const RemakeUnchecked Broken = 1 << 58
