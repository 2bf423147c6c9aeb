package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/alexedwards/argon2id"
)

// passwords hashes and compares, a bounded number at a time: a hash takes
// 19 MiB and tens of milliseconds of one core, and without a bound a burst of
// logins would take both away from everyone else.
type passwords struct {
	params  argon2id.Params
	decoy   string
	working chan struct{}
	waiting atomic.Int64
	queue   int64
}

// queuePerCore is how many may wait for each core before a login is told to
// come back: at ~30 ms a hash the last of them waits about half a second.
const queuePerCore = 16

func newPasswords() *passwords {
	cores := runtime.GOMAXPROCS(0)
	p := &passwords{
		// Second choice of the OWASP Password Storage Cheat Sheet for Argon2id,
		// 19 MiB: several fit into a pod's memory at once.
		params:  argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32},
		working: make(chan struct{}, cores),
		queue:   int64(cores * queuePerCore),
	}
	// No password has this hash; comparing with it costs what comparing with a real one does.
	b64 := base64.RawStdEncoding.EncodeToString
	p.decoy = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.params.Memory, p.params.Iterations,
		p.params.Parallelism, b64(make([]byte, p.params.SaltLength)), b64(make([]byte, p.params.KeyLength)))
	return p
}

// hash returns the encoded hash of a new password.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	var encoded string
	err := p.turn(ctx, func() (err error) {
		encoded, err = argon2id.CreateHash(password, &p.params)
		return err
	})
	return encoded, err
}

// noPassword begins what stands for a hash where a user has no password, as the seed leaves it.
const noPassword = "!"

// matches compares. An empty hash is that of an unknown user; it and that of a user without a password match nothing,
// and take as long.
func (p *passwords) matches(ctx context.Context, password, hash string) (bool, error) {
	if hash == "" || strings.HasPrefix(hash, noPassword) {
		hash = p.decoy
	}
	var ok bool
	err := p.turn(ctx, func() (err error) {
		ok, err = argon2id.ComparePasswordAndHash(password, hash)
		return err
	})
	return ok, err
}

// turn waits for a free core and works on it.
func (p *passwords) turn(ctx context.Context, work func() error) error {
	if p.waiting.Add(1) > p.queue {
		p.waiting.Add(-1)
		return newProblem(http.StatusTooManyRequests, codeBusy, "Too many people are logging in. Try again in a moment.").
			withHeader("Retry-After", retryAfterSeconds)
	}
	select {
	case p.working <- struct{}{}:
		p.waiting.Add(-1)
	case <-ctx.Done():
		p.waiting.Add(-1)
		return fmt.Errorf("wait for a core to hash a password: %w", context.Cause(ctx))
	}
	defer func() { <-p.working }()
	if err := work(); err != nil {
		return errors.Join(errors.New("hash a password"), err)
	}
	return nil
}
