package api

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// TestEachListGoesOnFromItsCursor: page by page, every list has all of its
// items once, in the order of their ids.
func TestEachListGoesOnFromItsCursor(t *testing.T) {
	const items = 40 // more than one letter of a cursor
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	ctx, h := t.Context(), s.home()
	for i := range items {
		name := fmt.Sprint("No. ", i)
		_, err := s.db.CreateResidence(ctx, s.write(), h.owner.ID, household.NewResidence{Name: name})
		must(t, 0, err)
		_, err = s.db.CreateContractor(ctx, s.write(), h.owner.ID, household.NewContractor{ResidenceID: h.id, Name: name})
		must(t, 0, err)
		_, err = s.db.CreateDocument(ctx, s.write(), h.owner.ID, household.NewDocument{ResidenceID: h.id, Title: name})
		must(t, 0, err)
		task, err := s.db.CreateTask(ctx, s.write(), h.owner.ID, household.NewTask{ResidenceID: h.id, Title: name})
		must(t, 0, err)
		w := s.write()
		w.Residences = []int64{h.id}
		_, err = s.db.ArchiveTask(ctx, w, h.owner.ID, task.ID, task.CreatedAt)
		must(t, 0, err)
		s.issue(h)
	}
	type item struct {
		ID int64 `json:"id"`
	}
	for path, count := range map[string]int{
		"/api/residences/?": items + 1, "/api/contractors/?": items + 1, "/api/documents/?": items + 1,
		"/api/tasks/?archived=true&":                          items,
		fmt.Sprintf("/api/residences/%d/share-codes/?", h.id): items + 1,
	} {
		var ids []int64
		for cursor, pages := "", 1; ; pages++ {
			l := want[List[item]](t, p.get(path+"limit=7"+cursor, h.owner.token), http.StatusOK)
			for _, i := range l.Items {
				ids = append(ids, i.ID)
			}
			if l.NextCursor == nil {
				if pages != 6 {
					t.Errorf("%s has %d pages, want 6", path, pages)
				}
				break
			}
			cursor = "&cursor=" + *l.NextCursor
		}
		if len(ids) != count || !slices.IsSorted(ids) || len(slices.Compact(ids)) != count {
			t.Errorf("%s has the items %v, want %d", path, ids, count)
		}
	}
}
