package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// WebSamples is how many answers the floor of the running server is the least of.
const WebSamples = 5

// webShare is how long they may take together; without all of them there is no floor.
const webShare = 3 * time.Second

// ProbeWeb connects to the server as a phone does and asks /livez, which touches nothing behind it. It
// sends no credentials; roots are the authorities that it trusts, the system's if nil. nil means that an HTTP proxy
// leads there, whose waterfall would be another's.
func ProbeWeb(ctx context.Context, c facts.Config, roots *x509.CertPool) *facts.WebServer {
	u, err := facts.BareURL(c.TargetURL)
	if err != nil {
		return nil // HD-T01 says so
	}
	if c.Proxy != nil {
		if proxy, err := c.Proxy(&http.Request{URL: u}); err != nil || proxy != nil {
			return nil
		}
	}
	s := &facts.WebServer{Endpoint: facts.Endpoint{Name: "target", Address: u.Host}}
	waterfall := &dial.Waterfall{Socket: &dial.Stamps{}, Began: time.Now()}
	if u.Scheme == "https" {
		waterfall.TLSConfig = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: roots, NextProtos: []string{"http/1.1"}}
	}
	transport := &http.Transport{DialContext: waterfall.Dial, DisableCompression: true}
	if waterfall.TLSConfig != nil {
		transport.DialContext, transport.DialTLSContext = nil, waterfall.Dial
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	livez := strings.TrimRight(u.String(), "/") + "/livez"
	ask := func(ctx context.Context) error { return getAndDrop(ctx, client, livez) }
	if err := dial.Bound(ctx, facts.ConnectTimeout, ask); err != nil {
		s.Endpoint.Phases = waterfall.Phases()
		s.Failed = dial.Explain(ctx, waterfall.Reached(), err)
		s.Endpoint.Error = s.Failed.Error()
		s.Endpoint.Sum()
		return s
	}
	waterfall.Socket.Stop()
	s.Endpoint.Phases, s.Endpoint.TLS = waterfall.Phases(), waterfall.Shaken()
	for i := range s.Endpoint.Phases {
		if s.Endpoint.Phases[i].Name == "command" {
			s.Endpoint.Phases[i].Name = "first_answer"
		}
	}
	s.Endpoint.Sum()
	ctx, cancel := context.WithTimeout(ctx, webShare)
	defer cancel()
	var samples []time.Duration
	for range WebSamples {
		began := time.Now()
		if err := dial.Bound(ctx, facts.QueryTimeout, ask); err != nil {
			return s
		}
		samples = append(samples, time.Since(began))
	}
	s.Endpoint.SetFloor(samples, WebSamples)
	s.Endpoint.JudgeProxy(nil)
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
