package api

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

func newTestLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// drivers says for each route how a request of it looks that succeeds when the
// home's owner sends it: its path and body. A route without a driver fails the tests.
func drivers() map[string]func(*stage, home) (path, body string) {
	fixed := func(path, body string) func(*stage, home) (string, string) {
		return func(*stage, home) (string, string) { return path, body }
	}
	residence := func(rest, body string) func(*stage, home) (string, string) {
		return func(_ *stage, h home) (string, string) { return fmt.Sprintf("/api/residences/%d/%s", h.id, rest), body }
	}
	member := func(body string) func(*stage, home) (string, string) {
		return func(_ *stage, h home) (string, string) {
			return fmt.Sprintf("/api/residences/%d/users/%d/", h.id, h.victim.ID), body
		}
	}
	task := func(rest, body string) func(*stage, home) (string, string) {
		return func(_ *stage, h home) (string, string) { return fmt.Sprintf("/api/tasks/%d/%s", h.task, rest), body }
	}
	within := func(path, body string) func(*stage, home) (string, string) {
		return func(_ *stage, h home) (string, string) { return path, fmt.Sprintf(body, h.id) }
	}
	return map[string]func(*stage, home) (string, string){
		"register": func(s *stage, _ home) (string, string) {
			return "/api/auth/register/", fmt.Sprintf(`{"email":"new-%d@example.org","password":%q,"name":"New"}`, s.n.Add(1), password)
		},
		"login": func(_ *stage, h home) (string, string) {
			return "/api/auth/login/", fmt.Sprintf(`{"email":%q,"password":%q}`, h.owner.Email, password)
		},
		"logout":           fixed("/api/auth/logout/", ""),
		"me":               fixed("/api/auth/me/", ""),
		"update_me":        fixed("/api/auth/me/", `{"name":"Other"}`),
		"residence_list":   fixed("/api/residences/", ""),
		"create_residence": fixed("/api/residences/", `{"name":"Cabin"}`),
		"join_residence": func(s *stage, _ home) (string, string) {
			return "/api/residences/join-with-code/", fmt.Sprintf(`{"code":%q}`, s.code(s.home()))
		},
		"get_residence":     residence("", ""),
		"update_residence":  residence("", `{"name":"Castle"}`),
		"delete_residence":  residence("", ""),
		"create_share_code": residence("share-code/", ""),
		"list_share_codes":  residence("share-codes/", ""),
		"revoke_share_code": func(s *stage, h home) (string, string) {
			return fmt.Sprintf("/api/residences/%d/share-codes/%d/", h.id, s.issue(h).ID), ""
		},
		"list_members":     residence("users/", ""),
		"set_member_role":  member(`{"role":"admin"}`),
		"remove_member":    member(""),
		"task_board":       fixed("/api/tasks/", ""),
		"create_task":      within("/api/tasks/", `{"residence_id":%d,"title":"Mow"}`),
		"get_task":         task("", ""),
		"update_task":      task("", `{"title":"Mow"}`),
		"delete_task":      task("", ""),
		"complete_task":    task("complete/", ""),
		"uncomplete_task":  task("complete/", ""),
		"list_completions": task("completions/", ""),
		"delete_completion": func(s *stage, h home) (string, string) {
			done, err := s.db.CompleteTask(s.t.Context(), s.writeIn(h.id), h.owner.ID, h.task, time.Now(), household.NewCompletion{})
			must(s.t, done, err)
			return fmt.Sprintf("/api/tasks/%d/completions/%d/", h.task, *done.CompletionID), ""
		},
		"start_task":        task("start/", ""),
		"unstart_task":      task("start/", ""),
		"archive_task":      task("archive/", ""),
		"unarchive_task":    task("archive/", ""),
		"contractor_list":   fixed("/api/contractors/", ""),
		"create_contractor": within("/api/contractors/", `{"residence_id":%d,"name":"Flo"}`),
		"delete_contractor": func(_ *stage, h home) (string, string) {
			return fmt.Sprintf("/api/contractors/%d/", h.contractor), ""
		},
		"document_list":   fixed("/api/documents/", ""),
		"create_document": within("/api/documents/", `{"residence_id":%d,"title":"Deed"}`),
		"delete_document": func(_ *stage, h home) (string, string) {
			return fmt.Sprintf("/api/documents/%d/", h.document), ""
		},
		"sync":        fixed("/api/sync/", ""),
		"static_data": fixed("/api/static-data/", ""),
		"livez":       fixed("/livez", ""),
		"readyz":      fixed("/readyz", ""),
		"startupz":    fixed("/startupz", ""),
		"openapi":     fixed("/api/openapi.json", ""),
		"docs":        fixed("/api/docs/", ""),
	}
}

// drive makes a fresh home and the request of the route in it.
func drive(t *testing.T, s *stage, r Route) (home, request) {
	t.Helper()
	d, ok := drivers()[r.ID]
	if !ok {
		t.Fatalf("route %s has no driver: say in drivers_test.go what a request of it looks like", r.ID)
	}
	h := s.home()
	path, body := d(s, h)
	return h, request{method: r.Method, path: path, token: h.owner.token, body: body}
}
