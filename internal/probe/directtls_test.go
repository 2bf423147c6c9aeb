package probe_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// handshake is the first byte of TLS.
const handshake = 0x16

// TestDirectTLS tries sslnegotiation=direct for real: at the lab's pooler, which refuses it (by silence from
// PgBouncer 1.24, as the relay in front of it does), and at a proxy in front of the real Postgres that ends
// TLS itself, as Neon's does.
func TestDirectTLS(t *testing.T) {
	env := labtest.Database(t, prepare)
	ca := newAuthority(t)
	cert, key := ca.sign(t, certificate{from: -time.Hour, to: 1000 * time.Hour})
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	proxied := changed(t, terminated(t, env.DirectURL, pair), parameter("sslrootcert", ca.file(t)))
	for _, c := range []struct {
		name, url, direct string
		status            facts.Status
		turns             int64
	}{
		{"the lab's pooler", env.DatabaseURL, "refused", facts.Pass, 6},
		{"a pooler that waits for more", silentToTLS(t, env.DatabaseURL), "refused", facts.Pass, 6},
		{"a proxy that takes it", proxied, "supported", facts.Remark, 6},
		{"asked for", changed(t, proxied, parameter("sslnegotiation", "direct")), "in use", facts.Pass, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := config(env)
			conf.URL, conf.AdminURL, conf.NoAnalyze = c.url, "", true
			r := run(t, conf)
			e := r.Endpoints[0]
			if e.Error != "" || e.DirectTLS != c.direct || e.ConnectTurns != c.turns {
				t.Errorf("it is %q in %d turns, want %q in %d: %s", e.DirectTLS, e.ConnectTurns, c.direct, c.turns, e.Error)
			}
			if got := checkOf(t, r, "HD-N12"); got.Status != c.status {
				t.Errorf("HD-N12 is %s: %s", got.Status, got.Why)
			}
		})
	}
}

// silentToTLS is a relay that reads on and says nothing to whoever begins with TLS.
func silentToTLS(t *testing.T, raw string) string {
	return relayed(t, raw, func(client, server *net.TCPConn) {
		buffered := bufio.NewReader(client)
		if first, err := buffered.Peek(1); err != nil || first[0] == handshake {
			_, _ = io.Copy(io.Discard, buffered)
			return
		}
		both(readThrough{client, buffered}, server, func(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from) })
	})
}

// terminated is a proxy that ends TLS, asked for by an SSLRequest or begun at once, and goes on in plain.
func terminated(t *testing.T, raw string, cert tls.Certificate) string {
	const request = 8
	return relayed(t, raw, func(client, server *net.TCPConn) {
		buffered := bufio.NewReader(client)
		first, err := buffered.Peek(1)
		if err != nil {
			return
		}
		if first[0] != handshake {
			if _, err := buffered.Discard(request); err != nil {
				return
			}
			if _, err := client.Write([]byte("S")); err != nil {
				return
			}
		}
		secure := tls.Server(readThrough{client, buffered}, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"postgresql"}, MinVersion: tls.VersionTLS13})
		both(secure, server, func(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from) })
	})
}

// readThrough reads a connection by a reader that has peeked into it.
type readThrough struct {
	net.Conn
	r io.Reader
}

func (c readThrough) Read(b []byte) (int, error) { return c.r.Read(b) }
