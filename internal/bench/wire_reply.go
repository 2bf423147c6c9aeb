package bench

import (
	"errors"
	"io"
	"math"
	"net/http"
)

// maxInformational is how many replies of 1xx may come before the reply, as in net/http.
const maxInformational = 5

// read reads the reply to a call to its end.
func (w *wire) read(k *wireConn, c *call) (o outcome) {
	method := c.shot.Method
	k.in.left = maxHead
	for range maxInformational + 1 {
		var h wireHead
		size, got := 0, headShort
		for got == headShort {
			have := k.buffer.Buffered()
			if have == k.buffer.Size() {
				got = headOdd // too long for the buffer
				break
			}
			if have > 0 {
				part, _ := k.buffer.Peek(have) // what is there is there
				if size, got = h.parse(part, method); got != headShort {
					break
				}
			}
			if _, o.err = k.buffer.Peek(have + 1); o.err != nil {
				o.heard = o.heard || have > 0
				return o.cut()
			}
		}
		o.heard = true
		if got == headOdd {
			return w.readByNetHTTP(k, c, o)
		}
		if h.status >= 200 {
			c.took(&h, &k.strings)
			_, _ = k.buffer.Discard(size) // it is in the buffer
			k.in.left = math.MaxInt64
			o.inBody = true
			o.err = w.readBody(k, c, h.length)
			o.reuse = o.err == nil && !h.close
			return o
		}
		_, _ = k.buffer.Discard(size)
	}
	o.err = errors.New("too many replies of 1xx")
	return o
}

// cut makes the end of a connection amid a head what it is.
func (o outcome) cut() outcome {
	if o.heard && errors.Is(o.err, io.EOF) {
		o.err = io.ErrUnexpectedEOF
	}
	return o
}

// readBody reads a body of a stated length.
func (w *wire) readBody(k *wireConn, c *call, left int64) error {
	if part := min(left, int64(k.buffer.Buffered())); part > 0 {
		p, _ := k.buffer.Peek(int(part)) // it is there
		c.read(p)
		_, _ = k.buffer.Discard(len(p))
		left -= part
	}
	if left == 0 {
		return nil
	}
	room := w.buffers.Get().(*[bodyBuffer]byte) //nolint:errcheck,forcetypeassert // it holds nothing else
	defer w.buffers.Put(room)
	for left > 0 {
		n, err := k.buffer.Read(room[:min(left, bodyBuffer)])
		c.read(room[:n])
		if left -= int64(n); err != nil && left > 0 {
			return err
		}
	}
	return nil
}

// readByNetHTTP reads a reply that is not a plain case; nothing of it has been
// taken from the buffer.
func (w *wire) readByNetHTTP(k *wireConn, c *call, o outcome) outcome {
	req := &http.Request{Method: or(c.shot.Method, http.MethodGet)}
	reply, err := readResponse(k, req)
	if err != nil {
		o.err = err
		return o.cut()
	}
	c.answered(reply.StatusCode, reply.ProtoMajor, reply.Header.Get("Content-Type"), reply.Header.Get("Content-Encoding"))
	c.headers(reply.Header)
	o.inBody = true
	room := w.buffers.Get().(*[bodyBuffer]byte) //nolint:errcheck,forcetypeassert // it holds nothing else
	o.err = errors.Join(c.readAll(reply.Body, room[:]), reply.Body.Close())
	w.buffers.Put(room)
	// What follows a 101 is no HTTP.
	o.reuse = o.err == nil && !reply.Close && reply.StatusCode != http.StatusSwitchingProtocols
	return o
}

// readResponse reads the head of a reply, after those of 1xx.
func readResponse(k *wireConn, req *http.Request) (*http.Response, error) {
	k.in.left = maxHead
	for range maxInformational + 1 {
		reply, err := http.ReadResponse(k.buffer, req)
		if err != nil {
			return nil, err
		}
		if reply.StatusCode >= 200 || reply.StatusCode == http.StatusSwitchingProtocols {
			k.in.left = math.MaxInt64
			return reply, nil
		}
	}
	return nil, errors.New("too many replies of 1xx")
}

// took takes in the head of a reply.
func (c *call) took(h *wireHead, s *repeated) {
	c.answered(h.status, 1, s.media.of(h.media), s.encoding.of(h.encoding))
	c.reply.CacheStatus = s.cacheStatus.of(h.cacheStatus)
	c.reply.ServerTiming = s.serverTiming.of(h.serverTiming)
	if h.turns != nil {
		c.turns(string(h.turns))
	}
}

// repeated is the header values of a connection's last reply: the next one says
// most of them again, and then they are taken and not made.
type repeated struct{ media, encoding, cacheStatus, serverTiming repeatedString }

type repeatedString string

func (s *repeatedString) of(b []byte) string {
	if string(*s) != string(b) {
		*s = repeatedString(b)
	}
	return string(*s)
}
