package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// replyText is a connection on which a server has said something and closed.
type replyText struct {
	net.Conn

	text io.Reader
}

func (r replyText) Read(p []byte) (int, error) { return r.text.Read(p) }

// dribble gives one byte at a time.
type dribble struct{ io.Reader }

func (d dribble) Read(p []byte) (int, error) { return d.Reader.Read(p[:min(1, len(p))]) }

func replyWire() *wire {
	w := &wire{}
	w.buffers.New = func() any { return new([bodyBuffer]byte) }
	return w
}

func replyConn(text io.Reader) *wireConn {
	return newWireConn(replyText{text: text})
}

// heard is all that a load test takes from a reply.
type heard struct {
	reply  Reply
	kind   Kind
	ok     bool
	reuse  bool
	beyond int // bytes after the reply that were read
}

func heardByWire(text io.Reader, method string) heard {
	k := replyConn(text)
	var c call
	c.begin(1, 1, Shot{Method: method})
	o := replyWire().read(k, &c)
	if o.err != nil {
		if !o.inBody {
			// A head that is cut amid a line is a broken connection to us, and a malformed line to net/http.
			return heard{kind: KindReset}
		}
		return heard{kind: o.kind()}
	}
	rest, _ := io.ReadAll(k.buffer)
	return heard{reply: c.reply, kind: c.kept.judge(c.kind, newVerdicts()), ok: true, reuse: o.reuse, beyond: len(rest)}
}

// heardByNetHTTP is the oracle.
func heardByNetHTTP(text io.Reader, method string) heard {
	buffer := bufio.NewReaderSize(io.LimitReader(text, maxHead), wireBuffer)
	for range maxInformational + 1 {
		r, err := http.ReadResponse(buffer, &http.Request{Method: method}) //nolint:bodyclose // it is read to its end from a text
		if err != nil {
			return heard{kind: KindReset}
		}
		if r.StatusCode < 200 && r.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		h := heard{
			reply: Reply{Status: r.StatusCode, Proto: r.ProtoMajor, CacheStatus: r.Header.Get("Cache-Status"), ServerTiming: r.Header.Get("Server-Timing"), Turns: -1},
			kind:  Statuses(nil).kindOf(r.StatusCode), ok: true, reuse: !r.Close,
		}
		if n, err := strconv.Atoi(r.Header.Get("X-DB-Turns")); err == nil && n >= 0 {
			h.reply.Turns = n
		}
		if r.StatusCode == http.StatusSwitchingProtocols {
			h.reuse = false
			rest, _ := io.ReadAll(buffer)
			h.beyond = len(rest)
			return h
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return heard{kind: kindOfBodyError(err)}
		}
		h.reply.Bytes = int64(len(body))
		k := newKeeper(r.StatusCode, r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"), h.kind, nil)
		k.keep(body)
		h.kind = k.judge(h.kind, newVerdicts())
		rest, _ := io.ReadAll(buffer)
		h.beyond = len(rest)
		return h
	}
	return heard{kind: KindReset}
}

// replies are replies of real servers, and of some that are none.
func replies() []string {
	large := strings.Repeat("0123456789abcdef", 4000)
	return []string{
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nCache-Status: token; hit\r\nServer-Timing: db;dur=1.5\r\nX-DB-Turns: 3\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{]",
		"HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(large)) + "\r\n\r\n" + large,
		"HTTP/1.1 200 OK\r\nX-Long: " + large + "\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
		strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 7) + "HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nwhatever",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 17\r\nETag: \"a\"\r\n\r\n",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\ncontent-length:1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\n\r\nuntil the end",
		"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nCache-Status: a\r\nCache-Status: b\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nCache-Status:\r\nCache-Status: b\r\nX-DB-Turns: -4\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-DB-Turns: +4\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\nmore than was asked for",
		"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 O",
		"SSH-2.0-OpenSSH\r\n",
		"\r\n\r\n",
		"",
	}
}

