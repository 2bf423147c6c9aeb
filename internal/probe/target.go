package probe

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/api"
)

// askTarget asks a running server's /readyz twice on one connection: the first answer includes
// connecting, the second is the plain round trip. It sends no credentials.
func askTarget(ctx context.Context, base string) (*Target, *failure) {
	t := &Target{ThroughPooler: "unknown"}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		t.Error = string(kindURL)
		return t, &failure{kind: kindURL, err: err}
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	t.URL = u.String()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for i, ms := range []*float64{&t.FirstMS, &t.WarmMS} {
		err := bound(ctx, queryTimeout, func(ctx context.Context) error { return t.ask(ctx, client, ms) })
		if err != nil && i == 0 {
			f := explain(ctx, "", err)
			t.Error = f.Error()
			return t, f
		}
	}
	return t, nil
}

func (t *Target) ask(ctx context.Context, client *http.Client, took *float64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(t.URL, "/")+"/readyz", nil)
	if err != nil {
		return err
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	*took = ms(time.Since(began))
	if err != nil {
		return err
	}
	t.StatusCode, t.Ready = resp.StatusCode, resp.StatusCode == http.StatusOK
	t.ServerTiming = resp.Header.Get("Server-Timing")
	if n, err := strconv.ParseInt(resp.Header.Get("X-DB-Turns"), 10, 64); err == nil {
		t.DBTurns = &n
	}
	t.readReadiness(body)
	return nil
}

// readReadiness takes what /readyz says about the way to the database.
func (t *Target) readReadiness(body []byte) {
	var said api.Readiness
	if err := json.Unmarshal(body, &said); err != nil {
		return // not ours: nothing is known
	}
	t.Reason, t.Version, t.Commit, t.ExecMode = said.Reason, said.Version, said.Commit, said.ExecMode
	if said.Proof == "" {
		return // it has not come so far
	}
	t.ThroughPooler = "no"
	if said.ThroughPooler {
		t.ThroughPooler = "yes"
	}
}
