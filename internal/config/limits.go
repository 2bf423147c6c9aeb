package config

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Limits say how often what is secret may be guessed, and whose word is taken
// for where a request comes from.
type Limits struct {
	Login           Attempts `env:"LOGIN_LIMIT" envDefault:"10/15m"` // failed, to one account from one address
	LoginAccount    Attempts `env:"LOGIN_LIMIT_PER_ACCOUNT" envDefault:"100/1h"`
	LoginAddress    Attempts `env:"LOGIN_LIMIT_PER_ADDRESS" envDefault:"50/15m"`
	RegisterAccount Attempts `env:"REGISTER_LIMIT_PER_ACCOUNT" envDefault:"10/1h"`
	RegisterAddress Attempts `env:"REGISTER_LIMIT_PER_ADDRESS" envDefault:"100/1h"`
	JoinUser        Attempts `env:"JOIN_LIMIT_PER_USER" envDefault:"20/1h"` // share codes that admit nobody
	JoinAddress     Attempts `env:"JOIN_LIMIT_PER_ADDRESS" envDefault:"100/1h"`
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies Networks `env:"TRUSTED_PROXIES"`
}

// ParseLimits reads the variables of the limits.
func ParseLimits(e Environ) (Limits, error) {
	var l Limits
	err := parse(e, &l)
	return l, err
}

// Attempts is a number of attempts and the time in which they come back, such
// as 10/15m. The zero value, off, limits nothing.
type Attempts struct {
	Number int
	Per    time.Duration
}

// mostAttempts and longestPer keep the instants that are stored within the range of every clock.
const (
	mostAttempts = 1_000_000
	longestPer   = 24 * time.Hour
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Attempts) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*a = Attempts{}
		return nil
	}
	number, per, _ := strings.Cut(string(text), "/")
	n, err := strconv.Atoi(number)
	d, also := time.ParseDuration(per)
	if errors.Join(err, also) != nil || n < 1 || n > mostAttempts || d < time.Second || d > longestPer {
		return &Error{
			Problem: "is not a rate limit",
			Remedy:  "Write it as the number and the time, such as 10/15m (at most 1000000, from 1s to 24h), or off for no limit.",
		}
	}
	*a = Attempts{n, d}
	return nil
}

// Networks are addresses and networks with commas between them.
type Networks []netip.Prefix

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Networks) UnmarshalText(text []byte) error {
	var all Networks
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		network, err := netip.ParsePrefix(part)
		if addr, also := netip.ParseAddr(part); also == nil {
			network, err = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
		}
		if err != nil || network.Bits() == 0 || network.Addr().Is4In6() {
			return &Error{
				Problem: "is not a list of networks",
				Remedy:  "Write addresses or networks with commas between them, such as 10.42.0.0/16,fd00::/8. A network of all addresses would let every client choose its own.",
			}
		}
		all = append(all, network.Masked())
	}
	*n = all
	return nil
}
