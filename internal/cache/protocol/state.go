package protocol

const (
	maxWriters  = 2
	maxReaders  = 3
	maxSweepers = 2
)

// writes is a set of writes, one bit each. A value, an obligation and the
// database are all described by the writes that they contain.
type writes uint8

func write(i int) writes { return 1 << i }

// version is the label of a random version. Only equality means anything, so
// labels are renamed in every state that is stored; see canonical.
type version uint8

const (
	// missing is no version: the key is not there.
	missing version = 0
	// absent is the token of a read that takes "missing" for a version, which
	// only the broken protocol CompareMissing does.
	absent version = 14
	// dead is any version that nothing will ever be compared with again.
	dead version = 15
	// maxVersion is the largest label that is renamed to.
	maxVersion version = 13
)

// writerAt is the next thing that a writer does.
type writerAt uint8

const (
	writerHolds writerAt = iota
	writerReleasesEarly
	writerSends
	writerWaits
	writerReleases
	writerReleasesUnknown
	writerAcknowledges
	writerEnded
)

// statement is where a writer's one statement is.
type statement uint8

const (
	notSent statement = iota
	// queued: it left the writer and no longer needs it. A pooler may run it
	// at any time, long after the writer gave up.
	queued
	// running: it holds its transaction id, its place in the change log's
	// sequence and its write id's place in the unique index.
	running
	committed
	// refused: its write id was in the change log already, or the database has
	// rolled it back and said so.
	refused
)

type writer struct {
	at   writerAt
	stmt statement
	// tombstone: the resolver inserted the write id first.
	tombstone bool
	// resolving: the resolver knows the write's outcome, its script has not run yet.
	resolving bool
	// lateHold and lateRelease: the script is on its way, its sender waits no longer.
	lateHold, lateRelease bool
	refresh               refresh
}

// refresh is the list as the write's own transaction reads it, for a reader
// whose copy the write makes obsolete.
type refresh struct {
	// token is the version after hold; missing: nothing is read.
	token  version
	looked bool
	data   writes
}

// readerAt is where a read is. There is no place for "has data, has not
// answered": an answer obliges the reads that begin after it, so the earliest
// answer is the hardest case and the only one explored.
type readerAt uint8

const (
	idle readerAt = iota
	// missed: asked Redis, is to read the database.
	missed
	// loaded: has read the database and answered; is to fill the cache. Until
	// then its flight can be joined.
	loaded
	// blindMissed and blindLoaded: the same for a read that could not know
	// before the database read which states its list depends on.
	blindMissed
	blindLoaded
	// glanced: the first of a glance's two steps was taken. token and data are
	// the copy that the pod remembers.
	glanced
)

type reader struct {
	at readerAt
	// token is the version that the read script returned: of the state, or of
	// the write clock for a blind read. Missing: a read that goes round the cache.
	token version
	data  writes
	// must is what the read has to contain to keep the promise.
	must writes
}

// value is a copy of the list with the version that it was filled under.
type value struct {
	version version
	data    writes
	// aged: its valid_until has passed.
	aged bool
}

// cursor is the snapshot in which the sweep last read the change log: the
// writes that were visible in it. Without cursorSet nothing is known.
type cursor uint8

const cursorSet cursor = 1 << maxWriters

func (c cursor) past() writes { return writes(c &^ cursorSet) }

// lease is the sweep's permission to serve from the cache; saw holds the
// writes that had been committed when the sweep that gave it read the log.
type lease struct {
	given bool
	saw   writes
}

// memory is what Redis keeps.
type memory struct {
	// version and holds are one state key.
	version version
	holds   writes
	// clock is the write clock: a version that every script replaces which
	// sets any state's version.
	clock  version
	value  value
	cursor cursor
	lease  lease
	// marks are keys of their own, one for each write: its release or its
	// resolve has run in this memory, after its commit.
	marks writes
}

// sweep is a sweep that has read the change log and not yet told Redis.
type sweep struct {
	reading   bool
	from, to  cursor
	committed writes
}

// State is one state of the model: one scope (a residence or a user), its
// value, and everyone at work on it. The zero State is a cold cache.
type State struct {
	writer [maxWriters]writer
	// acked: the client has been told. seen: a read has returned it. due: the
	// bound of P2 has passed.
	acked, seen, due writes
	redis            memory
	// backup is the old memory that a roll-back restores.
	backup      memory
	backupTaken bool
	// restarted: Redis came back and no connection has been made yet.
	restarted bool
	sweep     [maxSweepers]sweep
	// later: another transaction took a later number of the log's sequence and
	// a later transaction id than the running statement, and committed.
	later  bool
	reader [maxReaders]reader

	// last is the highest label handed out, for traces that number versions
	// in the order of their making. Not part of the packed state.
	last version
}

func (s *State) committed() writes {
	var w writes
	for i := range s.writer {
		if s.writer[i].stmt == committed {
			w |= write(i)
		}
	}
	return w
}
