package api

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

func (p *pod) join(token, code string) reply {
	p.t.Helper()
	return p.post("/api/residences/join-with-code/", token, fmt.Sprintf(`{"code":%q}`, code))
}

// TestACodeEndsWithThePeopleItIsAbout, on two pods: what one does, the other holds to.
func TestACodeEndsWithThePeopleItIsAbout(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, q, s := newPod(t, env), newPod(t, env), newStage(t, env)
	h := s.home()
	users := fmt.Sprintf("/api/residences/%d/users/", h.id)
	member := func(who person) string { return fmt.Sprintf("%s%d/", users, who.ID) }
	codes := fmt.Sprintf("/api/residences/%d/share-code/", h.id)
	issued := func(by person) household.IssuedShareCode {
		return want[household.IssuedShareCode](t, p.post(codes, by.token, ""), http.StatusCreated)
	}

	// The member joins by a code, is removed, and joins again.
	first, other := issued(h.owner), issued(h.owner)
	want[household.Residence](t, q.join(h.stranger.token, first.Code), http.StatusOK)
	want[any](t, p.send(request{http.MethodDelete, member(h.stranger), h.owner.token, ""}), http.StatusNoContent)
	for _, code := range []string{first.Code, other.Code} {
		isProblem(t, q.join(h.stranger.token, code), http.StatusNotFound, codeNotFound)
	}
	isProblem(t, q.join(s.person("Friend").token, first.Code), http.StatusNotFound, codeNotFound)
	want[household.Residence](t, q.join(s.person("Friend").token, other.Code), http.StatusOK)
	// A code that is made afterwards is an invitation again.
	want[household.Residence](t, q.join(h.stranger.token, issued(h.owner).Code), http.StatusOK)

	// A demoted admin's code.
	admins := issued(h.admin)
	want[household.Member](t, p.send(request{http.MethodPatch, member(h.admin), h.owner.token, `{"role":"member"}`}), http.StatusOK)
	isProblem(t, q.join(s.person("Friend").token, admins.Code), http.StatusNotFound, codeNotFound)
	isProblem(t, q.post(codes, h.admin.token, ""), http.StatusForbidden, codeForbidden)

	// Who leaves needs a new invitation; the owner can't leave.
	want[any](t, p.send(request{http.MethodDelete, member(h.victim), h.victim.token, ""}), http.StatusNoContent)
	isProblem(t, q.join(h.victim.token, other.Code), http.StatusNotFound, codeNotFound)
	isProblem(t, q.send(request{http.MethodDelete, member(h.victim), h.victim.token, ""}), http.StatusNotFound, codeNotFound)
	isProblem(t, q.send(request{http.MethodDelete, member(h.owner), h.owner.token, ""}), http.StatusForbidden, codeForbidden)
}

func TestShareCodesThroughTheAPI(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	now := time.Now().UTC().Truncate(time.Second)
	p, s := newPod(t, env, func(c *Config) { c.Now = func() time.Time { return now } }), newStage(t, env)
	h := s.home()
	base := fmt.Sprintf("/api/residences/%d/", h.id)
	made := p.post(base+"share-code/", h.admin.token, `{"expires_in_hours":72,"max_uses":1}`)
	c := want[household.IssuedShareCode](t, made, http.StatusCreated)
	if !c.ExpiresAt.Equal(now.Add(72*time.Hour)) || c.MaxUses == nil || *c.MaxUses != 1 || c.Uses != 0 || c.CreatedBy.UserID != h.admin.ID || len(c.Code) != 8 {
		t.Errorf("made %s", made)
	}
	one := fmt.Sprintf("%sshare-codes/%d/", base, c.ID)
	if got := made.header.Get("Location"); got != one {
		t.Errorf("Location %q, want %q", got, one)
	}
	plain := want[household.IssuedShareCode](t, p.post(base+"share-code/", h.owner.token, ""), http.StatusCreated)
	if !plain.ExpiresAt.Equal(now.Add(household.ShareCodeTTL)) || plain.MaxUses != nil {
		t.Errorf("without a body: %+v", plain)
	}
	for _, body := range []string{`{"expires_in_hours":0}`, `{"expires_in_hours":721}`, `{"max_uses":0}`, `{"max_uses":1001}`, `{"max_uses":"2"}`, `{"role":"admin"}`} {
		isProblem(t, p.post(base+"share-code/", h.owner.token, body), http.StatusUnprocessableEntity, codeInvalid)
	}
	// The list tells who made which code, and never the code.
	list := want[List[map[string]any]](t, p.get(base+"share-codes/?limit=2", h.admin.token), http.StatusOK)
	if len(list.Items) != 2 || list.NextCursor == nil { // the stage has made one
		t.Fatalf("listed %+v", list)
	}
	rest := want[List[map[string]any]](t, p.get(base+"share-codes/?cursor="+*list.NextCursor, h.owner.token), http.StatusOK)
	if len(rest.Items) != 1 || rest.NextCursor != nil {
		t.Fatalf("listed further %+v", rest)
	}
	for _, item := range append(list.Items, rest.Items...) {
		if _, there := item["code"]; there {
			t.Errorf("the list shows a code: %v", item)
		}
		by, _ := item["created_by"].(map[string]any)
		if item["id"] == nil || by["name"] == nil || by["user_id"] == nil || item["created_at"] == nil || item["expires_at"] == nil || item["uses"] == nil {
			t.Errorf("listed as %v", item)
		}
	}
	// The only use, repeated by the one who had it, and too late for anybody else.
	want[household.Residence](t, p.join(h.stranger.token, c.Code), http.StatusOK)
	want[household.Residence](t, p.join(h.stranger.token, c.Code), http.StatusOK)
	isProblem(t, p.join(s.person("Late").token, c.Code), http.StatusNotFound, codeNotFound)
	isProblem(t, p.send(request{http.MethodDelete, one, h.owner.token, ""}), http.StatusNotFound, codeNotFound)
	revoke := request{http.MethodDelete, fmt.Sprintf("%sshare-codes/%d/", base, plain.ID), h.admin.token, ""}
	want[any](t, p.send(revoke), http.StatusNoContent)
	isProblem(t, p.send(revoke), http.StatusNotFound, codeNotFound)
	isProblem(t, p.join(s.person("Late").token, plain.Code), http.StatusNotFound, codeNotFound)
}
