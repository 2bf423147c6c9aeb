package bench

import (
	"bytes"
	"net/http"
)

// wireHead is the head of a reply, as far as a load test needs it.
type wireHead struct {
	status int
	length int64
	close  bool
	// The values of header lines, nil where there is none. They are parts of the
	// buffer and hold until the next read.
	media, encoding, cacheStatus, serverTiming, turns []byte
}

// headParsed says what came of parsing.
type headParsed int

const (
	headWhole headParsed = iota
	headShort            // there is more of it to read
	headOdd              // net/http has to read it
)

// parse reads the head of a reply, so many bytes of b. It knows the plain cases:
// HTTP/1.1, a body of a stated length or none, every framing header once. All
// others, right and wrong, are net/http's to judge.
func (h *wireHead) parse(b []byte, method string) (size int, got headParsed) {
	*h = wireHead{length: -1}
	line, rest, got := headLine(b)
	if got != headWhole {
		return 0, got
	}
	const version = "HTTP/1.1 "
	if len(line) < len(version)+3 || string(line[:len(version)]) != version || (len(line) > len(version)+3 && line[len(version)+3] != ' ') {
		return 0, headOdd
	}
	for _, d := range line[len(version) : len(version)+3] {
		if d < '0' || d > '9' {
			return 0, headOdd
		}
		h.status = 10*h.status + int(d-'0')
	}
	if h.status < 100 || h.status == http.StatusSwitchingProtocols {
		return 0, headOdd
	}
	seen := 0 // framing headers, one bit each
	for {
		if line, rest, got = headLine(rest); got != headWhole {
			return 0, got
		}
		if len(line) == 0 {
			break
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 1 || !isName(line[:colon]) {
			return 0, headOdd
		}
		if !h.field(line[:colon], trimmed(line[colon+1:]), &seen) {
			return 0, headOdd
		}
	}
	switch {
	case h.status < 200, h.status == http.StatusNoContent, h.status == http.StatusNotModified, method == http.MethodHead:
		h.length = 0
	case h.length < 0: // it ends with the connection
		return 0, headOdd
	}
	return len(b) - len(rest), headWhole
}

// field takes in one header line; false: it is not a plain case.
func (h *wireHead) field(name, value []byte, seen *int) bool {
	once := func(bit int) bool {
		again := *seen&bit != 0
		*seen |= bit
		return !again
	}
	set := func(into *[]byte) {
		if *into == nil { // the first one counts, as in net/http
			*into = value[:len(value):len(value)]
		}
	}
	switch len(name) {
	case len("Trailer"):
		return !isNamed(name, "trailer")
	case len("Connection"): // and X-DB-Turns
		switch {
		case isNamed(name, "connection"):
			h.close = isNamed(value, "close")
			return once(1) && (h.close || isNamed(value, "keep-alive"))
		case isNamed(name, "x-db-turns"):
			set(&h.turns)
		}
	case len("Cache-Status"): // and Content-Type
		switch {
		case isNamed(name, "cache-status"):
			set(&h.cacheStatus)
		case isNamed(name, "content-type"):
			set(&h.media)
		}
	case len("Server-Timing"):
		if isNamed(name, "server-timing") {
			set(&h.serverTiming)
		}
	case len("Content-Length"):
		if isNamed(name, "content-length") {
			var ok bool
			h.length, ok = digits(value)
			return once(2) && ok
		}
	case len("Content-Encoding"):
		if isNamed(name, "content-encoding") {
			set(&h.encoding)
		}
	case len("Transfer-Encoding"):
		return !isNamed(name, "transfer-encoding")
	}
	return true
}

// headLine takes the next line off. A line with a byte that is not plain text, or
// without a carriage return, is odd.
func headLine(b []byte) (line, rest []byte, got headParsed) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return nil, nil, headShort
	}
	if end == 0 || b[end-1] != '\r' {
		return nil, nil, headOdd
	}
	line = b[:end-1]
	for _, c := range line {
		if c < ' ' && c != '\t' || c >= 0x7f {
			return nil, nil, headOdd
		}
	}
	return line, b[end+1:], headWhole
}

// trimmed takes spaces and tabs off both ends; it is never nil.
func trimmed(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// isName reports whether a header's name is of letters, digits and dashes alone.
func isName(name []byte) bool {
	for _, c := range name {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// isNamed compares with a text in lower case, whatever the case of b.
func isNamed(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// digits reads a plain number.
func digits(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}
