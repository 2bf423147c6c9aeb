package probe_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// change is one thing to change in a URL.
type change func(*url.URL)

func changed(t *testing.T, raw string, changes ...change) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("a URL of the lab can't be read")
	}
	for _, c := range changes {
		c(u)
	}
	return u.String()
}

// host changes the name and leaves the port.
func host(name string) change { return func(u *url.URL) { u.Host = net.JoinHostPort(name, u.Port()) } }

// password replaces the user's.
func password(secret string) change {
	return func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), secret) }
}

// database names another one.
func database(name string) change { return func(u *url.URL) { u.Path = "/" + name } }

// parameter sets a parameter, or takes it out if the value is empty.
func parameter(name, value string) change {
	return func(u *url.URL) {
		q := u.Query()
		q.Del(name)
		if value != "" {
			q.Set(name, value)
		}
		u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	}
}

// relayed puts a TCP relay of the test's own in front of the server that a URL leads to; pass carries one
// connection until either side ends.
func relayed(t *testing.T, raw string, pass func(client, server *net.TCPConn)) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("a URL of the lab can't be read")
	}
	target := u.Host
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	closing := false
	all.Go(func() {
		for {
			client, err := l.AcceptTCP()
			if err != nil {
				return
			}
			dialled, err := net.Dial("tcp", target)
			server, ok := dialled.(*net.TCPConn)
			if err != nil || !ok {
				_ = client.Close()
				continue
			}
			mu.Lock()
			open = append(open, client, server)
			over := closing
			mu.Unlock()
			all.Go(func() {
				defer func() { _, _ = client.Close(), server.Close() }()
				if !over {
					pass(client, server)
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		closing = true
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	u.Host = l.Addr().String()
	return u.String()
}

// both copies either direction until one ends.
func both(client, server net.Conn, back func(io.Writer, io.Reader)) {
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	back(client, server)
	_ = client.Close()
	wg.Wait()
}

// throttled lets answers through at that many bytes a second, the first so many bytes of each connection.
func throttled(t *testing.T, raw string, bytesPerS, first int) string {
	return relayed(t, raw, func(client, server *net.TCPConn) {
		both(client, server, func(to io.Writer, from io.Reader) {
			buffer, left := make([]byte, 4096), first
			for {
				n, err := from.Read(buffer)
				if n > 0 {
					time.Sleep(time.Duration(min(n, left)) * time.Second / time.Duration(bytesPerS))
					left = max(0, left-n)
					if _, err := to.Write(buffer[:n]); err != nil {
						return
					}
				}
				if err != nil {
					return
				}
			}
		})
	})
}

// oneLate keeps one answer for longer than the probe waits for it: that to the nth empty statement; once, until again
// is called. The path must not be encrypted.
func oneLate(t *testing.T, raw string, nth int64) (url string, again func()) {
	const late = 3500 * time.Millisecond
	var seen atomic.Int64
	url = relayed(t, raw, func(client, server *net.TCPConn) {
		both(client, watched{server, func(sent []byte) {
			if string(sent) == "Q\x00\x00\x00\x05\x00" && seen.Add(1) == nth {
				time.Sleep(late)
			}
		}}, func(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from) })
	})
	return url, func() { seen.Store(0) }
}

// watched shows what is sent before it is.
type watched struct {
	net.Conn
	show func(sent []byte)
}

func (w watched) Write(p []byte) (int, error) {
	w.show(p)
	return w.Conn.Write(p)
}

// slowResolver makes the process ask a name server of the test's own that says 127.0.0.1 of every name,
// after a while.
func slowResolver(t *testing.T, after time.Duration) {
	t.Helper()
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := server.ReadFromUDP(buffer)
			if err != nil {
				return
			}
			answer := answerTo(buffer[:n])
			time.AfterFunc(after, func() { _, _ = server.WriteToUDP(answer, from) })
		}
	})
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = server.Close()
		wg.Wait()
	})
}

// answerTo answers a DNS query: 127.0.0.1 for an A record, nothing for any other (RFC 1035, 4.1).
func answerTo(query []byte) []byte {
	end := 12
	for query[end] != 0 { // the labels of the one question
		end += int(query[end]) + 1
	}
	end += 5 // the last label, type and class
	a := append([]byte(nil), query[:end]...)
	a[2], a[3] = 0x81, 0x80 // an answer, recursion available
	a[6], a[7], a[8], a[9], a[10], a[11] = 0, 0, 0, 0, 0, 0
	if query[end-4] == 0 && query[end-3] == 1 {
		a[7] = 1
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
	}
	return a
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test's CA"},
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(10000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &authority{ca, key}
}

// file writes the authority's certificate, for sslrootcert.
func (a *authority) file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// certificate is what a server is to show, its times from now.
type certificate struct {
	from, to  time.Duration
	elsewhere bool
}

func (a *authority) sign(t *testing.T, c certificate) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(c.from), NotAfter: time.Now().Add(c.to),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if c.elsewhere {
		server.DNSNames, server.IPAddresses = []string{"elsewhere.example"}, nil
	}
	der, err := x509.CreateCertificate(rand.Reader, server, a.cert, k.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// certify gives the pooler of a lab of the fault's own another certificate, and the probe the authority
// that signed it. Postgres keeps the one that it has.
func (b *bed) certify(t *testing.T, c certificate) {
	t.Helper()
	ca := newAuthority(t)
	cert, key := ca.sign(t, c)
	for name, data := range map[string][]byte{"server.crt": cert, "server.key": key} {
		path := filepath.Join(b.lab.Dir(), "tls", name)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, data)
		t.Cleanup(func() { write(t, path, before) })
	}
	command(t, b.env, "RELOAD")
	trust := parameter("sslrootcert", ca.file(t))
	b.config.URL, b.config.AdminURL = changed(t, b.config.URL, trust), changed(t, b.config.AdminURL, trust)
}

// write keeps a file's owner and mode.
func write(t *testing.T, path string, data []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
}

// rewritePooler adds a line to the configuration of the pooler of a lab of the fault's own.
func (b *bed) rewritePooler(t *testing.T, line string) {
	t.Helper()
	path := filepath.Join(b.lab.Dir(), "pgbouncer", "pgbouncer.ini")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, append(before, line+"\n"...))
	command(t, b.env, "RELOAD")
}
