package facts

import (
	"errors"
	"net/url"
)

// BareURL reads a server's URL and takes away what may hold a secret: its user, its query and its fragment.
func BareURL(raw string) (*url.URL, error) {
	u, err := HostedURL(raw)
	if err != nil {
		return nil, err
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u, nil
}

// HostedURL reads a URL that names a host.
func HostedURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err == nil && u.Host == "" {
		err = ErrNoHost
	}
	return u, err
}

// ErrNoHost is returned for a URL without a host.
var ErrNoHost = errors.New("the URL has no host")
