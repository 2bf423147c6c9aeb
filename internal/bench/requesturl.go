package bench

import (
	"errors"
	"net/url"
	"strings"
)

// CheckPath judges whether a path, with its query if it has one, can be sent as
// it is: as a request target it is never changed, so that what is measured is
// what was asked for.
func CheckPath(path string) error {
	switch {
	case !strings.HasPrefix(path, "/"):
		return errors.New("a path begins with a slash")
	case strings.Contains(path, "#"):
		return errors.New("a path ends before a #: what follows it is never sent to a server (a # in a name is written %23)")
	case strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New("a path holds no blanks and no control characters (a blank is written %20)")
	case requestURL(&url.URL{}, path).RequestURI() != path:
		return errors.New("a path that begins with two slashes is sent only if all of it is valid in a URL")
	}
	return nil
}

// requestURL is the URL of a path of the server at base. Its request target is
// what base and path were given as, byte for byte: percent-encoding is neither
// added nor taken away.
func requestURL(base *url.URL, path string) *url.URL {
	target := strings.TrimSuffix(encodedPath(base), "/") + path
	u := &url.URL{Scheme: base.Scheme, Host: base.Host}
	if !strings.HasPrefix(target, "//") {
		u.Opaque = target // url.URL takes any bytes here
		return u
	}
	// An opaque part with two slashes would be another host's.
	var query bool
	u.RawPath, u.RawQuery, query = strings.Cut(target, "?")
	u.ForceQuery = query && u.RawQuery == ""
	if path, err := url.PathUnescape(u.RawPath); err == nil {
		u.Path = path
	}
	return u
}

// encodedPath is the path of a parsed URL as it was written.
func encodedPath(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}
