package check

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

func certificateRefused(o *facts.Observation) Outcome {
	f := o.Pooler.Failed
	if f == nil || f.Kind != facts.KindCertificate {
		return passed("It is not.")
	}
	return found(hit{
		Evidence: fmt.Sprintf("%s: %s.%s", o.Pooler.Endpoint.Address, f, refusedDates(f)),
		Remedy:   Repair(f, "DATABASE_URL", o.Pooler.Endpoint.Address),
	})
}

// refusedDates says when a refused certificate is valid.
func refusedDates(f *facts.Failure) string {
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

// CertificateEnds looks at the dates of every certificate that was seen, and at those that were refused
// by others than the app's endpoint.
func CertificateEnds(o *facts.Observation) Outcome {
	var hits []hit
	now := time.Now()
	first := time.Time{}
	for _, e := range o.Endpoints() {
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
			hits = append(hits, hit{Remedy: renew, Evidence: fmt.Sprintf("The certificate of %s expired on %s; clients that verify it cannot connect.", e.Name, day)})
		case now.Before(e.TLS.NotBefore):
			hits = append(hits, hit{Remedy: renew, Evidence: fmt.Sprintf("The certificate of %s is not valid before %s; clients that verify it cannot connect.", e.Name, e.TLS.NotBefore.UTC().Format(time.DateOnly))})
		case e.TLS.EndsSoon(left):
			hits = append(hits, hit{severity: facts.Warning, Remedy: renew, Evidence: fmt.Sprintf("The certificate of %s expires on %s, in %s.", e.Name, day, facts.Seconds(left.Seconds()))})
		}
	}
	for _, other := range otherFailures(o) {
		if other.f != nil && other.f.Kind == facts.KindCertificate {
			hits = append(hits, hit{
				Evidence: fmt.Sprintf("The certificate of %s is rejected: %s.%s", other.name, other.f, refusedDates(other.f)),
				Remedy:   seeCertificate(other.name, other.address, knownIssuer),
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
	f             *facts.Failure
}

// otherFailures are those of the endpoints beside the app's.
func otherFailures(o *facts.Observation) []namedFailure {
	var out []namedFailure
	if o.Direct != nil {
		out = append(out, namedFailure{"direct", o.Direct.Endpoint.Address, o.Direct.Failed})
	}
	if o.Redis != nil {
		out = append(out, namedFailure{"redis", o.Redis.Endpoint.Address, o.Redis.Failed})
	}
	if o.Ways.Web != nil {
		out = append(out, namedFailure{"target", targetAddress("https://" + o.Ways.Web.Endpoint.Address), o.Ways.Web.Failed})
	}
	return out
}

// unverified tells the dates of a certificate that was refused.
func unverified(err *tls.CertificateVerificationError) *facts.TLS {
	if err == nil || len(err.UnverifiedCertificates) == 0 {
		return nil
	}
	c := err.UnverifiedCertificates[0]
	return &facts.TLS{NotBefore: c.NotBefore, NotAfter: c.NotAfter}
}
