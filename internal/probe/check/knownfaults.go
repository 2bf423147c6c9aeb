package check

import (
	"cmp"
	"slices"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// knownFaultsWritten is the day on which the table of known faults was last compared with its sources. A fault that became
// known later is not in it, and a version that came later is not judged.
const knownFaultsWritten = "2026-12-01"

// knownFault is a fault of released versions that their makers have published.
type knownFault struct {
	of string // the server
	id string
	// what it lets somebody do, as part of a sentence; with the condition, where it takes one.
	what string
	// since is the first version with the fault; nil is every version before the fixed ones.
	since facts.Release
	// fixed are the first versions without it, one for each line that was fixed, in order.
	fixed []facts.Release
	day   string // of its publication
}

// lineNumbers is how many numbers of a version name the line that gets fixes of its own.
func lineNumbers(of string) int {
	switch of {
	case facts.PostgresName:
		return 1
	case facts.RedisName, facts.ValkeyName:
		return 2
	}
	return 0 // PgBouncer: each version follows the one before it
}

// fixedIn is the version without the fault that a server of this version can go to. has is false where it is not
// affected or where nothing is known: a line above all that were fixed is younger than the fault, or than the table.
func (f knownFault) fixedIn(v facts.Release) (fix facts.Release, has bool) {
	if v.Before(f.since) {
		return nil, false
	}
	for _, fix := range f.fixed {
		if v.SameLine(fix, lineNumbers(f.of)) {
			return fix, v.Before(fix)
		}
	}
	for _, fix := range f.fixed { // a line that was not fixed: the next one that was
		if v.Before(fix) {
			return fix, true
		}
	}
	return nil, false
}

// knownFaults is the table; docs/runbooks/HD-C02.md has the source of each line. It holds faults that a user of the
// database, of the cache or of the network can make use of, and only such whose versions a source names.
func knownFaults() []knownFault {
	releases := func(texts ...string) []facts.Release {
		out := make([]facts.Release, len(texts))
		for i, text := range texts {
			out[i] = facts.ParseRelease(text)
		}
		return out
	}
	return []knownFault{
		{
			of: facts.PGBouncerName, id: "CVE-2026-107350", day: "2026-10-14", since: facts.ParseRelease("1.17.0"), fixed: releases("1.26.1"),
			what: "a client that knows one user's password can log in as another user if both use SCRAM",
		},
		{
			of: facts.PGBouncerName, id: "CVE-2026-107349", day: "2026-10-14", since: facts.ParseRelease("1.20.0"), fixed: releases("1.26.1"),
			what: "an unauthenticated client can make it hang if ignore_startup_parameters is set and does not contain options",
		},
		{
			of: facts.PGBouncerName, id: "CVE-2026-6665", day: "2026-05-09", fixed: releases("1.25.2"),
			what: "a malicious database server can overwrite its memory during SCRAM",
		},
		{
			of: facts.PGBouncerName, id: "CVE-2025-2291", day: "2025-04-16", fixed: releases("1.24.1"),
			what: "the default auth_query accepts expired passwords",
		},
		{
			of: facts.PostgresName, id: "CVE-2026-6460", day: "2026-11-12", fixed: releases("14.25", "15.20", "16.16", "17.12", "18.7"),
			what: "a user who may create objects can run code on the server",
		},
		{
			of: facts.PostgresName, id: "CVE-2026-14680", day: "2026-08-13", fixed: releases("14.24", "15.19", "16.15", "17.11", "18.6"),
			what: "any user of the database can run code on the server",
		},
		{
			of: facts.PostgresName, id: "CVE-2026-6473", day: "2026-05-14", fixed: releases("14.23", "15.18", "16.14", "17.10", "18.4"),
			what: "any user of the database can make the server write out of bounds",
		},
		{
			of: facts.PostgresName, id: "CVE-2026-2006", day: "2026-02-12", fixed: releases("14.21", "15.16", "16.12", "17.8", "18.2"),
			what: "any user of the database can run code on the server",
		},
		{
			of: facts.RedisName, id: "CVE-2026-81934", day: "2026-08-27", fixed: releases("6.2.24", "7.2.16", "7.4.11", "8.2.9", "8.4.6", "8.6.6", "8.8.2", "8.10.1"),
			what: "an unauthenticated client can run code on the server if it uses TLS",
		},
		{
			of: facts.RedisName, id: "CVE-2025-49844", day: "2025-10-03", fixed: releases("6.2.20", "7.2.11", "7.4.6", "8.0.4", "8.2.2"),
			what: "a user who may run scripts can run code on the server",
		},
		{
			of: facts.ValkeyName, id: "CVE-2026-56684", day: "2026-07-21", since: facts.ParseRelease("8.0.0"), fixed: releases("8.0.10", "8.1.9", "9.0.5", "9.1.1"),
			what: "a user who may end connections can crash it or run code on the server if it uses TLS",
		},
		{
			of: facts.ValkeyName, id: "CVE-2025-67733", day: "2026-02-23", fixed: releases("7.2.12", "8.0.7", "8.1.6", "9.0.2"),
			what: "a script can change the replies to others on the same connection",
		},
		{
			of: facts.ValkeyName, id: "CVE-2025-46818", day: "2025-10-03", fixed: releases("7.2.11", "8.0.6", "8.1.4"),
			what: "a script of one user can run in the context of another",
		},
	}
}

// faultsOf are the known faults of a version, and the version that has none of them.
func faultsOf(of string, v facts.Release) (faults []knownFault, fix facts.Release) {
	for _, f := range knownFaults() {
		if f.of != of {
			continue
		}
		if in, has := f.fixedIn(v); has {
			faults = append(faults, f)
			if fix.Before(in) {
				fix = in
			}
		}
	}
	slices.SortStableFunc(faults, func(a, b knownFault) int { return cmp.Compare(b.day, a.day) })
	return faults, fix
}
