package probe

import (
	"fmt"
	"strings"
)

// runningServer is a server whose version is known.
type runningServer struct {
	of      string
	version release
}

// runningServers are those of the app whose version the probe was told.
func (o *observation) runningServers() []runningServer {
	var out []runningServer
	add := func(of string, v release) {
		if len(v) > 1 {
			out = append(out, runningServer{of, v})
		}
	}
	add(pgBouncerName, o.ways.poolerVersion)
	for _, s := range []*pgServer{o.direct, o.pooler} {
		if s != nil && s.serverVersion > 0 {
			add(postgresName, parseRelease(version(s.serverVersion)))
			break
		}
	}
	if r := o.redis; r != nil {
		add(r.product, parseRelease(r.version))
	}
	return out
}

// knownVersions compares each version with the table of known faults. It is a note whatever it finds: a distribution or a
// provider fixes such faults under the same number, and no server says whether it did.
func knownVersions(o *observation) outcome {
	servers := o.runningServers()
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
			about: about, remedy: s.upgrade(fix),
			evidence: fmt.Sprintf("%s %s, by its version number: %s. A distribution or provider may have backported the fix; the table is from %s.",
				s.of, s.version, strings.Join(parts, "; "), knownFaultsWritten),
		})
	}
	return orPassed(hits, "No known bug in %s, by the table of %s.", strings.Join(clean, ", "), knownFaultsWritten)
}

// upgrade shows the version as the server has it, and names the one to go to.
func (s runningServer) upgrade(fix release) string {
	to := fmt.Sprintf("   # upgrade to %s or newer, unless the package's changelog lists the fixes", fix)
	switch s.of {
	case pgBouncerName:
		return `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW VERSION'` + to
	case postgresName:
		return `psql "$DATABASE_DIRECT_URL" -c 'SELECT version()'` + to
	}
	return `redis-cli -u "$REDIS_URL" INFO server` + to
}
