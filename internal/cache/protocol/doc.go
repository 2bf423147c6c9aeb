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
// A scope is what writes and lists have in common: a user, or what one list
// shows of a residence. A list depends on its user's scope and, of each residence
// in it, on its own scope there. A write touches the scopes of the lists that show
// the rows it changes, and the users whose access, tokens or profile it changes: a
// task touches one scope, and the other lists of its residence stay. Joining
// touches the user only: nothing that is cached shows who belongs to a residence
// (what comes to show it makes joining touch the residence, too). Deleting a
// residence touches all scopes of the residence and no user, since the lists of
// its members depend on them, whoever they are. So while
// a user's version stands, the residences of that user may become fewer but
// never more: whatever adds one (creating, joining, undoing a deletion) touches
// each user to whom it adds one.
//
//   - state: a version and the holds on it, by write id. One Redis key for each
//     user, and one for all scopes of a residence: they are evicted together, and
//     no version without its holds. What follows says "state" of one scope and
//     treats it as a key of its own; creating a key that is missing creates all
//     states in it, which says nothing of a write. It has no expiry: a hold that a
//     clock drops is a hold that is lost.
//   - readers, seen: who has read a list lately, with the hash of a token. They
//     choose whose lists a write reads, and nothing is believed for their sake.
//   - copy: a list, compressed, with the digest that it was filled under.
//     Also what a pod's memory keeps (the user) and what a client keeps (a body
//     with its ETag): there nobody checks the fill, only the next use.
//   - digest: sha1 over the encoding's version, the list's name, the epoch, and
//     of each scope its name and its version, in the order of the names. Each
//     part carries its length or a separator that it can't contain. The user's
//     scope is always one of them, so a copy is never another user's.
//   - token entry: an access token's user, under the user's version.
//   - hint: the ids of a user's residences, with the epoch and the user's version
//     that they were read under. It chooses which states a read looks at.
//   - shared, one Redis key: the run_id that it belongs to, the epoch, the
//     write clocks, the sweep's cursor and the lease's end. One key, so that a
//     cursor never outlives the clocks and the epoch, nor the other way round.
//   - mark, a Redis key for each write, done:<write id>: the write had been
//     committed when all states that its row names got fresh versions in this
//     memory. It expires after 30 s and may be lost at any time; then the row is
//     told, which costs a miss.
//   - change log, in Postgres: (write id unique, xid8, scopes), one row for each
//     write, inserted by the statement that changes the data. xid8 is
//     pg_current_xact_id(), the top transaction's. No two statements have one
//     write id, so neither have two holds.
//
// A version, a clock and an epoch are random numbers of 64 bits or more that
// the caller makes and gives to the script, once each. Not by Redis: its
// math.random begins again with the same sequence after a restart. Not by
// counting: a counter that begins again meets the tokens of reads that began
// before. Only equality means anything; a version "stands" if the epoch and
// the state's version are still the same, a clock if the epoch and the clock
// are. Nothing is ever equal to what is missing.
//
// There are 64 write clocks, and the scope's name says which is its own. Every
// script that sets a state's version, or would if the state were there, renews
// that clock in the same step. So "the scope's clock stands" still means that no
// version of the scope was set since; that other scopes have the same clock can
// only refuse a fill that could have been allowed. Below, "clock" is the
// scope's. Creating a missing state renews nothing: it says nothing of a write.
//
// # Scripts
//
// Each is one Lua script and so one step, but for the glance. None is ever sent twice, by a retry
// or otherwise: a hold that is replayed has no writer to drop it, a version
// that is set twice is not fresh. Each waits 50 ms at most; a script whose
// sender gave up may still run, at any later time, and does no harm then.
//
//   - connect is the first on every connection. If the server's run_id is not
//     the one in shared, the memory is another one: a fresh epoch, no cursor,
//     no lease. Old holds and marks may stay: without a cursor the sweep asks
//     for no mark. The comparison is with what Redis holds and not with what a
//     pod remembers, so that only the first connection does it, and a pod that
//     has just started knows too.
//   - hold adds the write id to the holds of each state of the write, creating
//     what is missing, with a fresh clock. It keeps the versions, since a write
//     that is refused changes nothing. It returns the readers of the changed list whose states are all there and held by no
//     other write, with the versions as they are now, and the epoch.
//   - release takes the states that were held and those that the row names
//     (the statement returns them). It drops the write id's holds, sets a fresh
//     version on each state that is there, whether or not it was held, and sets
//     a fresh clock. If a state was evicted, its hold went with it, and a read
//     in between may have filled what was old by then. If the outcome is a
//     commit, it leaves the mark, last, so that an error half-way leaves none.
//     After a refusal it drops the holds and does nothing else: what was read
//     under the versions still stands. With it come the readers' lists, as the
//     write's transaction read them after its statement. One is kept if the epoch
//     and every version that hold returned for it still stand before anything is
//     renewed, and if its residences are those that the database named: under the
//     versions as they are after the renewal.
//   - read follows token, user and list to all states involved. States that
//     are missing are created: missing would be the same before and after an
//     eviction. A hint whose epoch and user's version do not stand is none. It
//     returns one of: the copy, if its digest is the one computed now, no state
//     is held, and neither the lease nor the copy's valid_until has passed, both
//     by Redis' time; a token (epoch, versions, and clocks) for a miss; or "go
//     round", with the holds' write ids, if a state is held or there is no
//     lease. The clocks are all 64 if the token lacks a state, since nobody
//     knows yet which scope it will be.
//   - glance is read for a list that the pod remembers, by plain commands in one
//     write: Redis' time, then the epoch and the lease, then the token, the ids
//     and the states. It is not one step, and the order is part of it: versions
//     that were read before the lease may be of the night before, and the lease
//     of a sweep that has just told what was written in it. A version never
//     comes back, so one that is the remembered copy's in the second step was so
//     in the first; an epoch that changes between them is one that the read was
//     not obliged to. What stands is answered from the pod's memory; for all
//     else the script has its turn.
//   - fill stores a copy if every version in the token stands and no state is
//     held. The states are those that the database named, not those that the
//     token names, and so are those of the copy's digest. For a state that the
//     token does not name, the clock has to stand instead: no version of it was
//     set since, and no hold stands now. The same script stores the token entry,
//     on these terms for the user's state alone, whatever became of the
//     residences; and the hint, on no terms if it carries the version that the
//     token names (the next use compares it), else on those of the token entry.
//     It returns the versions it filled under; a pod keeps the user of a read
//     that did not know the user's state only if they came back.
//   - sweep takes the cursor that it read from, the new cursor, the log's rows
//     and the time that it read Redis' clock. If the cursor is no longer the
//     one that it read from, it does nothing. Else it drops the rows' holds,
//     sets a fresh version and a fresh clock for the states of each row that has
//     no mark, and for each state in which it met the row's hold, mark or not,
//     and sets the new cursor and the lease: 2 s after it began to read, not
//     after it ended. If it read from no cursor, it asks for no rows and no
//     marks and sets a fresh epoch.
//   - resolve does what release does, for a write whose outcome is settled. It
//     leaves the mark only if the log's row says that the write has committed,
//     and takes the states from that row and the holds that were met.
//
// # A write
//
//  1. hold. If Redis does not confirm, go on: P2.
//  2. One statement changes the data, inserts into the change log with its
//     write id, and is guarded by the scopes that were held. If it finds
//     others, it changes nothing and says which: release, and once more, with
//     a new write id. In the same turn and the same transaction, after the
//     statement, the lists of the readers that hold returned are read. If one of
//     them fails, the write is sent again without them.
//  3. Its outcome is known: committed, or refused (a conflict, no access, the
//     write id's tombstone, an error that rolls the transaction back). release. If the outcome is not known, since the
//     wait ended or the connection broke, leave the hold and no mark: the
//     statement may still be in a queue, and the resolver will settle it.
//  4. Answer, whether or not Redis confirmed the release. Not before it was
//     sent: a hold that stands still protects (P1), but a hold that was lost
//     is only made up for by the release's fresh version.
//
// # A read
//
//  1. read. A copy: answer. A client's ETag is the digest, valid_until and the
//     encoding. 304 if and only if the digest computed now is the same, no state
//     is held, the lease stands, and valid_until has not passed: the conditions
//     of a hit, but for the copy.
//  2. A miss: read the database, answer, fill; the fill may come after the
//     answer. Reads with the same token may share one flight, since nothing
//     that a later one has to contain can be missing while no version has
//     changed. A token that lacks a state is shared with nobody, nor is a flight
//     keyed by the clock instead: a hold may stand on what neither knows. The
//     answer has an ETag only if the token names every state that the database
//     named, and it is the digest over those that the database named, under the
//     token's versions.
//     A miss of which only valid_until is in the way, with a copy under these very
//     versions, needs no database: the list of today is made of the copy where that
//     has all that it takes (Ages). It is what the database would say under the
//     token, so it is answered, shared and filled like a read of the database.
//  3. To go round: read the database and answer, without an ETag. Fill nothing,
//     share nothing: while a hold stands, the version says nothing about the
//     commit.
//  4. No Redis: the same as to go round.
//
// Why a hint may be wrong. A copy's digest was made of the states that the
// database named, so if the digest made of the hint's states is the same, they
// are the same states under the same versions: a wrong hint makes a miss. Two
// things trust the hint's states before the database has named any, and would
// lie if one were lacking: a flight's key, and the ETag of a miss. For the
// flight the hint carries the user's version. Under it residences only go, so a
// hint that stands names too many at most, and too many only share less. A hint
// that does not stand may lack one, and the token with it. For the ETag the
// states are compared with those that the database named.
//
// Why a write may fill what it read before it committed. Another write that
// commits between that snapshot and the release has its hold before it commits.
// If that hold came before this write's, no reader whose list depends on it was
// returned. If it came after and has ended, the version is no longer the one that
// hold returned. If it stands, nothing is served before its release, which sets
// another version.
//
// # The sweep
//
// Every 0.5 s, by one pod at a time, though nothing depends on that. It takes
// the cursor and Redis' time, and in one statement reads pg_current_snapshot()
// and the log's rows that are visible in it and were not in the cursor (not
// pg_visible_in_snapshot(xid8, cursor); none of them is below the cursor's
// xmin). It calls sweep with that snapshot, whole, as the new cursor. So each
// row is told once, however long a transaction stays open, and one that commits
// late is not skipped. Not the highest number seen, nor the snapshot's xmax: a
// number is given before the commit, and a statement with a lower one may commit
// later. The cursor is stored, compared and lost in Redis, and never kept in a
// pod.
//
// A cursor beyond the snapshot's xmax belongs to another database's time, one
// from before the log's oldest row may have missed what was pruned: both count
// as none.
//
// The mark. A release comes before the sweep sees its row, nearly always, and
// the row's fresh versions would make every list that the write touched miss
// twice. What the sweep makes up for is a release that did not run in this
// memory, or ran before the commit. The mark says that neither is the case: from
// the release on, no token and no copy in this memory is older than the write.
// It says so for this memory only, so it lives and dies with it. Old memory that
// has the mark has the release's versions as well; old memory from before the
// release has neither. And it says so only of states that the release was given,
// which therefore has to know all that the row names.
//
// A hold that comes after its release finds nobody to drop it. If the sweep has
// still to see the row, it drops it, mark or not. It sets a fresh version there,
// too, for a simpler rule; the hold's own would do. If the sweep is past the
// row, the hold is left to the resolver.
//
// The sweep stops when nobody reads. Then the lease ends, and reads go round
// until a first sweep is through. Without the lease a read that begins after a
// night without sweeps is as old as the night; P2 in seconds needs it, P1 does
// not.
//
// # The resolver
//
// A read that goes round reports the write ids of the holds that it met, and
// the states. A keeper in each pod notes them; a hold that was met again 2 s or
// more later belongs to a writer that crashed, lost its way or waits in a queue,
// or it came after its release. When and by whom it is resolved changes nothing
// but the cost, nor do two keepers at once. First the database: insert the write
// id into the log as a tombstone, ON CONFLICT DO NOTHING. Inserted, it can never
// commit any more. A conflict, it has committed, or it has a
// tombstone already: the row says which. While the statement runs, the insert
// waits for its end. Only then resolve. A tombstone stays as long as any
// statement may wait in any queue. It names no states, so the sweep finds
// nothing to do in its row.
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
// ReaderCutOff). So one clock is enough, too, and a wrong hint is a read that
// does not know its state (Blind). One pod is enough, because all that a pod has
// for itself is flights and memory, and a reader here may always do without
// either.
//
// A read answers at the first moment at which it can. Answering later obliges
// the reads after it to less. Versions are renamed and readers sorted, so that
// the number of states is finite (see canonical); a test explores without that
// and compares.
//
// What stays outside: two Redis servers at once, a database that goes back in
// time (the sweep notices a cursor beyond its xmax, but not if the restored
// database has caught up: whoever restores one flushes Redis), reads from a
// replica, lists torn between two snapshots, and clocks of database and Redis
// that differ at midnight.
package protocol
