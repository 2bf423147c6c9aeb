package bench

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Permit says whom a load test may be pointed at.
type Permit struct {
	Hosts      []string // other than this machine
	Production []string // only when typed; ".example.com" is every host below it
	Typed      string   // the host that the caller says it means
}

// IsProduction reports whether a target is one of the production hosts.
func (p Permit) IsProduction(u *url.URL) bool {
	host := bareHost(u.Hostname())
	return slices.ContainsFunc(p.Production, func(of string) bool { return isHost(host, of) })
}

// Judge refuses a target that nobody has clearly asked for. A production host
// has to be typed in full; another host than this machine has to be allowed. A
// name that was typed has to be the target's, unless the target is this machine
// and no production. Its error is a *PlanError.
func (p Permit) Judge(u *url.URL) error {
	host, production := bareHost(u.Hostname()), p.IsProduction(u)
	switch {
	case p.Typed != "" && bareHost(p.Typed) == host:
		return nil
	case p.Typed != "" && (production || !Loopback(u)):
		return &PlanError{
			fmt.Sprintf("--i-mean names %s, and the target is %s", p.Typed, host),
			"Correct one of them.",
		}
	case production:
		return &PlanError{
			fmt.Sprintf("%s is a production host, and a load test there is felt by its users", host),
			"If you mean it, type its name: --i-mean " + host,
		}
	}
	return Allowed(u, p.Hosts)
}

// JudgeBaseline refuses a baseline of a target that Judge lets pass. A name that
// was typed is meant for one of the two: where it is the target's, the baseline
// is judged as if none had been typed.
func (p Permit) JudgeBaseline(baseline, target *url.URL) error {
	if bareHost(p.Typed) == bareHost(target.Hostname()) && bareHost(p.Typed) != bareHost(baseline.Hostname()) {
		p.Typed = ""
	}
	return p.Judge(baseline)
}

func isHost(host, of string) bool {
	of = bareHost(of)
	return host == of || (strings.HasPrefix(of, ".") && strings.HasSuffix(host, of))
}

// bareHost makes the spellings of a host comparable.
func bareHost(name string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
}

// TrustAlso is the system's trust and the certificates of a PEM file beside it.
func TrustAlso(pem []byte) (*tls.Config, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without any; the file's are trusted all the same
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("it holds no certificate in PEM")
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
