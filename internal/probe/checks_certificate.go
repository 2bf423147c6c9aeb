package probe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"
)

// soon is how long before its end a certificate is a warning: a renewal that runs weekly has failed twice by then.
// Of one that lives for less than 84 days it is a sixth of its life. cert-manager and certbot renew when a third is
// left, Linkerd at 30%, Istio at half: whatever should have renewed it has been failing since.
const (
	soon      = 14 * 24 * time.Hour
	soonShare = 6
)

func (t *TLS) endsSoon(left time.Duration) bool {
	return left < min(soon, t.NotAfter.Sub(t.NotBefore)/soonShare)
}

func certificateRefused(o *observation) outcome {
	f := o.pooler.failed
	if f == nil || f.kind != kindCertificate {
		return passed("It is not.")
	}
	return found(hit{
		evidence: fmt.Sprintf("%s: %s.%s", o.pooler.endpoint.Address, f, refusedDates(f)),
		remedy:   repair(f, "DATABASE_URL", o.pooler.endpoint.Address),
	})
}

// refusedDates says when a refused certificate is valid.
func refusedDates(f *failure) string {
	var verify *tls.CertificateVerificationError
	if !errors.As(f, &verify) {
		return ""
	}
	t := unverified(verify)
	if t == nil {
		return ""
	}
	return fmt.Sprintf(" It is valid from %s to %s.", t.NotBefore.UTC().Format(time.DateOnly), t.NotAfter.UTC().Format(time.DateOnly))
}

// certificateEnds looks at the dates of every certificate that was seen, and at those that were refused
// by others than the app's endpoint.
func certificateEnds(o *observation) outcome {
	var hits []hit
	now := time.Now()
	first := time.Time{}
	for _, e := range o.endpoints() {
		renew := seeCertificate(e.Name, e.Address, "renew it, and reload the server that presents it")
		if e.TLS == nil || e.TLS.NotAfter.IsZero() {
			continue
		}
		if first.IsZero() || e.TLS.NotAfter.Before(first) {
			first = e.TLS.NotAfter
		}
		day := e.TLS.NotAfter.UTC().Format(time.DateOnly)
		switch left := e.TLS.NotAfter.Sub(now); {
		case left <= 0:
			hits = append(hits, hit{remedy: renew, evidence: fmt.Sprintf("The certificate of %s expired on %s; clients that verify it cannot connect.", e.Name, day)})
		case now.Before(e.TLS.NotBefore):
			hits = append(hits, hit{remedy: renew, evidence: fmt.Sprintf("The certificate of %s is not valid before %s; clients that verify it cannot connect.", e.Name, e.TLS.NotBefore.UTC().Format(time.DateOnly))})
		case e.TLS.endsSoon(left):
			hits = append(hits, hit{severity: Warning, remedy: renew, evidence: fmt.Sprintf("The certificate of %s expires on %s, in %s.", e.Name, day, seconds(left.Seconds()))})
		}
	}
	for _, other := range o.otherFailures() {
		if other.f != nil && other.f.kind == kindCertificate {
			hits = append(hits, hit{
				evidence: fmt.Sprintf("The certificate of %s is rejected: %s.%s", other.name, other.f, refusedDates(other.f)),
				remedy:   seeCertificate(other.name, other.address, knownIssuer),
			})
		}
	}
	if first.IsZero() {
		return orPassed(hits, "No connection is encrypted.")
	}
	return orPassed(hits, "The next certificate expires on %s.", first.UTC().Format(time.DateOnly))
}

type namedFailure struct {
	name, address string
	f             *failure
}

// otherFailures are those of the endpoints beside the app's.
func (o *observation) otherFailures() []namedFailure {
	var out []namedFailure
	if o.direct != nil {
		out = append(out, namedFailure{"direct", o.direct.endpoint.Address, o.direct.failed})
	}
	if o.redis != nil {
		out = append(out, namedFailure{"redis", o.redis.endpoint.Address, o.redis.failed})
	}
	if o.ways.web != nil {
		out = append(out, namedFailure{"target", targetAddress("https://" + o.ways.web.endpoint.Address), o.ways.web.failed})
	}
	return out
}

// unverified tells the dates of a certificate that was refused.
func unverified(err *tls.CertificateVerificationError) *TLS {
	if err == nil || len(err.UnverifiedCertificates) == 0 {
		return nil
	}
	c := err.UnverifiedCertificates[0]
	return &TLS{NotBefore: c.NotBefore, NotAfter: c.NotAfter}
}
