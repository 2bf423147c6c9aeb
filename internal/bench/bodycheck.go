package bench

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

const (
	// wholeCheckEvery: of so many replies one is unpacked and read as JSON whole.
	// The others are looked at by their two ends, which costs next to nothing and
	// finds a page of HTML, a notice of a proxy, and half a list.
	wholeCheckEvery = 64
	// maxKept bounds what is kept of a body for that; a longer one is looked at by its ends.
	maxKept = 1 << 20
	// maxProblemKept bounds what is read of a problem (RFC 9457).
	maxProblemKept = 8 << 10
	// maxProblemCode bounds a code that becomes a part of a Kind.
	maxProblemCode = 40
	// maxKinds bounds how many kinds one phase tells apart, codes included.
	maxKinds = 40
)

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
func newKeeper(status int, media, encoding string, kind Kind, whole bool, room []byte) keeper {
	// Most replies come as plain `application/json`; parameters do not matter here.
	media, _, _ = strings.Cut(media, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	k := keeper{packed: strings.EqualFold(encoding, "gzip"), body: room}
	switch {
	case kind == KindClient || kind == KindServer:
		if k.problem = media == "application/problem+json"; k.problem {
			k.wants = maxProblemKept
		}
	case kind == KindNone && hasBody(status):
		k.json = media == "application/json" || strings.HasSuffix(media, "+json")
		if k.json && whole {
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
func (k *keeper) judge(kind Kind) Kind {
	switch {
	case k.problem && (kind == KindClient || kind == KindServer):
		return kind.withCode(k.code())
	case kind == KindNone && (k.foreign || k.json && !k.sound()):
		return KindCheck
	}
	return kind
}

// sound judges a body that says it is JSON: whole where all of it was kept,
// else by its ends.
func (k *keeper) sound() bool {
	if k.wants > 0 && k.length == int64(len(k.body)) {
		text, err := k.unpacked()
		return err == nil && json.Valid(text)
	}
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
	// What unpacks to more than 16 times what was kept is not a list of ours.
	return io.ReadAll(io.LimitReader(z, 16*maxKept))
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

// withCode adds the code of a problem: "5xx:database_unavailable". What does not
// look like a code is left out: a text would make a kind of each request.
func (k Kind) withCode(code string) Kind {
	if code == "" || len(code) > maxProblemCode || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789_-.") != "" {
		return k
	}
	return k + ":" + Kind(code)
}

// Class is the kind without the code of a problem; one of Kinds, or KindNone.
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
