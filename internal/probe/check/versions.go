package check

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// runningServer is a server whose version is known.
type runningServer struct {
	of      string
	version facts.Release
}

// runningServers are those of the app whose version the probe was told.
func runningServers(o *facts.Observation) []runningServer {
	var out []runningServer
	add := func(of string, v facts.Release) {
		if len(v) > 1 {
			out = append(out, runningServer{of, v})
		}
	}
	add(facts.PGBouncerName, o.Ways.PoolerVersion)
	for _, s := range []*facts.PGServer{o.Direct, o.Pooler} {
		if s != nil && s.ServerVersion > 0 {
			add(facts.PostgresName, facts.ParseRelease(version(s.ServerVersion)))
			break
		}
	}
	if r := o.Redis; r != nil {
		add(r.Product, facts.ParseRelease(r.Version))
	}
	return out
}

// knownVersions compares each version with the table of known faults. It is a note whatever it finds: a distribution or a
// provider fixes such faults under the same number, and no server says whether it did.
func knownVersions(o *facts.Observation) Outcome {
	servers := runningServers(o)
	if len(servers) == 0 {
		return notKnown("No server reported its version.")
	}
	var hits []hit
	var clean []string
	for _, s := range servers {
		faults, fix := faultsOf(s.of, s.version)
		if len(faults) == 0 {
			clean = append(clean, s.of+" "+s.version.String())
			continue
		}
		parts := make([]string, len(faults))
		about := []string{s.of}
		for i, f := range faults {
			parts[i] = fmt.Sprintf("%s (%s, %s)", f.what, f.id, f.day)
			about = append(about, f.id)
		}
		hits = append(hits, hit{
			about: about, Remedy: s.upgrade(fix),
			Evidence: fmt.Sprintf("%s %s, by its version number: %s. A distribution or provider may have backported the fix; the table is from %s.",
				s.of, s.version, strings.Join(parts, "; "), knownFaultsWritten),
		})
	}
	return orPassed(hits, "No known bug in %s, by the table of %s.", strings.Join(clean, ", "), knownFaultsWritten)
}

// upgrade shows the version as the server has it, and names the one to go to.
func (s runningServer) upgrade(fix facts.Release) string {
	to := fmt.Sprintf("   # upgrade to %s or newer, unless the package's changelog lists the fixes", fix)
	switch s.of {
	case facts.PGBouncerName:
		return `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW VERSION'` + to
	case facts.PostgresName:
		return `psql "$DATABASE_DIRECT_URL" -c 'SELECT version()'` + to
	}
	return `redis-cli -u "$REDIS_URL" INFO server` + to
}
