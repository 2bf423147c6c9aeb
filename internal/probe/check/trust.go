package check

import (
	"fmt"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TrustOfPG reads it off what pgx has made of the URL and of the environment: what is tried first and, with allow and
// prefer, what follows.
func TrustOfPG(c *pgx.ConnConfig) facts.TLSTrust {
	plainFollows, tlsFollows := false, false
	for _, f := range c.Fallbacks { // further hosts as well
		plainFollows, tlsFollows = plainFollows || f.TLSConfig == nil, tlsFollows || f.TLSConfig != nil
	}
	switch {
	case c.TLSConfig == nil && tlsFollows:
		return facts.TrustAllow
	case c.TLSConfig == nil:
		return facts.TrustDisable
	case plainFollows:
		return facts.TrustPrefer
	case !c.TLSConfig.InsecureSkipVerify:
		return facts.TrustVerifyFull
	case c.TLSConfig.VerifyPeerCertificate != nil:
		return facts.TrustVerifyCA
	}
	return facts.TrustRequire
}

// TrustOfRedis has three values: rediss:// verifies the name as well, unless the URL says skip_verify.
func TrustOfRedis(o *redis.Options) facts.TLSTrust {
	switch {
	case o.TLSConfig == nil:
		return facts.TrustDisable
	case o.TLSConfig.InsecureSkipVerify:
		return facts.TrustRequire
	}
	return facts.TrustVerifyFull
}

// UnverifiedServers judges HD-N13: connections over a network to a server that the client does not verify. A connection that ends on this
// machine is not seen by others: there a tunnel or a sidecar takes over.
func UnverifiedServers(o *facts.Observation) Outcome {
	var hits []hit
	judged := 0
	judge := func(name, address string, remote net.IP, t facts.TLSTrust, how, remedy string) {
		if judged++; remote.IsLoopback() || t == facts.TrustVerifyFull {
			return
		}
		hits = append(hits, hit{Evidence: fmt.Sprintf("%s at %s is reached with %s: %s.", name, address, how, t.Allows()), Remedy: remedy, about: []string{address}})
	}
	for _, s := range []struct {
		name, variable string
		server         *facts.PGServer
	}{{"The app's endpoint", "DATABASE_URL", o.Pooler}, {"The direct endpoint", "DATABASE_DIRECT_URL", o.Direct}} {
		if s.server == nil || s.server.Remote == nil {
			continue
		}
		t := s.server.TLS
		judge(s.name, s.server.Endpoint.Address, s.server.Remote, t, "sslmode="+string(t),
			editSecret("sslmode=verify-full in "+s.variable+", or DB_SSLMODE; sslrootcert (or PGSSLROOTCERT) names an authority of your own"))
	}
	// The console is not asked for this; where nothing at all could be reached, its URL alone is no measurement.
	if c, err := pgx.ParseConfig(o.Config.AdminURL); judged > 0 && o.Config.AdminURL != "" && err == nil {
		if remote := addressOf(o, c.Host); remote != nil {
			t := TrustOfPG(c)
			judge("The pooler's console", net.JoinHostPort(c.Host, fmt.Sprint(c.Port)), remote, t, "sslmode="+string(t),
				editSecret("sslmode=verify-full in PGBOUNCER_ADMIN_URL"))
		}
	}
	if r := o.Redis; r != nil && r.Remote != nil {
		switch {
		case r.TLS == facts.TrustRequire:
			judge("Redis", r.Endpoint.Address, r.Remote, r.TLS, "skip_verify",
				editSecret("rediss:// without skip_verify in REDIS_URL; SSL_CERT_FILE names an authority of your own"))
		case r.TLS == facts.TrustDisable && !private(r.Remote):
			judge("Redis", r.Endpoint.Address, r.Remote, r.TLS, "redis://, over a public address", editSecret("rediss:// in REDIS_URL"))
		default:
			judged++
		}
	}
	if judged == 0 {
		return notKnown("No server could be connected to.")
	}
	return orPassed(hits, "%s verified, or reached on this machine or within a private network.", facts.Plural(judged, "connection is", "connections are"))
}

// addressOf is the address of a host that is written as one, or that the probe has connected to; nil for any other.
func addressOf(o *facts.Observation, host string) net.IP {
	if ip := net.ParseIP(host); ip != nil {
		return ip
	}
	for _, s := range []*facts.PGServer{o.Pooler, o.Direct} {
		if s != nil && s.Remote != nil && s.Host == host {
			return s.Remote
		}
	}
	return nil
}

// private reports whether an address is one of a network that is not routed in public, where a cluster's own services are
// reached without TLS; carriers' and overlays' 100.64.0.0/10 is one of them.
func private(ip net.IP) bool {
	shared := net.IPNet{IP: net.IPv4(100, 64, 0, 0).To4(), Mask: net.CIDRMask(10, 32)}
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || shared.Contains(ip)
}
