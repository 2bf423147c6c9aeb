package api

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// TestCompletingTwiceIsSafe: a weekly task is completed, the reply is lost and
// the request sent again; and so with each undo.
func TestCompletingTwiceIsSafe(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	create := func(body string) household.Task {
		return want[household.Task](t, p.post("/api/tasks/", h.owner.token, fmt.Sprintf(body, h.id)), http.StatusCreated)
	}
	path := func(task household.Task, rest string) string { return fmt.Sprintf("/api/tasks/%d/%s", task.ID, rest) }
	complete := func(task household.Task, body string) reply {
		return p.post(path(task, "complete/"), h.member.token, body)
	}
	remove := func(path string) reply { return p.send(request{http.MethodDelete, path, h.member.token, ""}) }
	due := func(task household.Task) string {
		got := want[household.Task](t, p.get(path(task, ""), h.owner.token), http.StatusOK)
		return fmt.Sprint(got.DueDate)
	}

	weekly := create(`{"residence_id":%d,"title":"Bins","frequency":"weekly","due_date":"2101-03-10"}`)
	done := want[household.Completed](t, complete(weekly, `{"due_date":"2101-03-10","notes":"out"}`), http.StatusOK)
	if done.ID != weekly.ID || done.DueDate.String() != "2101-03-17" || done.CompletionID == nil || *done.CompletionID == 0 {
		t.Fatalf("completed: %+v", done)
	}
	for _, body := range []string{`{"due_date":"2101-03-10"}`, `{"due_date":null}`, `{"due_date":""}`, `{"due_date":"2101-03-24"}`} {
		isProblem(t, complete(weekly, body), http.StatusConflict, codeOccurrencePassed)
	}
	for _, body := range []string{`{"due_date":"2101-02-29"}`, `{"due_date":20}`, `{"due_date":"tomorrow"}`} {
		if got := isProblem(t, complete(weekly, body), http.StatusUnprocessableEntity, codeInvalid); len(got.Errors) != 1 {
			t.Errorf("%s: %+v", body, got.Errors)
		}
	}
	list := want[List[household.Completion]](t, p.get(path(weekly, "completions/"), h.member.token), http.StatusOK)
	if len(list.Items) != 1 || list.Items[0].ID != *done.CompletionID || list.Items[0].DueDate.String() != "2101-03-10" || list.Items[0].Notes != "out" {
		t.Errorf("completions: %+v", list)
	}
	// Whichever occurrence it is at: the task moves each time.
	second := want[household.Completed](t, complete(weekly, ""), http.StatusOK)
	if got := due(weekly); got != "2101-03-24" {
		t.Errorf("due %s", got)
	}
	first := want[List[household.Completion]](t, p.get(path(weekly, "completions/?limit=1"), h.member.token), http.StatusOK)
	if len(first.Items) != 1 || first.Items[0].ID != *second.CompletionID || first.NextCursor == nil {
		t.Fatalf("first page: %+v", first)
	}
	rest := want[List[household.Completion]](t, p.get(path(weekly, "completions/?limit=1&cursor="+*first.NextCursor), h.member.token), http.StatusOK)
	if len(rest.Items) != 1 || rest.Items[0].ID != *done.CompletionID || rest.NextCursor != nil {
		t.Errorf("second page: %+v", rest)
	}
	for range 3 {
		want[household.Task](t, remove(path(weekly, "complete/")), http.StatusOK)
		if got := due(weekly); got != "2101-03-17" {
			t.Errorf("undone to %s", got)
		}
	}
	one := path(weekly, fmt.Sprintf("completions/%d/", *done.CompletionID))
	if got := remove(one); got.status != http.StatusNoContent || due(weekly) != "2101-03-10" {
		t.Errorf("undone by its id: %s, due %s", got, due(weekly))
	}
	isProblem(t, remove(one), http.StatusNotFound, codeNotFound)

	once := create(`{"residence_id":%d,"title":"Shelf"}`)
	finished := want[household.Completed](t, complete(once, `{"due_date":null}`), http.StatusOK)
	isProblem(t, complete(once, `{"due_date":null}`), http.StatusConflict, codeOccurrencePassed)
	again := want[household.Completed](t, complete(once, `{}`), http.StatusOK)
	if again.CompletionID == nil || *again.CompletionID != *finished.CompletionID || again.Version != finished.Version {
		t.Errorf("completed again: %+v, was %+v", again, finished)
	}
}
