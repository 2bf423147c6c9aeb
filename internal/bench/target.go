package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/api"
)

// maxStatement bounds what is read of a server's statement about itself.
const maxStatement = 1 << 20

// ParseTarget reads the URL of a server under test: http or https, a host, no
// user, no query. Its path, if any, is put before each request's path.
func ParseTarget(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		// The error of url.Parse quotes its input, which may hold a password.
		return nil, errors.New("the target is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the target must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("the target has no host")
	case u.User != nil:
		return nil, errors.New("the target must not hold a user or a password")
	case strings.ContainsAny(raw, "?#"):
		return nil, errors.New("the target must end before its query")
	case encodedPath(u) != "" && CheckPath(encodedPath(u)) != nil:
		return nil, fmt.Errorf("the target's path cannot be sent: %w", CheckPath(encodedPath(u)))
	}
	return u, nil
}

// Loopback reports whether a target is on this machine by its address; a name
// other than localhost is not looked up.
func Loopback(u *url.URL) bool {
	host := u.Hostname()
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// Allowed judges whether a load test may be pointed at a target: this machine
// always, another host only by its own name.
func Allowed(u *url.URL, hosts []string) error {
	if Loopback(u) || slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, u.Hostname()) }) {
		return nil
	}
	return &PlanError{
		fmt.Sprintf("%s is not this machine, and a load test may do harm there", u.Hostname()),
		"If that is the server you mean: --allow-host " + u.Hostname(),
	}
}

// Ask reads what the target says about itself on /readyz: whether it is ready,
// and how it reaches its database. A server that has no /readyz gives an error.
func (h *Hitter) Ask(ctx context.Context) (server Server, ready bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	req, err := h.newRequest(ctx, http.MethodGet, "/readyz", http.NoBody)
	if err != nil {
		return Server{}, false, err
	}
	reply, err := (&http.Client{Transport: h.transport, CheckRedirect: stay}).Do(req)
	if err != nil {
		return Server{}, false, fmt.Errorf("asking %s whether it is ready: %w", h.base.Host, cause(err))
	}
	defer func() { err = errors.Join(err, reply.Body.Close()) }()
	var said struct {
		api.Readiness
		ThroughPooler *bool `json:"through_pooler"` // nil: another server than honeydue
	}
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxStatement))
	if err != nil {
		return Server{}, false, fmt.Errorf("reading /readyz of %s: %w", h.base.Host, err)
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return Server{}, false, fmt.Errorf("%s has no /readyz that answers in JSON (status %d): is it honeydue?", h.base.Host, reply.StatusCode)
	}
	return Server{
		Version: said.Version, Commit: said.Commit, ThroughPooler: said.ThroughPooler, PoolerProof: said.Proof,
		Ablated: said.Ablated, StartedAt: said.StartedAt,
	}, reply.StatusCode == http.StatusOK, nil
}

// Login gets a token for one account.
func (h *Hitter) Login(ctx context.Context, email, password string) (user User, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		return User{}, err
	}
	req, err := h.newRequest(ctx, http.MethodPost, "/api/auth/login/", bytes.NewReader(body))
	if err != nil {
		return User{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	reply, err := (&http.Client{Transport: h.transport, CheckRedirect: stay}).Do(req)
	if err != nil {
		return User{}, fmt.Errorf("logging in at %s: %w", h.base.Host, cause(err))
	}
	defer func() { err = errors.Join(err, reply.Body.Close()) }()
	var said struct {
		Token string `json:"token"`
		User  struct {
			ID int64 `json:"id"`
		} `json:"user"`
	}
	if err := json.NewDecoder(io.LimitReader(reply.Body, maxStatement)).Decode(&said); err != nil || !plainToken(said.Token) {
		return User{}, fmt.Errorf("logging in at %s gave no token (status %d)", h.base.Host, reply.StatusCode)
	}
	return User{ID: said.User.ID, Token: NewToken(said.Token)}, nil
}

// cause takes the URL off an http.Client's error; the message around it names the host.
func cause(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
