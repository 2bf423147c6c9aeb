package bench

import (
	"net/http"
	"strconv"
	"strings"
)

// prepare implements sender: it writes the request as it goes over the wire. One
// that can't be said in HTTP is left empty.
func (w *wire) prepare(c *call) {
	s := c.shot
	secret := s.User.Token.secret
	if !isToken(s.Method) || !isValue(secret) || !isValue(w.userAgent) {
		return
	}
	method := or(s.Method, http.MethodGet)
	b := append(c.head[:0], method...)
	b = append(b, ' ')
	b, ok := w.appendTarget(b, s.Path)
	if !ok {
		return
	}
	b = append(b, w.fixed...)
	b = w.run.appendTraceparent(b, c.attack, c.seq)
	if secret != "" {
		b = append(b, "\r\nAuthorization: Token "...)
		b = append(b, secret...)
	}
	switch {
	case s.Body != "":
		b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(s.Body)), 10)
	case method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch:
		b = append(b, "\r\nContent-Length: 0"...)
	}
	b = append(b, "\r\n\r\n"...)
	c.head = append(b, s.Body...)
}

// appendTarget adds the request target of a shot's path, as net/url writes it.
func (w *wire) appendTarget(b []byte, path string) ([]byte, bool) {
	if w.plain && isPlainPath(path) {
		return append(b, path...), true
	}
	written := requestURL(w.base, path).RequestURI()
	return append(b, written...), !strings.ContainsFunc(written, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// isPlainPath reports whether a path is its own request target.
func isPlainPath(path string) bool {
	query := false
	for i := range len(path) {
		switch b := path[i]; {
		case b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '/' || b == '-' || b == '_' || b == '.' || b == '~':
		case b == '?' && !query && i+1 < len(path):
			query = true
		case query && (b == '=' || b == '&' || b == '%' || b == '+' || b == ',' || b == ':'):
		default:
			return false
		}
	}
	return strings.HasPrefix(path, "/")
}

// isToken reports whether a method is one, or none is said.
func isToken(method string) bool {
	for i := range len(method) {
		if b := method[i]; (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') && b != '-' {
			return false
		}
	}
	return true
}

// isValue reports whether a text may be the value of a header line.
func isValue(text string) bool {
	for i := range len(text) {
		if b := text[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}
