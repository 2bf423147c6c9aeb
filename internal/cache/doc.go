// Package cache keeps what every request needs and the database is an ocean
// away from: which user a token belongs to (Redis), who that user is (memory
// of the pod) and which residences the user sees (Redis).
//
// # One round trip
//
// Authenticate asks Redis once, by one script: token -> user id -> the user's
// version and residence ids. Everything a warm request needs is in that answer.
//
// # Why no answer is older than an acknowledged change
//
// Every change is announced here after its commit and before its reply
// (RevokeToken, UserChanged, AccessChanged). A reader that began before the
// commit may still hold the old row and try to store it after the
// announcement; each entry has its own guard against that late fill:
//
//   - Token. A logout leaves a tombstone in the place of the token, and a fill
//     is SET NX. Fill first, tombstone second: the tombstone overwrites it.
//     Tombstone first, fill second: NX refuses it. A token is random and is
//     never issued twice, so a tombstone can never be wrong, and it outlives
//     every fill that was under way (its TTL is that of a token entry, a
//     request's deadline is seconds).
//   - User. An entry in memory carries the user's version that the script
//     returned before the database was read, and is used only while the script
//     still returns that version. UserChanged sets a fresh random version. So a
//     late fill is stored under a version that no script returns any more. A
//     version that is missing (first use, expiry, eviction, flush) is created
//     at random by the script: "missing" never equals anything.
//   - User, when the token was unknown. Then the version could not be read
//     before the database was, as nobody knew whose it is. The script returns
//     the epoch instead, a random value that UserChanged replaces for all
//     users; the fill hands out a version for memory only if the epoch is
//     still the same, that is, if no user at all changed in between.
//   - Residence ids. A fill is stored only if the user's version is the one
//     that was read before the database was. AccessChanged deletes the ids and
//     sets a fresh version, so a late fill is refused.
//
// This holds while Redis keeps its memory and the announcing process lives
// from its commit to its announcement.
//
// # What residence ids are not
//
// They are never an authorization and never narrow a result: access stays in
// the WHERE of every statement. A hot statement returns the true ids, and Judge
// compares. A wrong entry, planted or old, changes a metric and a header.
//
// # When Redis is gone
//
// Every call ends within Config.Timeout and degrades to "unknown": the caller
// asks the database. After a few failures in a row a breaker skips Redis for a
// moment, so that an outage does not cost each request the time-out.
// Announcements that could not be delivered are owed: they are delivered
// before this process believes anything Redis says again.
package cache
