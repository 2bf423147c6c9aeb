package cache

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

const someDigest = "0123456789abcdef0123456789abcdef01234567"

func TestETag(t *testing.T) {
	now := time.UnixMilli(1_764_000_000_000)
	forever, today := stamp{digest: someDigest}, stamp{someDigest, now.Add(time.Millisecond)}
	cases := []struct {
		name, header string
		want         stamp
	}{
		{"what we sent", today.etag(), today},
		{"a copy that does not age", forever.etag(), forever},
		{"by a proxy that made it strong", strings.TrimPrefix(forever.etag(), "W/"), forever},
		{"aged", stamp{someDigest, now}.etag(), stamp{}},
		{"a list of tags", `"abc", ` + stamp{someDigest, now}.etag() + `,W/"x.y",  ` + today.etag(), today},
		{"any", "*", stamp{}},
		{"never closed", strings.TrimSuffix(forever.etag(), `"`), stamp{}},
		{"nothing", "", stamp{}},
		{"another encoding", strings.Replace(forever.etag(), `"`+Encoding+".", `"`+Encoding+"1.", 1), stamp{}},
		{"a short digest", `W/"` + Encoding + `.0.abc"`, stamp{}},
		{"capitals", strings.ToUpper(forever.etag()), stamp{}},
		{"no number", `W/"` + Encoding + `.!.` + someDigest + `"`, stamp{}},
		{"before the beginning", `W/"` + Encoding + `.-1.` + someDigest + `"`, stamp{}},
		{"garbage", strings.Repeat(`W/"",`, 50) + "\x00", stamp{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := stamp{}
			if all := parseIfNoneMatch(c.header, now); len(all) > 0 {
				got = all[0]
			}
			if got.digest != c.want.digest || !got.until.Equal(c.want.until) {
				t.Errorf("%q is %v, want %v", c.header, got, c.want)
			}
		})
	}
}

// TestA304Ages: the client's copy and Redis' own end at valid_until, though
// nothing was written.
func TestA304Ages(t *testing.T) {
	now := time.UnixMilli(1_764_000_000_000)
	c := opened(t, Config{URL: labtest.Redis(t), Now: func() time.Time { return now }})
	d := &database{}
	swept(t, c, d)
	midnight := now.Add(time.Hour)
	a := answer("today")
	a.ValidUntil = midnight
	q := tasks("t")
	warmed(t, c, q, a)
	r := c.Read(t.Context(), q)
	if q.IfNoneMatch = r.ETag; r.ETag == "" || r.Body != "today" {
		t.Fatalf("no copy: %+v", r)
	}
	now = midnight.Add(-time.Millisecond)
	if r := c.Read(t.Context(), q); !r.NotModified || r.ETag != q.IfNoneMatch || r.Body != "" {
		t.Errorf("just before midnight: %+v, want a 304", r)
	}
	if _, etag, ok, err := peeked(t, c, Copied{"tasks", 7}); err != nil || !ok || etag != q.IfNoneMatch {
		t.Errorf("peek finds %q, %v, %v", etag, ok, err)
	}
	now = midnight
	r = c.Read(t.Context(), q)
	if r.NotModified || r.ListVerdict != Miss {
		t.Errorf("at midnight: %+v, want a miss", r)
	}
	if _, _, ok, err := peeked(t, c, Copied{"tasks", 7}); err != nil || ok {
		t.Errorf("peek finds an aged copy: %v, %v", ok, err)
	}
	// The same versions, another day: the client's old copy is not the new one.
	a.Body, a.ValidUntil = []byte("tomorrow"), midnight.Add(time.Hour)
	c.Fill(t.Context(), r, a)
	if r := c.Read(t.Context(), q); r.NotModified || r.Body != "tomorrow" || r.ETag == q.IfNoneMatch {
		t.Errorf("after midnight: %+v", r)
	}
}

