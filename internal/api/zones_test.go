package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// TestTimeZonesAreRegions: others are refused, on creation and on a change, with
// the region to use.
func TestTimeZonesAreRegions(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	path := fmt.Sprintf("/api/residences/%d/", h.id)
	patch := func(body string) reply { return p.send(request{http.MethodPatch, path, h.owner.token, body}) }
	for zone, region := range map[string]string{
		"CET": "Europe/Berlin", "EET": "Europe/Athens", "MET": "Europe/Berlin", "WET": "Europe/Lisbon", "EST": "America/New_York",
		"EST5EDT": "America/New_York", "PST8PDT": "America/Los_Angeles", "MST": "America/Denver", "HST": "Pacific/Honolulu",
		"right/Europe/Paris": "Europe/Paris", "posix/Europe/Paris": "Europe/Paris", "europe/paris": "Europe/Paris", "utc": "UTC",
		"localtime": "Europe/Berlin", "posixrules": "Europe/Berlin", "Factory": "Europe/Berlin", "UTC+3": "Europe/Berlin", "Local": "Europe/Berlin",
	} {
		for _, got := range []reply{
			p.post("/api/residences/", h.owner.token, fmt.Sprintf(`{"name":"x","time_zone":%q}`, zone)),
			patch(fmt.Sprintf(`{"time_zone":%q}`, zone)),
		} {
			problem := isProblem(t, got, http.StatusUnprocessableEntity, codeInvalid)
			if len(problem.Errors) != 1 || problem.Errors[0].Field != "body.time_zone" || !strings.Contains(problem.Errors[0].Message, region) {
				t.Errorf("%s: %+v, want %s named", zone, problem.Errors, region)
			}
		}
	}
	for _, zone := range []string{"Europe/Paris", "Asia/Calcutta", "US/Eastern", "Etc/GMT+5", "GMT", "UTC"} {
		if got := want[household.Residence](t, patch(fmt.Sprintf(`{"time_zone":%q}`, zone)), http.StatusOK); got.TimeZone != zone {
			t.Errorf("%s became %s", zone, got.TimeZone)
		}
	}
}
