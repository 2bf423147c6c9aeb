package probe_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// networkFaults are faults of the way to the servers, of TLS, and of the pooler.
func networkFaults() []fault {
	return slices.Concat(wayFaults(), tlsFaults(), lossFaults(), poolerFaults())
}

func wayFaults() []fault {
	return []fault{
		{
			name: "the app is told the direct endpoint instead of the pooler", code: "HD-P02", evidence: "is Postgres itself", short: true,
			inject: func(_ *testing.T, b *bed) { b.config.URL, b.config.AdminURL = b.env.DirectURL, "" },
		},
		{
			name: "the name of the pooler does not resolve", code: "HD-N02", evidence: "the host name does not resolve", short: true,
			inject: func(t *testing.T, b *bed) { b.config.URL = changed(t, b.config.URL, host("pooler.invalid")) },
		},
		{
			name: "the resolver takes long", code: "HD-N07", evidence: "The DNS lookup for pooler took",
			inject: func(t *testing.T, b *bed) {
				slowResolver(t, 300*time.Millisecond)
				// The lab's certificate is not for that name; verify-ca leaves the name unchecked.
				b.config.URL = changed(t, b.config.URL, host("pooler.example"), parameter("sslmode", "verify-ca"))
			},
		},
		{
			name: "the round trip has tripled since the baseline", code: "HD-N08", evidence: "in the baseline it took",
			inject: func(t *testing.T, b *bed) {
				var pooler, direct *link.Proxy
				near, far := link.Model{RTT: 15 * time.Millisecond}, link.Model{RTT: 45 * time.Millisecond}
				b.config.URL, pooler = labtest.Link(t, b.config.URL, near)
				b.config.DirectURL, direct = labtest.Link(t, b.config.DirectURL, near)
				baseline := run(t, b.config)
				b.config.Baseline = &baseline
				for _, p := range []*link.Proxy{pooler, direct} {
					if err := p.SetModel(far); err != nil {
						t.Fatal(err)
					}
				}
			},
		},
		{
			name: "the pooler stands in another region than the database", code: "HD-N08", evidence: "the pooler is in another location",
			inject: func(t *testing.T, b *bed) {
				b.config.URL, _ = labtest.Link(t, b.config.URL, link.Model{RTT: 40 * time.Millisecond})
			},
		},
		{
			name: "round trips vary", code: "HD-N04", evidence: "to Postgres itself", short: true,
			inject: func(t *testing.T, b *bed) {
				b.distance(t, link.Model{RTT: 10 * time.Millisecond, Jitter: 60 * time.Millisecond, Seed: 1})
			},
		},
		{
			name: "the connection stands still now and then", code: "HD-N05", evidence: "stalled for",
			inject: func(t *testing.T, b *bed) {
				b.distance(t, link.Model{RTT: 10 * time.Millisecond, LossStall: 400 * time.Millisecond, LossRate: 0.08, Seed: 1})
			},
		},
		lateAnswer("one answer is three seconds late", 3, true), // one of the floor's
		lateAnswer("one answer beside the statements is three seconds late", 8, false),
		{
			name: "the band is narrow", code: "HD-N10", evidence: "Mbit/s",
			inject: func(t *testing.T, b *bed) { b.config.URL = throttled(t, b.config.URL, 150_000, math.MaxInt) },
		},
	}
}

func lateAnswer(name string, nth int64, short bool) fault {
	return fault{
		name: name, code: "HD-N05", evidence: "1 of ", lab: &lab.Config{}, short: short,
		inject: func(t *testing.T, b *bed) {
			b.rewritePooler(t, "client_tls_sslmode = allow")
			b.config.URL, b.again = oneLate(t, changed(t, b.config.URL, parameter("sslmode", "disable"), parameter("sslrootcert", "")), nth)
		},
	}
}

func tlsFaults() []fault {
	own := &lab.Config{}
	return []fault{
		{
			name: "the authority of the certificate is not known", code: "HD-N03", evidence: "signed by an unknown authority", short: true,
			inject: func(t *testing.T, b *bed) {
				other := newAuthority(t).file(t)
				b.config.URL = changed(t, b.config.URL, parameter("sslrootcert", other))
			},
		},
		{
			name: "the pooler's certificate has expired", code: "HD-N03", evidence: "it has expired", lab: own,
			inject: func(t *testing.T, b *bed) {
				b.certify(t, certificate{from: -48 * time.Hour, to: -time.Hour})
			},
		},
		{
			name: "the pooler's certificate is not valid yet", code: "HD-N03", evidence: "It is valid from", lab: own,
			inject: func(t *testing.T, b *bed) {
				b.certify(t, certificate{from: 24 * time.Hour, to: 48 * time.Hour})
			},
		},
		{
			name: "the pooler's certificate is for another host", code: "HD-N03", evidence: "it was issued for another host", lab: own,
			inject: func(t *testing.T, b *bed) {
				b.certify(t, certificate{from: -time.Hour, to: 1000 * time.Hour, elsewhere: true})
			},
		},
		{
			name: "the pooler's certificate ends within two weeks", code: "HD-N09", evidence: "The certificate of pooler expires on", lab: own,
			inject: func(t *testing.T, b *bed) {
				b.certify(t, certificate{from: -83 * 24 * time.Hour, to: 7 * 24 * time.Hour})
			},
		},
		{
			name: "the pooler's certificate has expired and nobody verifies it", code: "HD-N09", evidence: "The certificate of pooler expired on", lab: own,
			inject: func(t *testing.T, b *bed) {
				b.certify(t, certificate{from: -48 * time.Hour, to: -time.Hour})
				b.config.URL = changed(t, b.config.URL, parameter("sslmode", "require"), parameter("sslrootcert", ""))
				b.config.AdminURL = changed(t, b.config.AdminURL, parameter("sslmode", "require"), parameter("sslrootcert", ""))
			},
		},
		{
			name: "TLS answers HelloRetryRequest", code: "HD-N01", evidence: "HelloRetryRequest and negotiates CurveP256", lab: own,
			inject: func(t *testing.T, b *bed) { b.rewritePooler(t, "client_tls_ecdhcurve = prime256v1") },
		},
	}
}
