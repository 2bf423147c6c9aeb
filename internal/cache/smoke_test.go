package cache

import (
	"context"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

func TestSmoke(t *testing.T) {
	for name, url := range map[string]string{"redis": labtest.Redis(t), "in-process": ""} {
		t.Run(name, func(t *testing.T) {
			c, d := opened(t, Config{URL: url}), &database{}
			hash := TokenHash("t")
			q := Question{Token: hash, List: "tasks"}
			r := c.Read(t.Context(), q)
			if r.Why != "no-lease" {
				t.Fatalf("%+v", r)
			}
			swept(t, c, d)
			r = c.Read(t.Context(), q)
			if r.Token != Miss || r.ListVerdict != Miss {
				t.Fatalf("%+v", r)
			}
			c.Fill(t.Context(), r, Answer{User: person(), ResidenceIDs: []int64{5, 3}, Body: []byte("body")})
			if !r.Stored {
				t.Fatalf("%+v", r)
			}
			r = c.Read(t.Context(), q)
			if r.ListVerdict != Hit || string(r.Body) != "body" || r.UserID != 7 {
				t.Fatalf("%+v", r)
			}
			if _, ok := c.User(r); !ok {
				t.Fatal("no user")
			}
			r2 := c.Read(t.Context(), Question{Token: hash, List: "tasks", IfNoneMatch: r.ETag})
			if !r2.NotModified || r2.ETag != r.ETag {
				t.Fatalf("%+v", r2)
			}
			h := c.Hold(t.Context(), ResidenceScope(3))
			r = c.Read(t.Context(), q)
			if r.Why != "held" {
				t.Fatalf("%+v", r)
			}
			d.commit(h.ID, ResidenceScope(3))
			c.Release(t.Context(), h, Effects{Committed: true})
			r = c.Read(t.Context(), q)
			if r.ListVerdict != Miss || r.token.flight == "" || r.Token != Hit {
				t.Fatalf("%+v", r)
			}
			a, err := c.Load(t.Context(), r, func(ctx context.Context) (Answer, error) {
				return Answer{User: person(), ResidenceIDs: []int64{5, 3}, Body: []byte("new")}, nil
			})
			if err != nil || string(a.Body) != "new" || !r.Stored {
				t.Fatalf("%+v %v", r, err)
			}
			swept(t, c, d)
			r = c.Read(t.Context(), q)
			if r.ListVerdict != Hit {
				t.Fatalf("after the sweep: %+v", r)
			}
		})
	}
}
