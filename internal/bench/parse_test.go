package bench

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/api"
)

func TestStateOf(t *testing.T) {
	for header, want := range map[string]State{
		"token; hit, user; hit, residence-ids; hit":                Warm,
		"token; fwd=miss, user; fwd=miss, residence-ids; fwd=miss": Cold,
		"token; hit, user; fwd=miss, residence-ids; hit":           Partly,
		"token;hit;ttl=30,user; ttl=3; hit":                        Warm,
		"token; fwd=bypass; detail=redis-unreachable, user; hit":   Cold,
		"token; hit, residence-ids; fwd=stale; detail=wrong":       Partly,
		"":      NotStated,
		" , ":   NotStated,
		"other": Partly,
	} {
		if got := stateOf(header); got != want {
			t.Errorf("stateOf(%q) = %s, want %s", header, got, want)
		}
	}
}

func FuzzServerReplyHeaders(f *testing.F) {
	f.Add(`db;dur=112.400;desc="1 turn", app;dur=1`)
	f.Add(`a;desc="\"`)
	f.Add("token; hit, user; fwd=miss")
	f.Fuzz(func(t *testing.T, header string) {
		for name, v := range api.ParseServerTiming(header) {
			if !(v >= 0) || !strings.HasSuffix(name, "_ms") {
				t.Errorf("%q: %v", name, v)
			}
		}
		stateOf(header)
	})
}

func TestReadUsers(t *testing.T) {
	users, err := ReadUsers(strings.NewReader("# tokens\n1 aaa\n\n 20\tbbb \n"))
	if err != nil || len(users) != 2 || users[1].ID != 20 || users[1].Token.secret != "bbb" {
		t.Errorf("users %v, error %v", users, err)
	}
	for name, text := range map[string]string{
		"no token":      "1\n",
		"three fields":  "1 sesame open\n",
		"no id":         "sesame 1\n",
		"id of zero":    "0 sesame\n",
		"the same user": "1 sesame\n1 other\n",
		"not a header":  "1 ses\x7fame\n",
	} {
		_, err := ReadUsers(strings.NewReader(text))
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "sesame") || !strings.Contains(err.Error(), "line") {
			t.Errorf("%s: %v: it must name the line and must not quote it", name, err)
		}
	}
}

func FuzzReadUsers(f *testing.F) {
	f.Add("1 aaa\n2 bbb\n")
	f.Add("# x\n\n9223372036854775807 t\n")
	f.Fuzz(func(t *testing.T, text string) {
		users, err := ReadUsers(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, u := range users {
			if u.ID <= 0 || u.Token.Empty() || strings.ContainsAny(u.Token.secret, " \r\n\x00") {
				t.Errorf("user %d passed with a token that no header may carry", u.ID)
			}
		}
	})
}

func TestMixIsStableAndWeighted(t *testing.T) {
	m := testMix(t)
	users := testUsers(10)
	shots, asked := m.shared(users), map[string]int{}
	for seq := range uint64(10_000) {
		a, b := shots(seq), shots(seq)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("request %d is %v and %v", seq, a, b)
		}
		asked[a.Route]++
	}
	if n := asked["task_board"]; n < 7300 || n > 7700 {
		t.Errorf("3 of 4 requests should ask the board, %d of 10000 did", n)
	}
	seen := map[int64]bool{}
	cold := m.once(users)
	for seq := range uint64(len(users)) {
		if id := cold(seq).User.ID; seen[id] {
			t.Errorf("user %d is used twice", id)
		} else {
			seen[id] = true
		}
	}
}

func TestHotMixIsTheFourHotReads(t *testing.T) {
	m, err := HotMix()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range m.Routes() {
		got = append(got, r.Path)
	}
	slices.Sort(got)
	want := []string{"/api/contractors/", "/api/documents/", "/api/residences/", "/api/tasks/"}
	if !slices.Equal(got, want) {
		t.Errorf("the mix asks %q, want %q", got, want)
	}
}

func TestSlowestKeepsTheSlowest(t *testing.T) {
	var k slowest
	for i := range 1000 {
		d := time.Duration(scatter(uint64(i))%5000) * time.Millisecond
		k.observe(Sample{Seq: uint64(i)}, d)
	}
	if len(k) != keepSlowest {
		t.Fatalf("%d kept", len(k))
	}
	least := k[keepSlowest-1].latency
	above := 0
	for i := range 1000 {
		if time.Duration(scatter(uint64(i))%5000)*time.Millisecond > least {
			above++
		}
	}
	if above >= keepSlowest {
		t.Errorf("%d samples are slower than the last one kept", above)
	}
	for i := 1; i < len(k); i++ {
		if k[i].latency > k[i-1].latency {
			t.Errorf("not in order at %d", i)
		}
	}
}

func TestBreaker(t *testing.T) {
	var b breaker
	for i := range 1000 {
		if b.observe(i%2 == 0) {
			t.Fatalf("half failing tripped it at %d", i)
		}
	}
	for i := range breakerWindow {
		if b.observe(true) {
			if i > 5 {
				t.Errorf("tripped after %d more failures only", i)
			}
			return
		}
	}
	t.Error("a server that only fails did not trip it")
}

func TestTraceIDs(t *testing.T) {
	run := RunID{1, 2, 3, 4, 5, 6, 7, 8}
	if got, want := run.TraceID(2, 255), "010203040506070800000200000000ff"; got != want {
		t.Errorf("TraceID = %s, want %s", got, want)
	}
	if got, want := run.traceparent(2, 255), "00-010203040506070800000200000000ff-80000200000000ff-01"; got != want {
		t.Errorf("traceparent = %s, want %s", got, want)
	}
}
