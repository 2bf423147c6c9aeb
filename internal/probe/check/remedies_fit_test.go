package check

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// manifests are what production runs with; deploy-k3s/tuned_test.go holds them to internal/config's tuned values.
type manifests struct {
	redis       corev1.Container
	environment map[string]string
}

func readManifests(t *testing.T) manifests {
	t.Helper()
	base := filepath.Join("..", "..", "..", "deploy-k3s", "base")
	m := manifests{environment: map[string]string{}}
	f, err := os.Open(filepath.Join(base, "redis.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var d appsv1.Deployment
	if err := yaml.NewYAMLOrJSONDecoder(bufio.NewReader(f), 4096).Decode(&d); err != nil {
		t.Fatal(err)
	}
	m.redis = d.Spec.Template.Spec.Containers[0]
	text, err := os.ReadFile(filepath.Join(base, "honeydue.env"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			m.environment[name] = value
		}
	}
	return m
}

// parameter is what the manifests start Redis with; "?" if they leave it to Redis.
func parameter(m manifests, name string) string {
	i := slices.Index(m.redis.Args, "--"+name)
	if i < 0 {
		return "?"
	}
	return m.redis.Args[i+1]
}

// faulty says what is wrong with the settings in a text that people paste; nothing if they are the manifests' own, or the
// text says what else has to change, and Redis keeps within its pod.
func faulty(m manifests, text string) []string {
	var wrong []string
	limit := m.redis.Resources.Limits.Memory().Value()
	if patched := regexp.MustCompile(`limits/memory","value":"(\d+)Mi"`).FindStringSubmatch(text); patched != nil {
		n, _ := strconv.ParseInt(patched[1], 10, 64) // the expression lets digits through only
		limit = n << 20
	}
	differs := func(what, value, is string) {
		if value != is && is != "?" && !strings.Contains(text, "internal/config/tuned.go") {
			wrong = append(wrong, fmt.Sprintf("sets %s to %s, tuned is %s, and does not say that the decision changes", what, value, is))
		}
	}
	redis := func(name, value string) {
		value = strings.Trim(value, `'"`)
		differs(name, value, parameter(m, name))
		if name != "maxmemory" {
			return
		}
		mb, err := strconv.ParseInt(strings.TrimSuffix(value, "mb"), 10, 64)
		if err != nil || mb<<20 > limit*2/3 {
			wrong = append(wrong, fmt.Sprintf("sets maxmemory to %s in a pod of %d MB", value, limit>>20))
		}
	}
	for _, set := range regexp.MustCompile(`CONFIG SET ([a-z-]+) ('[^']*'|"[^"]*"|[^\s`+"`"+`]+)`).FindAllStringSubmatch(text, -1) {
		redis(set[1], set[2])
	}
	for _, set := range regexp.MustCompile(`args/(\d+)","value":"([^"]*)"`).FindAllStringSubmatch(text, -1) {
		i, _ := strconv.Atoi(set[1])
		redis(strings.TrimPrefix(m.redis.Args[i-1], "--"), set[2])
	}
	for _, set := range regexp.MustCompile(`set env deployment/honeydue ([A-Z_]+)=([^\s`+"`"+`]+)`).FindAllStringSubmatch(text, -1) {
		name, value := set[1], set[2]
		is, held := m.environment[name]
		switch {
		case name == "DB_HOST": // each overlay's own
		case name == "DB_MAX_CONNS": // no decision has settled it
			if value != is && !strings.Contains(text, "deploy-k3s/base/honeydue.env") {
				wrong = append(wrong, "sets DB_MAX_CONNS, and does not say where it stays set")
			}
		case !held:
			wrong = append(wrong, "sets "+name+", which the manifests don't")
		default:
			differs(name, value, is)
		}
	}
	return wrong
}

// TestRemediesFitTheManifests: no command that is pasted in an incident may undo a tuned value, or let Redis grow beyond
// its pod. The registry's remedies are looked at, the pages, and those that checks make up.
func TestRemediesFitTheManifests(t *testing.T) {
	m := readManifests(t)
	texts := map[string]string{}
	for _, c := range Registry() {
		texts[c.Code] = c.remedy
		page, err := os.ReadFile(filepath.Join("..", "..", "..", RunbookPage(c.Code)))
		if err != nil {
			t.Fatal(err)
		}
		texts[RunbookPage(c.Code)] = string(page)
	}
	made := func(name string, out Outcome) {
		if len(out.Hits) == 0 {
			t.Errorf("%s makes up no remedy: %+v", name, out)
		}
		for i, h := range out.Hits {
			texts[fmt.Sprintf("%s, hit %d", name, i)] = h.Remedy
		}
	}
	var settings []facts.Setting
	for name, value := range m.environment {
		settings = append(settings, facts.Setting{Name: name, Value: "other", Tuned: value, Drifted: name != "DB_HOST" && name != "DB_DIRECT_HOST"})
	}
	made("drifted", drifted(&facts.Observation{Config: facts.Config{Settings: settings}}))
	made("targetAcquires", targetAcquires(&facts.Observation{Target: &facts.Target{Metrics: &facts.TargetMetrics{Pool: facts.PoolMetrics{Max: 25, AcquiresDuring: 9, WaitedDuring: 9, MeanDuringMS: 9}}}}))
	for _, mb := range []int64{0, 6, 128, 255, 257, 512, 4096} {
		made(fmt.Sprintf("redisMemory at %d MB", mb), redisMemory(ofRedis(m, mb)))
	}
	for _, mb := range []int64{6, 128, 255, 256, 512, 4096} {
		made(fmt.Sprintf("redisEvictions at %d MB", mb), redisEvictions(ofRedis(m, mb)))
	}
	made("redisPolicy", redisPolicy(ofRedis(m, 256)))

	set := regexp.MustCompile(`CONFIG SET|set env|args/`)
	looked := 0
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		looked += len(set.FindAllString(texts[name], -1))
		for _, wrong := range faulty(m, texts[name]) {
			t.Errorf("%s %s", name, wrong)
		}
	}
	if looked < 50 {
		t.Errorf("%d settings were looked at", looked)
	}
	for _, bad := range []string{
		"CONFIG SET maxmemory 512mb   # internal/config/tuned.go", "CONFIG SET maxmemory 128mb", "CONFIG SET maxmemory-policy noeviction",
		`limits/memory","value":"512Mi"},{"path":"args/2","value":"512mb"}   # internal/config/tuned.go`, "set env deployment/honeydue USER_CACHE_TTL=30s",
	} {
		if len(faulty(m, bad)) == 0 {
			t.Errorf("%q is let through", bad)
		}
	}
}

// ofRedis is a Redis with that limit, whose policy drifted and which evicts what is asked for.
func ofRedis(m manifests, mb int64) *facts.Observation {
	limit := strconv.FormatInt(mb<<20, 10)
	return &facts.Observation{
		Config: facts.Config{RedisTuned: []facts.RedisParameter{
			{Name: "maxmemory", Tuned: parameter(m, "maxmemory"), Bytes: 256 << 20, Holds: func(v string) bool { return v == "268435456" }},
			{Name: "maxmemory-policy", Tuned: parameter(m, "maxmemory-policy"), Holds: func(v string) bool { return v == parameter(m, "maxmemory-policy") }},
		}},
		Pooler: &facts.PGServer{},
		Redis: &facts.RedisServer{Policy: "noeviction", MaxMemory: mb << 20, Facts: &facts.RedisFacts{
			First: map[string]string{}, Window: time.Second, Refused: map[string]*facts.Failure{},
			Last: map[string]string{"maxmemory": limit, "evicted_keys": "50", "keyspace_hits": "10", "keyspace_misses": "90"},
		}},
	}
}
