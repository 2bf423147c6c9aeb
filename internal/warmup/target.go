package warmup

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// answerTimeout bounds one answer of the target.
const answerTimeout = 10 * time.Second

// target asks a running server for one read, twice: the board of the token's user, or /readyz where no
// token was given. The first answer is what its first user would have waited for.
func (w *warmer) target(ctx context.Context, s *Step) error {
	if w.config.TargetURL == "" {
		return skip("No --target was given.")
	}
	u, err := url.Parse(w.config.TargetURL)
	if err != nil || u.Host == "" {
		return fmt.Errorf("--target is not the URL of a server; write it as http://host:port")
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	path := "/readyz"
	if w.config.Token != "" {
		path = "/api/tasks/"
	}
	s.Measure = "GET " + path
	at := strings.TrimRight(u.String(), "/") + path
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var turns []string
	for _, took := range []*float64{&s.BeforeMS, &s.AfterMS} {
		n, err := w.read(ctx, client, at, took)
		if err != nil {
			return err
		}
		turns = append(turns, n)
	}
	s.Count = 1
	s.Detail = fmt.Sprintf("%s answers. Database turns: %s the first time, %s the second.", u.Host, turns[0], turns[1])
	if w.config.Token == "" {
		s.Detail = u.Host + " is ready. Give a user's token with --token-env for an authenticated read."
	}
	return nil
}

// read gets one answer whole and returns its number of database turns.
func (w *warmer) read(ctx context.Context, client *http.Client, at string, took *float64) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return "", err
	}
	if w.config.Token != "" {
		req.Header.Set("Authorization", "Token "+w.config.Token)
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("the server at %s does not answer: %w", req.URL.Host, err)
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", fmt.Errorf("the answer from %s broke off: %w", req.URL.Host, err)
	}
	*took = ms(time.Since(began))
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the server at %s answers %d to GET %s", req.URL.Host, resp.StatusCode, req.URL.Path)
	}
	turns := resp.Header.Get("X-DB-Turns")
	if turns == "" {
		return "an unknown number", nil
	}
	return turns, nil
}
