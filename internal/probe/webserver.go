package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"time"
)

// webSamples is how many answers the floor of the running server is the least of.
const webSamples = 5

// webShare is how long they may take together; without all of them there is no floor.
const webShare = 3 * time.Second

// webServer is the connect waterfall of the running server, by HTTP or HTTPS.
type webServer struct {
	endpoint Endpoint
	failed   *failure
}

// probeWeb connects to the server as a phone does and asks /livez, which touches nothing behind it. It
// sends no credentials; roots are the authorities that it trusts, the system's if nil. nil means that an HTTP proxy
// leads there, whose waterfall would be another's.
func probeWeb(ctx context.Context, c Config, roots *x509.CertPool) *webServer {
	u, err := bareURL(c.TargetURL)
	if err != nil {
		return nil // HD-T01 says so
	}
	if c.Proxy != nil {
		if proxy, err := c.Proxy(&http.Request{URL: u}); err != nil || proxy != nil {
			return nil
		}
	}
	s := &webServer{endpoint: Endpoint{Name: "target", Address: u.Host}}
	waterfall := &dialWaterfall{socket: &stamps{}, began: time.Now()}
	if u.Scheme == "https" {
		waterfall.tlsConfig = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: roots, NextProtos: []string{"http/1.1"}}
	}
	transport := &http.Transport{DialContext: waterfall.dial, DisableCompression: true}
	if waterfall.tlsConfig != nil {
		transport.DialContext, transport.DialTLSContext = nil, waterfall.dial
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	livez := strings.TrimRight(u.String(), "/") + "/livez"
	ask := func(ctx context.Context) error { return getAndDrop(ctx, client, livez) }
	if err := bound(ctx, connectTimeout, ask); err != nil {
		s.endpoint.Phases = waterfall.phases()
		s.failed = explain(ctx, waterfall.reached(), err)
		s.endpoint.Error = s.failed.Error()
		s.endpoint.sum()
		return s
	}
	waterfall.socket.stop()
	s.endpoint.Phases, s.endpoint.TLS = waterfall.phases(), waterfall.shaken()
	for i := range s.endpoint.Phases {
		if s.endpoint.Phases[i].Name == "command" {
			s.endpoint.Phases[i].Name = "first_answer"
		}
	}
	s.endpoint.sum()
	ctx, cancel := context.WithTimeout(ctx, webShare)
	defer cancel()
	var samples []time.Duration
	for range webSamples {
		began := time.Now()
		if err := bound(ctx, queryTimeout, ask); err != nil {
			return s
		}
		samples = append(samples, time.Since(began))
	}
	s.endpoint.setFloor(samples, webSamples)
	s.endpoint.judgeProxy(nil)
	return s
}

func getAndDrop(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return err
}
