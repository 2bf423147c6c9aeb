package cache

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/link"
)

// ParseInfo reads the text of INFO: values by name, whatever their section.
func ParseInfo(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	return out
}

// InfoReader asks a Redis what it says about itself, over one connection of its
// own. It is for one goroutine at a time.
type InfoReader struct{ client *redis.Client }

// OpenInfo makes an InfoReader. It does not speak to Redis before Read, which
// dials again when the connection has broken. dials counts connections and
// turns; it may be nil.
func OpenInfo(url string, timeout time.Duration, dials *link.Dials) (*InfoReader, error) {
	opts, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	opts = tuned(opts, timeout)
	opts.PoolSize = 1
	if dials != nil {
		// Outside of TLS, whose handshake is then not counted; its turns once for a connection are all that is missed.
		dial := redis.NewDialer(opts)
		opts.Dialer = dials.Wrap(func(ctx context.Context, network, addr string) (net.Conn, error) { return dial(ctx, network, addr) })
	}
	return &InfoReader{client: redis.NewClient(opts)}, nil
}

// Read asks INFO: one turn on an open connection.
func (r *InfoReader) Read(ctx context.Context) (map[string]string, error) {
	text, err := r.client.Info(ctx).Result()
	if err != nil {
		return nil, err
	}
	return ParseInfo(text), nil
}

// Close ends the connection.
func (r *InfoReader) Close() error { return r.client.Close() }
