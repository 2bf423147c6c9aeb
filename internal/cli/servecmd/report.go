package servecmd

import (
	"fmt"

	"github.com/honeydue/honeydue/internal/report"
	"github.com/honeydue/honeydue/internal/store"
)

// serveReport is the way in to a server with a household of its own. The password is meant to be read, so nothing
// masks it.
type serveReport struct {
	URL      string `json:"url"`
	DocsURL  string `json:"docs_url"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

func newServeReport(d store.Demo, url string) serveReport {
	return serveReport{URL: url, DocsURL: url + "/api/docs/", Email: d.Email, Password: d.Password}
}

// Document shows the login, and two lines for a shell.
func (r serveReport) Document() report.Document {
	return report.Document{
		Schema: "honeydue.serve/1",
		Blocks: []report.Block{
			report.KeyValues{Pairs: []report.Pair{
				{Key: "URL", Value: report.Text(r.URL)},
				{Key: "API", Value: report.Text(r.DocsURL)},
				{Key: "E-mail", Value: report.Text(r.Email)},
				{Key: "Password", Value: report.Text(r.Password)},
			}},
			report.Verbatim{Text: fmt.Sprintf(`TOKEN=$(curl -s %[1]s/api/auth/login/ -H 'Content-Type: application/json' -d '{"email":"%[2]s","password":"%[3]s"}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
curl -i -H "Authorization: Token $TOKEN" %[1]s/api/tasks/`, r.URL, r.Email, r.Password)},
		},
		Data: r,
	}
}
