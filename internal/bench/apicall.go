package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// callTries bounds how often a call is made that the server puts off (429).
	callTries = 8
	// longestWait bounds what is waited for: a Retry-After beyond it is that of a limit
	// of attempts by the hour, and no time to stand by.
	longestWait = 10 * time.Second
	// callTimeout is the least that a call may take, however short a measured request's time is: a registration
	// waits for its turn to hash a password.
	callTimeout = 15 * time.Second
)

// StatusError is an answer of the API that is not the one asked for.
type StatusError struct {
	Method, Path string
	Status       int
	Code         string // of the problem, "" where there is none
}

// Error names the call and the answer; neither holds a secret.
func (e *StatusError) Error() string {
	if e.Code != "" {
		return fmt.Sprintf("%s %s answered %d (%s)", e.Method, e.Path, e.Status, e.Code)
	}
	return fmt.Sprintf("%s %s answered %d", e.Method, e.Path, e.Status)
}

// call makes one call of the API that is no part of the measurement: it sends
// in as JSON, if given, and reads the answer into out, if given. An answer other
// than 2xx is a *StatusError. A 429 is tried again after the time that it asks for,
// unless that is longer than longestWait.
func (h *Hitter) call(ctx context.Context, method, path string, token Token, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	for try := 1; ; try++ {
		wait, err := h.callOnce(ctx, method, path, token, body, out)
		if wait == 0 || try == callTries {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

// callOnce makes the call; a wait above zero says that it may be made again.
func (h *Hitter) callOnce(ctx context.Context, method, path string, token Token, body []byte, out any) (wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, max(h.timeout, callTimeout))
	defer cancel()
	req, err := h.newRequest(ctx, method, path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", h.userAgent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !token.Empty() {
		req.Header.Set("Authorization", "Token "+token.secret)
	}
	reply, err := (&http.Client{Transport: h.transport, CheckRedirect: stay}).Do(req)
	if err != nil {
		return 0, fmt.Errorf("%s %s at %s: %w", method, path, h.base.Host, cause(err))
	}
	defer func() { err = errors.Join(err, reply.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxStatement))
	if err != nil {
		return 0, fmt.Errorf("%s %s at %s: reading the answer: %w", method, path, h.base.Host, err)
	}
	if reply.StatusCode < 200 || reply.StatusCode > 299 {
		k := keeper{body: text}
		failure := &StatusError{Method: method, Path: path, Status: reply.StatusCode}
		if code := k.code(); isProblemCode(code) {
			failure.Code = code
		}
		if reply.StatusCode == http.StatusTooManyRequests {
			seconds, _ := strconv.Atoi(reply.Header.Get("Retry-After"))
			if seconds <= int(longestWait.Seconds()) {
				wait = max(time.Duration(seconds)*time.Second, 100*time.Millisecond)
			}
		}
		return wait, failure
	}
	if out == nil {
		return 0, nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return 0, fmt.Errorf("%s %s at %s answered %d with a body that is not the API's", method, path, h.base.Host, reply.StatusCode)
	}
	return 0, nil
}

// newRequest makes a request that is no part of the measurement.
func (h *Hitter) newRequest(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, h.base.String(), body)
	if err != nil {
		return nil, err
	}
	req.URL = requestURL(h.base, path)
	return req, nil
}

// RegistrationsLimited reports whether err is that of a target that admits no more
// registrations from here for now.
func RegistrationsLimited(err error) bool {
	own, ok := errors.AsType[*StatusError](err)
	return ok && own.Status == http.StatusTooManyRequests && own.Path == registerPath
}

// answered reports whether err is an answer with that status.
func answered(err error, status int) bool {
	own, ok := errors.AsType[*StatusError](err)
	return ok && own.Status == status
}
