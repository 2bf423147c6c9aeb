// Package protocol is the specification of the cache that may not lie, written
// as states and steps that a test explores whole. Nothing imports it to run:
// whoever builds or changes the cache follows the text below, whose names are
// the names of the steps, and changes the model first.
//
// # The promise
//
// P1, while Redis is reachable and keeps its memory: a read contains every
// write that was acknowledged before it began (Acknowledged), and everything
// that an earlier read returned (Monotone), whoever crashes or pauses, on any
// pod. P2, otherwise: a write that has been committed for 2 s is in every read
// that begins (InTime); in other words, every write that a completed sweep had
// seen is (Swept). A write is never refused for the cache's sake.
//
// # What is kept
//
// A scope is what writes and lists have in common: a user or a residence. A
// list depends on its user's scope and on that of each residence in it. A
// write touches the residences whose rows it changes, and the users whose
// access, tokens or profile it changes: joining touches the user and the
// residence, deleting a residence only the residence, since the lists of its
// members depend on it, whoever they are.
//
//   - state, one Redis key for each scope: a version and the holds on it, by
//     write id. One key, so that neither is evicted without the other. It has
//     no expiry: a hold that a clock drops is a hold that is lost.
//   - copy: a list, compressed, with the versions that it was filled under.
//     Also what a pod's memory keeps (the user) and what a client keeps (a body
//     with its ETag): there nobody checks the fill, only the next use.
//   - shared, one Redis key: the run_id that it belongs to, the epoch, the
//     write clock, the sweep's cursor and the lease's end. One key, so that a
//     cursor never outlives the clock and the epoch, nor the other way round.
//   - change log, in Postgres: (write id unique, xid8, scopes), one row for each
//     write, inserted by the statement that changes the data.
//
// A version, a clock and an epoch are random numbers of 64 bits or more that
// the caller makes and gives to the script, once each. Not by Redis: its
// math.random begins again with the same sequence after a restart. Not by
// counting: a counter that begins again meets the tokens of reads that began
// before. Only equality means anything; a version "stands" if the epoch and
// the state's version are still the same. Nothing is ever equal to what is
// missing.
//
// # Scripts
//
// Each is one Lua script and so one step. None is ever sent twice, by a retry
// or otherwise: a hold that is replayed has no writer to drop it, a version
// that is set twice is not fresh. Each waits 50 ms at most; a script whose
// sender gave up may still run, at any later time, and does no harm then.
//
//   - connect is the first on every connection. If the server's run_id is not
//     the one in shared, the memory is another one: a fresh epoch, a fresh
//     clock, no cursor, no lease. Old holds may stay. The comparison is with
//     what Redis holds and not with what a pod remembers, so that only the
//     first connection does it, and a pod that has just started knows too.
//   - hold sets a fresh version on each state of the write, creating what is
//     missing, adds the write id to its holds, and sets a fresh clock.
//   - release drops the write id's holds, sets a fresh version on each state
//     that is there, whether or not it was held, and sets a fresh clock. If a
//     state was evicted, its hold went with it, and a read in between may have
//     filled what was old by then.
//   - read follows token, user and list to all states involved. States that
//     are missing are created: missing would be the same before and after an
//     eviction. It returns one of: the copy, if all versions stand, no state is
//     held and the lease has not ended; a token (epoch, clock and versions) for
//     a miss; or "go round", with the holds' write ids, if a state is held or
//     there is no lease.
//   - fill stores a copy if every version in the token stands and no state is
//     held. The states are those that the database named, not those that the
//     token names. For a state that the token does not name, the clock has to
//     stand instead: no version at all was set since, and no hold stands now.
//   - sweep takes the cursor that it read from, the new cursor, the log's rows
//     and the time that it read Redis' clock. If the cursor is no longer the
//     one that it read from, it does nothing. Else it sets fresh versions on the
//     rows' states that are there, drops the rows' holds, sets a fresh clock
//     (if there were rows), the new cursor, and the lease: 2 s after it began
//     to read, not after it ended. If it read from no cursor, a fresh epoch.
//   - resolve does what release does, for a write whose outcome is settled.
//
// # A write
//
//  1. hold. If Redis does not confirm, go on: P2.
//  2. One statement changes the data, inserts into the change log with its
//     write id, and is guarded by the scopes that were held. If it finds
//     others, it changes nothing and says which: release, and once more, with
//     a new write id.
//  3. Its outcome is known: committed, or refused (a conflict, no access, the
//     write id's tombstone). release. If the outcome is not known, since the
//     wait ended or the connection broke, leave the hold: the statement may
//     still be in a queue, and the resolver will settle it.
//  4. Answer, whether or not Redis confirmed the release. Not before it was
//     sent: a hold that stands still protects (P1), but a hold that was lost
//     is only made up for by the release's fresh version.
//
// # A read
//
//  1. read. A copy: answer. A client's ETag names epoch, versions, valid_until
//     and encoding, so that 304 is this same comparison and knows midnight.
//  2. A miss: read the database, answer, fill; the fill may come after the
//     answer. Reads with the same token may share one flight, since nothing
//     that a later one has to contain can be missing while no version has
//     changed. A token that lacks a state is shared with nobody.
//  3. To go round: read the database and answer. Fill nothing, share nothing:
//     while a hold stands, the version says nothing about the commit.
//  4. No Redis: the same as to go round.
//
// # The sweep
//
// Every 0.5 s, by one pod at a time, though nothing depends on that. It takes
// the cursor and Redis' clock, reads the log's rows from the cursor on in one
// snapshot, and calls sweep with that snapshot's pg_snapshot_xmin for the new
// cursor. Not the highest number seen: a number is given before the commit,
// and a statement with a lower one may commit later. While an old transaction
// holds that horizon back, rows are seen again and would make their lists miss
// again, twice a second. So the cursor may also carry the write ids behind the
// horizon that Redis has been told of; they are part of it, stored, compared
// and lost with it, and never kept in a pod.
//
// The sweep stops when nobody reads. Then the lease ends, and reads go round
// until a first sweep is through. Without the lease a read that begins after a
// night without sweeps is as old as the night; P2 in seconds needs it, P1 does
// not.
//
// # The resolver
//
// A hold that a read has met twice, some seconds apart, belongs to a writer
// that crashed, lost its way or waits in a queue. First the database: insert
// the write id into the log as a tombstone, ON CONFLICT DO NOTHING. Inserted,
// it can never commit any more. A conflict, it has committed, or it has a
// tombstone already: the row says which. While the statement runs, the insert
// waits for its end. Only then resolve. A tombstone stays as long as any
// statement may wait in any queue.
//
// # The model
//
// Model.Explore visits, breadth first, every state that one scope can get
// into: a writer, three readers that read again and again, the sweep, the
// resolver, and faults in any number at any moment. A pause is no fault:
// whoever pauses is someone whose next step comes late. It counts nothing in
// seconds and nothing is likely; it answers only whether something can happen.
//
// One scope is enough, because every script treats all its scopes in one step:
// what other scopes add is that a read misses, goes round or may not fill
// though this scope would let it, and those are steps here too (ValueEvicted,
// ReaderCutOff). One pod is enough, because all that a pod has for itself is
// flights and memory, and a reader here may always do without either.
//
// A read answers at the first moment at which it can. Answering later obliges
// the reads after it to less. Versions are renamed and readers sorted, so that
// the number of states is finite (see canonical); a test explores without that
// and compares.
//
// What stays outside: two Redis servers at once, a database that goes back in
// time (the sweep has to notice a cursor beyond pg_snapshot_xmax and treat it
// as none), reads from a replica, and lists torn between two snapshots.
package protocol