// What a reply says is what net/http says that it says, however it is cut into parts.
func TestReplies(t *testing.T) {
	for _, text := range replies() {
		for _, method := range []string{"", http.MethodPost, http.MethodHead} {
			want := heardByNetHTTP(strings.NewReader(text), method)
			for name, source := range map[string]io.Reader{"whole": strings.NewReader(text), "by the byte": dribble{strings.NewReader(text)}} {
				if got := heardByWire(source, method); got != want {
					t.Errorf("%s %.80q %s:\n got %+v\nwant %+v", method, text, name, got, want)
				}
			}
		}
	}
}

// The plain replies of a server like ours need no net/http: else this reader is of no use.
func TestPlainRepliesAreReadWithoutNetHTTP(t *testing.T) {
	plain := 0
	for _, text := range replies() {
		var h wireHead
		if size, got := h.parse([]byte(text), http.MethodGet); got == headWhole && size > 0 {
			plain++
		}
	}
	var h wireHead
	const ours = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: application/json; charset=utf-8\r\nEtag: \"1-a\"\r\nTraceparent: 00-1-1-01\r\nVary: Accept-Encoding\r\n" +
		"Cache-Status: token; hit, user; hit\r\nServer-Timing: acquire;dur=0.0, db;dur=0.0;desc=\"0 turns\"\r\nX-Db-Turns: 0\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: 20\r\n\r\n"
	if size, got := h.parse([]byte(ours), http.MethodGet); got != headWhole || size != len(ours) || string(h.turns) != "0" {
		t.Errorf("our own reply: %v, %d bytes of %d, turns %q", got, size, len(ours), h.turns)
	}
	if plain < 10 {
		t.Errorf("only %d of the replies are plain", plain)
	}
}

// A head without an end ends the request, and not the memory.
func TestAHeadWithoutAnEnd(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\n"), &endlessHead{})
	if got := heardByWire(endless, ""); got.ok {
		t.Errorf("%+v", got)
	}
}

type endlessHead struct{ told int64 }

func (e *endlessHead) Read(p []byte) (int, error) {
	if e.told += int64(len(p)); e.told > 4*maxHead {
		return 0, fmt.Errorf("read %d bytes of a head", e.told)
	}
	return copy(p, bytes.Repeat([]byte("X: aaaaaaaaaa\r\n"), len(p)/15+1)), nil
}

// FuzzReply compares the reader with net/http.
//
//	go test -run '^$' -fuzz FuzzReply ./internal/bench
func FuzzReply(f *testing.F) {
	for _, text := range replies() {
		if len(text) < wireBuffer {
			f.Add([]byte(text), false)
			f.Add([]byte(text), true)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, head bool) {
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		want := heardByNetHTTP(bytes.NewReader(text), method)
		for name, source := range map[string]io.Reader{"whole": bytes.NewReader(text), "by the byte": dribble{bytes.NewReader(text)}} {
			if got := heardByWire(source, method); got != want {
				t.Errorf("%s %q %s:\n got %+v\nwant %+v", method, text, name, got, want)
			}
		}
	})
}

// BenchmarkReadReply is what reading a reply of ours costs, beside net/http's reader.
func BenchmarkReadReply(b *testing.B) {
	const text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nCache-Status: token; hit\r\nServer-Timing: db;dur=1.5\r\nX-DB-Turns: 3\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\n\r\n{}"
	source := strings.NewReader(text)
	k := replyConn(source)
	w := replyWire()
	for name, read := range map[string]func(*wireConn, *call) outcome{
		"own":     w.read,
		"nethttp": func(k *wireConn, c *call) outcome { return w.readByNetHTTP(k, c, outcome{}) },
	} {
		b.Run(name, func(b *testing.B) {
			var c call
			b.ReportAllocs()
			for b.Loop() {
				source.Reset(text)
				k.in.left = math.MaxInt64
				k.buffer.Reset(&k.in)
				c.begin(1, 1, Shot{})
				if o := read(k, &c); o.err != nil {
					b.Fatal(o.err)
				}
			}
		})
	}
}