func FuzzParseIfNoneMatch(f *testing.F) {
	now := time.UnixMilli(1_764_000_000_000)
	f.Add(stamp{digest: someDigest}.etag())
	f.Add(`"a", W/"1.zz.` + someDigest + `"`)
	f.Add("*")
	f.Fuzz(func(t *testing.T, header string) {
		all := parseIfNoneMatch(header, now)
		if len(all) > maxStamps {
			t.Fatalf("%d stamps", len(all))
		}
		for _, s := range all {
			if !isDigest(s.digest) || !s.valid(now) || !strings.Contains(header, s.digest) {
				t.Fatalf("%q is taken for %v", header, s)
			}
			if again := parseIfNoneMatch(s.etag(), now); len(again) != 1 || again[0].digest != s.digest || !again[0].until.Equal(s.until) {
				t.Fatalf("%v comes back as %v", s, again)
			}
		}
	})
}

func FuzzParseCopy(f *testing.F) {
	f.Add(someDigest + stamp{}.validity() + digits(1, 16) + Answer{Body: []byte("body")}.rest())
	f.Add(someDigest + stamp{}.validity() + digits(1, 16) + Answer{Body: []byte("body"), Remake: []byte("of what")}.rest())
	f.Add(someDigest + stamp{}.validity() + digits(1, 16) + "0005body")
	f.Add(someDigest + "-000000000000001")
	f.Add("")
	f.Fuzz(func(t *testing.T, raw string) {
		k, ok := parseCopy(raw)
		if !ok {
			return
		}
		again := k.digest + k.validity() + digits(k.filled.UnixMilli(), 16) + Answer{Body: []byte(k.body), Remake: []byte(k.remake)}.rest()
		if again != raw && !strings.ContainsAny(raw[40:lengthAt], "-+") {
			t.Fatalf("%q comes back as %q", raw, again)
		}
	})
}

// FuzzUnderstand: whatever a script returns, a request goes on.
func FuzzUnderstand(f *testing.F) {
	for _, reply := range []string{
		"", "revoked", "held\n7\n;u7,a,b;;r1", "unleased\n7", "unknown\ne\n1\ncu7\nv\nodd", "known\n7\nv\n[1,2]\n3",
		"same\n7\nv\n" + someDigest, "hit\n7\nv\n" + someDigest + "000000000000000000000000000000000000body",
		"miss\n7\n1\ne\nd\n1\n\ncold\n2\nu7\nv\nr1\nv\ncu7\nw", "miss\n7\n1\ne\nd\n1\n\nnonsense\n-4\nu7", "miss\n7\n1\ne\nd\n1\n\n\n4611686018427387904\nu7",
		"miss\n7\n1\ne\nd\n1\n" + someDigest + "000000000000000100000000000000010001xbody\naged\n1\nu7\nv",
		"known\n99999999999999999999\nv", "hit\nx\nv\n" + someDigest + "0000000000000000",
	} {
		f.Add(reply, "tasks")
	}
	f.Fuzz(func(t *testing.T, reply, list string) {
		c := &Cache{metrics: newMetrics(), keeper: newKeeper(), near: newNear(-1), cfg: Config{}.withDefaults()}
		r := &Reading{question: Question{List: List(list)}}
		c.understand(r, strings.Split(reply, "\n"), stamps{{digest: someDigest}})
		if r.UserID < 0 || r.UserID != 0 && r.Token != Hit || r.NotModified && r.Body != "" {
			t.Fatalf("%q is understood as %+v", reply, r)
		}
		if r.token.epoch == "" && r.token.flight != "" {
			t.Fatalf("%q shares and fills nothing: %+v", reply, r)
		}
	})
}

func TestAnEmptyReplyIsABypass(t *testing.T) {
	c := &Cache{metrics: newMetrics(), keeper: newKeeper(), near: newNear(-1), cfg: Config{}.withDefaults()}
	r := &Reading{}
	if c.understand(r, nil, nil); r.Token != Bypass {
		t.Errorf("%+v", r)
	}
}
