package probe

import (
	"fmt"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// tlsTrust is what a client demands of the server that it connects to, in libpq's terms.
type tlsTrust string

const (
	trustDisable    tlsTrust = "disable"
	trustAllow      tlsTrust = "allow"
	trustPrefer     tlsTrust = "prefer"
	trustRequire    tlsTrust = "require"
	trustVerifyCA   tlsTrust = "verify-ca"
	trustVerifyFull tlsTrust = "verify-full"
)

// trustOfPG reads it off what pgx has made of the URL and of the environment: what is tried first and, with allow and
// prefer, what follows.
func trustOfPG(c *pgx.ConnConfig) tlsTrust {
	plainFollows, tlsFollows := false, false
	for _, f := range c.Fallbacks { // further hosts as well
		plainFollows, tlsFollows = plainFollows || f.TLSConfig == nil, tlsFollows || f.TLSConfig != nil
	}
	switch {
	case c.TLSConfig == nil && tlsFollows:
		return trustAllow
	case c.TLSConfig == nil:
		return trustDisable
	case plainFollows:
		return trustPrefer
	case !c.TLSConfig.InsecureSkipVerify:
		return trustVerifyFull
	case c.TLSConfig.VerifyPeerCertificate != nil:
		return trustVerifyCA
	}
	return trustRequire
}

// trustOfRedis has three values: rediss:// verifies the name as well, unless the URL says skip_verify.
func trustOfRedis(o *redis.Options) tlsTrust {
	switch {
	case o.TLSConfig == nil:
		return trustDisable
	case o.TLSConfig.InsecureSkipVerify:
		return trustRequire
	}
	return trustVerifyFull
}

// allows says what somebody between client and server may do; empty if nothing.
func (t tlsTrust) allows() string {
	switch t {
	case trustVerifyFull:
		return ""
	case trustVerifyCA:
		return "the certificate's name is not compared with the host, so a holder of any certificate of the same authority can pose as the server"
	case trustRequire:
		return "the certificate is not verified, so an attacker on the path can pose as the server and read everything, including the exchange that proves the password"
	case trustDisable:
		return "nothing is encrypted, so an attacker on the path can read and change everything"
	default:
		return "a connection without TLS is accepted, so an attacker on the path can force plain text"
	}
}

// unverified lists the connections over a network to a server that the client does not verify. A connection that ends on this
// machine is not seen by others: there a tunnel or a sidecar takes over.
func unverifiedServers(o *observation) outcome {
	var hits []hit
	judged := 0
	judge := func(name, address string, remote net.IP, t tlsTrust, how, remedy string) {
		if judged++; remote.IsLoopback() || t == trustVerifyFull {
			return
		}
		hits = append(hits, hit{evidence: fmt.Sprintf("%s at %s is reached with %s: %s.", name, address, how, t.allows()), remedy: remedy, about: []string{address}})
	}
	for _, s := range []struct {
		name, variable string
		server         *pgServer
	}{{"The app's endpoint", "DATABASE_URL", o.pooler}, {"The direct endpoint", "DATABASE_DIRECT_URL", o.direct}} {
		if s.server == nil || s.server.remote == nil {
			continue
		}
		t := s.server.tls
		judge(s.name, s.server.endpoint.Address, s.server.remote, t, "sslmode="+string(t),
			editSecret("sslmode=verify-full in "+s.variable+", or DB_SSLMODE; sslrootcert (or PGSSLROOTCERT) names an authority of your own"))
	}
	// The console is not asked for this; where nothing at all could be reached, its URL alone is no measurement.
	if c, err := pgx.ParseConfig(o.config.AdminURL); judged > 0 && o.config.AdminURL != "" && err == nil {
		if remote := o.addressOf(c.Host); remote != nil {
			t := trustOfPG(c)
			judge("The pooler's console", net.JoinHostPort(c.Host, fmt.Sprint(c.Port)), remote, t, "sslmode="+string(t),
				editSecret("sslmode=verify-full in PGBOUNCER_ADMIN_URL"))
		}
	}
	if r := o.redis; r != nil && r.remote != nil {
		switch {
		case r.tls == trustRequire:
			judge("Redis", r.endpoint.Address, r.remote, r.tls, "skip_verify",
				editSecret("rediss:// without skip_verify in REDIS_URL; SSL_CERT_FILE names an authority of your own"))
		case r.tls == trustDisable && !private(r.remote):
			judge("Redis", r.endpoint.Address, r.remote, r.tls, "redis://, over a public address", editSecret("rediss:// in REDIS_URL"))
		default:
			judged++
		}
	}
	if judged == 0 {
		return notKnown("No server could be connected to.")
	}
	return orPassed(hits, "%s verified, or reached on this machine or within a private network.", plural(judged, "connection is", "connections are"))
}

// addressOf is the address of a host that is written as one, or that the probe has connected to; nil for any other.
func (o *observation) addressOf(host string) net.IP {
	if ip := net.ParseIP(host); ip != nil {
		return ip
	}
	for _, s := range []*pgServer{o.pooler, o.direct} {
		if s != nil && s.remote != nil && s.host == host {
			return s.remote
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
