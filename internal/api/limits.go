package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/honeydue/honeydue/internal/cache"
)

// Limits bound how often what is secret can be guessed. Each is asked before a
// password is hashed and before the database is.
type Limits struct {
	// Of failed logins: to one account from one address; to one account from all
	// addresses together, but for those from which that account was logged in to
	// lately; and from one address to all accounts.
	Login, LoginAccount, LoginAddress cache.Limit
	// Of registrations, successful or not, of one e-mail address and from one
	// client address.
	RegisterAccount, RegisterAddress cache.Limit
	// Of share codes that admit nobody, by one user and from one address.
	JoinUser, JoinAddress cache.Limit
}

// Names of the limits, as RateLimit-Policy has them.
const (
	limitLogin           = "login"
	limitLoginAccount    = "login-account"
	limitLoginAddress    = "login-address"
	limitRegisterAccount = "register-account"
	limitRegisterAddress = "register-address"
	limitJoinUser        = "join-user"
	limitJoinAddress     = "join-address"
)

// admit counts an attempt. Its error is the 429 of the limit that is used up.
func (s *Server) admit(ctx context.Context, subjects ...cache.Subject) (*cache.Attempt, error) {
	attempt, over := s.cache.Count(ctx, subjects...)
	if over == nil {
		return attempt, nil
	}
	wait := int64(math.Ceil(max(over.RetryAfter.Seconds(), 1)))
	return nil, newProblem(http.StatusTooManyRequests, codeRateLimited,
		fmt.Sprintf("There were too many attempts. Try again in %d seconds.", wait)).
		withHeader("Retry-After", strconv.FormatInt(wait, 10)).
		withHeader("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", over.Name, over.Limit.Attempts, int64(over.Limit.Per.Seconds()))).
		withHeader("RateLimit", fmt.Sprintf("%q;r=0;t=%d", over.Name, wait))
}

// admitLogin counts a login to an account, whether there is one or not. The
// person at that place is what a success makes trusted.
func (s *Server) admitLogin(ctx context.Context, account string) (attempt *cache.Attempt, trusted string, err error) {
	client := s.client(ctx)
	trusted = account + "\n" + client.text
	attempt, err = s.admit(ctx,
		cache.Subject{Name: limitLogin, Of: trusted, Limit: s.limits.Login},
		client.counted(limitLoginAddress, s.limits.LoginAddress),
		cache.Subject{Name: limitLoginAccount, Of: account, Limit: s.limits.LoginAccount, Trusted: trusted})
	return attempt, trusted, err
}

func (s *Server) admitRegistration(ctx context.Context, account string) (*cache.Attempt, error) {
	return s.admit(ctx,
		s.client(ctx).counted(limitRegisterAddress, s.limits.RegisterAddress),
		cache.Subject{Name: limitRegisterAccount, Of: account, Limit: s.limits.RegisterAccount})
}

func (s *Server) admitJoin(ctx context.Context, userID int64) (*cache.Attempt, error) {
	return s.admit(ctx,
		cache.Subject{Name: limitJoinUser, Of: strconv.FormatInt(userID, 10), Limit: s.limits.JoinUser},
		s.client(ctx).counted(limitJoinAddress, s.limits.JoinAddress))
}

// client is where a request comes from, as far as limits distinguish clients.
type client struct {
	text string
	// shared: the address is that of a proxy, behind which anybody may be.
	shared bool
}

// counted is a limit of one address. One that everybody shares is not limited:
// a few would shut out all.
func (c client) counted(name string, l cache.Limit) cache.Subject {
	if c.shared {
		l = cache.Limit{}
	}
	return cache.Subject{Name: name, Of: c.text, Limit: l}
}

// client takes IPv6 addresses by their /64: that is what one customer gets.
func (s *Server) client(ctx context.Context) client {
	x := exchangeFrom(ctx)
	addr, trusted := clientAddress(x.peer, x.header["X-Forwarded-For"], s.trustedProxies)
	switch {
	case !addr.IsValid():
		return client{shared: true}
	case addr.Is6():
		if network, err := addr.Prefix(64); err == nil {
			return client{text: network.String(), shared: trusted}
		}
	}
	return client{text: addr.String(), shared: trusted}
}

// clientAddress follows X-Forwarded-For from its right end, where each proxy
// adds whom it was asked by, for as long as a trusted one says so. What stands
// to the left of that anybody may have written. trusted says that the address
// is still a proxy's: none of them has named a client.
func clientAddress(peer string, forwarded []string, proxies []netip.Prefix) (addr netip.Addr, trusted bool) {
	addr = parseHop(peer)
	trusted = within(addr, proxies)
	for i := len(forwarded) - 1; i >= 0; i-- {
		for rest, more := forwarded[i], true; more; {
			if !trusted {
				return addr, false
			}
			hop := rest
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, hop = rest[:comma], rest[comma+1:]
			} else {
				more = false
			}
			next := parseHop(strings.TrimSpace(hop))
			if !next.IsValid() {
				return addr, trusted
			}
			addr, trusted = next, within(next, proxies)
		}
	}
	return addr, trusted
}

// parseHop reads an address with or without a port; the zero Addr if it is none.
func parseHop(s string) netip.Addr {
	if at, err := netip.ParseAddrPort(s); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

func within(addr netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}
