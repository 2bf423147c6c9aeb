package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// clusterAPI reads one path of the cluster's API.
type clusterAPI interface {
	get(ctx context.Context, path string) ([]byte, error)
}

// Answers of the API that mean something else than "it failed".
var (
	errForbidden    = errors.New("the cluster's API forbids it")               //nolint:gochecknoglobals // a sentinel, never written
	errNotFound     = errors.New("the cluster's API returned not found")       //nolint:gochecknoglobals // as above
	errUnauthorized = errors.New("the cluster's API rejected the credentials") //nolint:gochecknoglobals // as above
)

func openAPI(c facts.Cluster) (clusterAPI, error) {
	if c.URL == "" {
		if len(c.Kubectl) == 0 {
			return nil, errors.New("neither an API server nor kubectl is configured")
		}
		command := c.Kubectl
		if c.Context != "" {
			command = append(slices.Clip(command), "--context", c.Context)
		}
		return kubectl{command}, nil
	}
	token, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return nil, errors.New("cannot read the service account's token: the pod has none (automountServiceAccountToken)")
	}
	authority, err := os.ReadFile(c.CAFile)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(authority) {
		return nil, errors.New("cannot read the service account's certificate authority")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	return &inCluster{url: strings.TrimRight(c.URL, "/"), token: strings.TrimSpace(string(token)), client: &http.Client{Transport: transport}}, nil
}

// clusterReply bounds an answer: the metrics of a node with a hundred pods are 5 MB.
const clusterReply = 32 << 20

// inCluster asks the API server with the pod's service account.
type inCluster struct {
	url, token string
	client     *http.Client
}

func (a *inCluster) get(ctx context.Context, path string) (body []byte, err error) {
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+a.token)
		resp, err := a.client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }() // it has been read
		switch resp.StatusCode {
		case http.StatusOK:
		case http.StatusForbidden:
			return errForbidden
		case http.StatusNotFound:
			return errNotFound
		case http.StatusUnauthorized:
			return errUnauthorized
		default:
			return fmt.Errorf("the cluster's API answers %d", resp.StatusCode)
		}
		body, err = io.ReadAll(io.LimitReader(resp.Body, clusterReply))
		return err
	})
	return body, err
}

// kubectlDelay is how long a kubectl's pipes are read once it has ended: a child of it may keep them.
const kubectlDelay = 500 * time.Millisecond

// kubectl asks as the engineer does, by the context that his kubectl has.
type kubectl struct{ command []string }

func (k kubectl) get(ctx context.Context, path string) (body []byte, err error) {
	return k.run(ctx, "get", "--raw", path)
}

// current is the name of kubectl's current context; empty if it has none.
func (k kubectl) current(ctx context.Context) string {
	name, err := k.run(ctx, "config", "current-context")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}

func (k kubectl) run(ctx context.Context, args ...string) (body []byte, err error) {
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		args := append(k.command[1:len(k.command):len(k.command)], args...)
		cmd := exec.CommandContext(ctx, k.command[0], args...) //nolint:gosec // the operator names it
		// What kubectl has started, a plugin for credentials or the command within a wrapper, ends with it: it would
		// stay behind, and keep the pipes open.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		cmd.WaitDelay = kubectlDelay
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) { // that one has said all it had to say
			// kubectl's own words may name the user.
			switch text := said.String(); {
			case ctx.Err() != nil:
				return ctx.Err()
			case strings.Contains(text, "(Forbidden)"):
				return errForbidden
			case strings.Contains(text, "(NotFound)"):
				return errNotFound
			case strings.Contains(text, "(Unauthorized)"), strings.Contains(text, "must be logged in"):
				return errUnauthorized
			}
			return fmt.Errorf("kubectl failed: %w", err)
		}
		body = out.Bytes()
		return nil
	})
	return body, err
}
