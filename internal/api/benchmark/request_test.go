package benchmark

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// sink is a reply that goes nowhere.
type sink struct {
	header http.Header
	status int
	bytes  int
}

func (s *sink) Header() http.Header { return s.header }

func (s *sink) WriteHeader(status int) { s.status = status }

func (s *sink) Write(b []byte) (int, error) {
	s.bytes += len(b)
	return len(b), nil
}

// BenchmarkRequest is what the handler takes, without net/http and a client
// around it: go test -bench Request -benchmem ./internal/api/benchmark.
func BenchmarkRequest(b *testing.B) {
	env, token := seededBoard(b, time.Now())
	rdb := redisClient(b, env)
	p, forgetful := newPod(b, env, podOptions{}), newPod(b, env, podOptions{nearBytes: -1})
	keep(b, p)
	_, etag := warm(b, p, token)
	kinds := []struct {
		name, etag, status string
		pod                pod
		forget             bool
	}{
		{name: "hit", status: "list; hit", pod: p},
		{name: "hit, copy from Redis", status: "list; hit", pod: forgetful},
		{name: "304", etag: etag, status: "list; hit", pod: p},
		{name: "miss", status: "list; fwd=miss; stored", pod: forgetful, forget: true},
	}
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			r := boardRequest(b, token)
			if k.etag != "" {
				r.Header.Set("If-None-Match", k.etag)
			}
			other := 0
			b.ReportAllocs()
			for b.Loop() {
				if k.forget {
					b.StopTimer()
					if err := rdb.Del(b.Context(), copiesOf(b, rdb)...).Err(); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				w := &sink{header: http.Header{}}
				k.pod.ServeHTTP(w, r)
				if !strings.Contains(w.header.Get("Cache-Status"), k.status) {
					other++
				}
			}
			b.ReportMetric(float64(other)/float64(b.N), "other/op")
		})
	}
}
