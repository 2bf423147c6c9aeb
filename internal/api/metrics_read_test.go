package api

import (
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// Every name that is read is on the page of a server that has seen all of it: hits, and a Redis that is gone.
func TestParseMetricsReadsWhatAServerSays(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})) // as telemetry does
	h := s.home()
	p.warm(h.owner)
	p.warm(h.owner)
	if err := p.redis.Close(); err != nil {
		t.Fatal(err)
	}
	want[any](t, p.get("/api/tasks/", h.owner.token), http.StatusOK)

	admin := httptest.NewServer(NewAdmin(p.registry, p.server))
	t.Cleanup(admin.Close)
	page := (&pod{t: t, url: admin.URL}).get("/metrics", "")
	m, err := ParseMetrics(strings.NewReader(string(page.body)))
	if err != nil || !m.Honeydue {
		t.Fatalf("%+v, %v", m, err)
	}
	asked := 0
	readMetrics(func(name string) *dto.MetricFamily {
		asked++
		if !strings.Contains(string(page.body), "# TYPE "+name+" ") {
			t.Errorf("no %s in /metrics", name)
		}
		return nil
	})
	if asked < 10 {
		t.Errorf("only %d names are read", asked)
	}
	if lists := m.Cache(cache.EntryList); lists.Hits == 0 || lists.Asked <= lists.Hits {
		t.Errorf("lists: %+v", lists)
	}
	if len(m.Lists) != len(cache.Lists()) || m.Lists[0].List != cache.Tasks {
		t.Fatalf("lists: %+v", m.Lists)
	}
	board := m.Lists[0].Outcomes
	if len(board) != len(cache.Outcomes()) || board[cache.ListHit] == 0 || board[cache.Unreached] != 1 || m.Lists[1].Outcomes[cache.ListHit] != 0 {
		t.Errorf("the board's reads: %v", board)
	}
	for name, got := range map[string]float64{
		"acquires": m.PoolAcquires, "the time of acquires": m.PoolAcquireSeconds, "turns": m.PoolTurns, "idle connections": m.PoolIdle, "the most connections": m.PoolMax,
		"users": m.CacheUsers, "errors of Redis": m.RedisErrors, "CPU": m.CPUSeconds, "cores": m.Cores, "memory": m.MemoryBytes, "goroutines": m.Goroutines,
	} {
		if !(got > 0) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestParseMetricsOfOthers(t *testing.T) {
	m, err := ParseMetrics(strings.NewReader("process_cpu_seconds_total 1\n"))
	if err != nil || m.Honeydue || m.CPUSeconds != 1 || !math.IsNaN(m.PoolMax) || !math.IsNaN(m.RedisErrors) || !math.IsNaN(m.Cache(cache.EntryList).Asked) {
		t.Errorf("another server's page: %+v, %v", m, err)
	}
	m, err = ParseMetrics(strings.NewReader("honeydue_db_pool_acquires_total 0\n"))
	if err != nil || !m.Honeydue || m.Cache(cache.EntryList) != (CacheReads{Cache: cache.EntryList}) {
		t.Errorf("a server that nobody has asked yet: %+v, %v", m, err)
	}
	m, err = ParseMetrics(strings.NewReader("honeydue_cache_sweeps_total{outcome=\"done\"} 3\nhoneydue_cache_sweeps_total{outcome=\"overtaken\"} 2\n"))
	if err != nil || m.Sweeps != 3 {
		t.Errorf("three sweeps of five: %+v, %v", m, err)
	}
	if _, err := ParseMetrics(strings.NewReader("<html>no metrics</html>")); err == nil {
		t.Error("a page of something else was read")
	}
}
