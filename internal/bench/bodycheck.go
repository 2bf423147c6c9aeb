package bench

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"hash/maphash"
	"io"
	"net/http"
	"strings"
	"sync"
)

const (
	// maxKept bounds what is kept of a body, to read it as JSON whole; a longer one is
	// looked at by its two ends, which finds a page of HTML, a notice of a proxy, and
	// half a list.
	maxKept = 1 << 20
	// maxUnpacked bounds what such a body is unpacked to.
	maxUnpacked = 16 * maxKept
	// maxVerdicts bounds how many bodies are remembered; with more it begins anew.
	maxVerdicts = 8192
	// maxProblemKept bounds what is read of a problem (RFC 9457).
	maxProblemKept = 8 << 10
	// maxProblemCode bounds a code that becomes a part of a Kind.
	maxProblemCode = 40
	// maxKinds bounds how many kinds one phase tells apart, codes included.
	maxKinds = 40
)

// verdicts remembers which bodies are JSON, by a hash of their bytes, so that each
// reply is judged exactly and the same body is unpacked and read only once: most
// replies of a load test are the same few. It is safe for concurrent use.
type verdicts struct {
	seed maphash.Seed
	mu   sync.Mutex
	json map[verdictKey]bool
}

type verdictKey struct {
	hash   uint64
	length int
	packed bool
}

func newVerdicts() *verdicts {
	return &verdicts{seed: maphash.MakeSeed(), json: make(map[verdictKey]bool)}
}

// isJSON reports whether a whole body is JSON.
func (v *verdicts) isJSON(k *keeper) bool {
	key := verdictKey{maphash.Bytes(v.seed, k.body), len(k.body), k.packed}
	v.mu.Lock()
	sound, known := v.json[key]
	v.mu.Unlock()
	if known {
		return sound
	}
	text, err := k.unpacked()
	sound = err == nil && json.Valid(text)
	if errors.Is(err, errLong) {
		sound = k.soundEnds()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.json) >= maxVerdicts {
		clear(v.json)
	}
	v.json[key] = sound
	return sound
}

// errLong says that a body unpacks to more than can be looked at.
var errLong = errors.New("the body is too long")

// keeper keeps what has to be looked at of one body.
type keeper struct {
	wants   int // bytes to keep
	problem bool
	json    bool
	foreign bool // not JSON, where the request knows that the API answers in it
	packed  bool // gzip
	first   byte // that is no space; of a packed body: the very first
	last    byte
	length  int64
	body    []byte
}

// newKeeper says what to look at, by the reply's status, Content-Type and
// Content-Encoding. A body without a claim to be JSON is anybody's. The room is
// for what has to be kept.
func newKeeper(status int, media, encoding string, kind Kind, room []byte) keeper {
	// Most replies come as plain `application/json`; parameters do not matter here.
	media, _, _ = strings.Cut(media, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	k := keeper{packed: strings.EqualFold(encoding, "gzip"), body: room}
	switch {
	case kind.Status() >= 400:
		if k.problem = media == "application/problem+json"; k.problem {
			k.wants = maxProblemKept
		}
	case kind == KindNone && hasBody(status):
		k.json = media == "application/json" || strings.HasSuffix(media, "+json")
		if k.json {
			k.wants = maxKept
		}
	}
	return k
}

// hasBody reports whether a good answer of a status has a body to look at.
func hasBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

func (k *keeper) keep(p []byte) {
	if len(p) == 0 || (!k.json && !k.problem) {
		return
	}
	if k.length == 0 && k.packed {
		k.first = p[0]
	}
	k.length += int64(len(p))
	if !k.packed {
		if trimmed := bytes.TrimSpace(p); len(trimmed) > 0 {
			if k.first == 0 {
				k.first = trimmed[0]
			}
			k.last = trimmed[len(trimmed)-1]
		}
	}
	if room := k.wants - len(k.body); room > 0 {
		k.body = append(k.body, p[:min(room, len(p))]...)
	}
}

// judge turns the kind of a reply into what its body makes of it.
func (k *keeper) judge(kind Kind, v *verdicts) Kind {
	switch {
	case k.problem && kind.Status() >= 400:
		return kind.withCode(k.code())
	case kind == KindNone && (k.foreign || k.json && !k.sound(v)):
		return KindCheck
	}
	return kind
}

// byEnds reports whether a body that says it is JSON is too long to be read whole.
func (k *keeper) byEnds() bool { return k.json && k.length > int64(len(k.body)) }

// sound judges a body that says it is JSON.
func (k *keeper) sound(v *verdicts) bool {
	// What has not the ends of JSON is none, and need not be read.
	return k.soundEnds() && (k.byEnds() || v.isJSON(k))
}

// soundEnds judges such a body by its ends.
func (k *keeper) soundEnds() bool {
	if k.packed {
		// A gzip file begins with 1f and is never shorter than its head and trailer (RFC 1952).
		return k.first == 0x1f && k.length >= 20
	}
	switch k.first {
	case '{':
		return k.last == '}'
	case '[':
		return k.last == ']'
	case '"':
		return k.last == '"'
	case 'n', 't', 'f', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return true
	}
	return false
}

func (k *keeper) unpacked() ([]byte, error) {
	if !k.packed {
		return k.body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(k.body))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, maxUnpacked+1))
	if err == nil && len(text) > maxUnpacked {
		return nil, errLong
	}
	return text, err
}

// code is the stable code of a problem, "" where there is none to be trusted.
func (k *keeper) code() string {
	text, err := k.unpacked()
	if err != nil {
		return ""
	}
	var problem struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(text, &problem) != nil {
		return ""
	}
	return problem.Code
}

// withCode adds the code of a problem: "503:database_unavailable".
func (k Kind) withCode(code string) Kind {
	if !isProblemCode(code) {
		return k
	}
	return k + ":" + Kind(code)
}

// isProblemCode reports whether a text looks like a code. Another text is left
// out: it would make a kind of each request.
func isProblemCode(code string) bool {
	return code != "" && len(code) <= maxProblemCode && strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == ""
}

// Class is the kind without the code of a problem: one of Kinds, a status, or KindNone.
func (k Kind) Class() Kind {
	class, _, _ := strings.Cut(string(k), ":")
	return Kind(class)
}

// within is the kind itself, or its class where the phase tells maxKinds apart already.
func (k Kind) within(counted map[Kind]int) Kind {
	if _, known := counted[k]; known || len(counted) < maxKinds {
		return k
	}
	return k.Class()
}
