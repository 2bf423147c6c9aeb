package facts

import (
	"time"
)

// soon is how long before its end a certificate is a warning: a renewal that runs weekly has failed twice by then.
// Of one that lives for less than 84 days it is a sixth of its life. cert-manager and certbot renew when a third is
// left, Linkerd at 30%, Istio at half: whatever should have renewed it has been failing since.
const (
	soon      = 14 * 24 * time.Hour
	soonShare = 6
)

// EndsSoon reports whether the certificate ends within a share of its lifetime that automatic renewal would not let pass.
func (t *TLS) EndsSoon(left time.Duration) bool {
	return left < min(soon, t.NotAfter.Sub(t.NotBefore)/soonShare)
}
