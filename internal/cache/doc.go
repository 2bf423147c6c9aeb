// Package cache keeps what every request needs and the database is an ocean
// away from: whose token this is and the lists themselves (Redis), and who the
// user is (memory of the pod). It is the protocol of cache/protocol as it runs.
// That text is the specification, and its names are the names here: of the
// scripts in lua, of Hold and Release, Read and Fill, Sweep and settle.
//
// # One round trip
//
// Read asks Redis once, by one script that follows token, user and list to all
// states involved. A warm list is in that answer, or a 304 is. A list that this
// pod has served before needs no script: plain commands ask for the states, and
// the body is in the pod's memory (near.go). What is missing the caller reads
// from the database and hands to Fill, a second round trip; Load does both and
// lets reads that know the same versions share them. A write costs two, Hold
// and Release.
//
// # Why no answer is older than an acknowledged write
//
// Each scope, a user or what one list shows of a residence, has a state: a
// version and the holds on it. The states of a residence lie in one key. A write
// holds its scopes before its statement is sent and releases them before it is
// acknowledged, with fresh versions if it has committed. Whatever is kept carries
// the versions that it was filled under, and is used only while they stand and
// nothing is held:
//
//   - A copy carries a digest of the list, the epoch and each version. So does
//     the client's copy, as its ETag.
//   - A token, the residence ids and the user in a pod's memory carry the epoch
//     and the user's version. The epoch is part of it: when Redis comes back
//     with an old memory, or the sweep can't tell what has changed, versions are
//     the old ones and only the epoch says that nothing stands.
//   - A fill is refused if a version has moved since before the database was
//     read, or a write holds. For a state that the read did not know, the write
//     clock must stand instead.
//   - What ages without a write (a task becomes overdue) carries valid_until. If
//     only that is in the way, the list of today is made of the copy (Aged).
//
// So nothing here depends on an hour's end: entries live as long as Redis keeps
// them, 30 days at most.
//
// A logout also leaves a tombstone in the token's place, so that the next
// request with it is refused without the database. It only spares that turn:
// the token would not stand anyway.
//
// # Warm while people write
//
// A write cools the lists that it changes and no others. Those who have read the
// changed list lately, the writer among them, get it back in the write's own
// turn: Hold names them, the caller reads their lists in the write's transaction,
// and Release fills them. So the next read takes no turn, on any pod.
//
// # What nobody told Redis
//
// The sweep (Keep, in each pod) reads the change log and gives fresh versions
// to what was not announced; its lease is what allows reads to be served at
// all. A hold whose writer was lost is met by readers and settled through the
// database. Both run beside one another, since settling may wait for a
// statement.
//
// # When Redis is gone
//
// Every call ends within Config.Timeout and degrades to "unknown": the caller
// asks the database. After a few failures in a row a breaker skips Redis for a
// moment, so that an outage does not cost each request the time-out. Writes go
// on; the sweep of any pod that reaches Redis repairs what they did not
// announce (P2). Without sweeps the lease ends and nothing is served.
//
// # What residence ids are not
//
// They choose cache keys and are never an authorization and never narrow a
// result: access stays in the WHERE of every statement.
//
// # Beyond the specification
//
//   - The write clock is kept in shards, by the last two letters of the scope.
//   - A fill also keeps the residence ids in list_ids:<user>, for as long as its
//     copy: they tell which scopes a digest is of when the key of the user's
//     residence ids has expired. The digest proves them, nothing else does.
//   - Hints that nothing depends on say who has read a list, who wrote last and
//     when a copy was filled. They choose whose copies are filled anew and name the
//     reason of a miss (Outcome).
//   - Release leaves a mark which scopes it has told, so that the sweep does not
//     make their lists miss once more. The mark covers no other scope.
//   - A Redis that is asked to forget an entry only loses it, and a key with
//     nonsense in it counts as evicted.
//   - A flight is not joined across valid_until, and who joined a leader that
//     had less time left asks for itself.
//
// Some guards double one another: fill's look at holds, the tombstone that fill
// does not overwrite, the sweep's look at the cursor. Taking one of them alone away breaks no
// promise that the tests could find broken; they stay, since the specification
// needs them where its steps are less strict.
package cache
