package cache

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Encoding is the version of what copies hold. Raise it when the bytes of a
// list change: a rolling deploy then never reads the other's copies, and no
// client's copy is taken for a new one. A copy may live for weeks, so a test of
// package api compares the lists' bytes with those recorded for this version.
const Encoding = "2"

// stamp is what identifies the content of a copy: the digest of the versions
// that it was filled under, and the end of its validity.
type stamp struct {
	digest string    // 40 letters
	until  time.Time // zero: it does not age
}

// etag is weak (RFC 9110, 8.8.1): the compressed and the plain body share it.
func (s stamp) etag() string {
	var until int64
	if !s.until.IsZero() {
		until = s.until.UnixMilli()
	}
	return `W/"` + Encoding + "." + strconv.FormatInt(until, 36) + "." + s.digest + `"`
}

// valid reports whether a copy with this stamp may be shown at the instant now.
func (s stamp) valid(now time.Time) bool { return s.until.IsZero() || now.Before(s.until) }

// stamps are those of a client's copies.
type stamps []stamp

// maxStamps bounds what of an If-None-Match header is looked at.
const maxStamps = 16

// of is the stamp with that digest.
func (s stamps) of(digest string) (stamp, bool) {
	for _, one := range s {
		if one.digest == digest {
			return one, true
		}
	}
	return stamp{}, false
}

// digests lists them for the script, with commas.
func (s stamps) digests() string {
	var b strings.Builder
	for i, one := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(one.digest)
	}
	return b.String()
}

// parseIfNoneMatch finds the stamps of ours, still valid at now, in an
// If-None-Match header (RFC 9110, 13.1.2). What else stands there is passed
// over: it is somebody else's, or of an older encoding, or has aged. So is *: a
// client that has no copy can't do with a 304.
func parseIfNoneMatch(header string, now time.Time) stamps {
	var found stamps
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		tag, ok := strings.CutPrefix(tag, `"`+Encoding+".")
		if !ok {
			continue
		}
		until, digest, ok := strings.Cut(tag, ".")
		digest, closed := strings.CutSuffix(digest, `"`)
		if !ok || !closed || !isDigest(digest) {
			continue
		}
		ms, err := strconv.ParseInt(until, 36, 64)
		if err != nil || ms < 0 {
			continue
		}
		s := stamp{digest: digest}
		if ms > 0 {
			s.until = time.UnixMilli(ms)
		}
		if s.valid(now) {
			found = append(found, s)
		}
		if len(found) == maxStamps {
			break
		}
	}
	return found
}

func isDigest(s string) bool {
	if len(s) != 40 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// kept is a copy as Redis has it: digest, validity in 16 digits of ms, when it was
// filled in as many, length of what remakes it in 4, what remakes it, body.
type kept struct {
	stamp
	filled time.Time // by Redis' clock
	remake string    // see Answer.Remake
	body   string
}

const (
	filledAt = 40 + 16
	lengthAt = filledAt + 16
	remakeAt = lengthAt + 4
	// mostRemake is what the length can say.
	mostRemake = 9999
)

func (s stamp) validity() string {
	var ms int64
	if !s.until.IsZero() {
		ms = s.until.UnixMilli()
	}
	return digits(ms, 16)
}

func digits(n int64, width int) string {
	text := strconv.FormatInt(n, 10)
	return strings.Repeat("0", max(0, width-len(text))) + text
}

// rest is what stands in a copy after the time of its filling. What remakes it and is too
// long for a copy is left out: the list is read anew then.
func (a Answer) rest() string {
	remake := a.Remake
	if len(remake) > mostRemake {
		remake = nil
	}
	var b strings.Builder
	b.Grow(remakeAt - lengthAt + len(remake) + len(a.Body))
	b.WriteString(digits(int64(len(remake)), remakeAt-lengthAt))
	b.Write(remake)
	b.Write(a.Body)
	return b.String()
}

func parseCopy(raw string) (k kept, ok bool) {
	if len(raw) < remakeAt || !isDigest(raw[:40]) {
		return kept{}, false
	}
	ms, err := strconv.ParseInt(raw[40:filledAt], 10, 64)
	filled, noTime := strconv.ParseInt(raw[filledAt:lengthAt], 10, 64)
	n, noLength := strconv.ParseUint(raw[lengthAt:remakeAt], 10, 16)
	if errors.Join(err, noTime, noLength) != nil || remakeAt+int(n) > len(raw) {
		return kept{}, false
	}
	k.digest, k.filled = raw[:40], time.UnixMilli(filled)
	if ms > 0 {
		k.until = time.UnixMilli(ms)
	}
	k.remake, k.body = raw[remakeAt:remakeAt+int(n)], raw[remakeAt+int(n):]
	return k, true
}
