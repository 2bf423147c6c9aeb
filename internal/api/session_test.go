package api

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// TestTextsAndDatesSurviveTheDatabasesSettings: what a client sends comes back, whatever the database has set.
func TestTextsAndDatesSurviveTheDatabasesSettings(t *testing.T) {
	for _, setting := range []string{
		"datestyle = 'German, DMY'", "datestyle = 'SQL, MDY'", "client_encoding = 'LATIN1'", "timezone = 'Pacific/Chatham'",
		"standard_conforming_strings = off", "bytea_output = 'escape'", "intervalstyle = 'sql_standard'",
	} {
		t.Run(setting, func(t *testing.T) {
			const text = `Grüße 漢字`
			env := labtest.Database(t, store.Migrate)
			u, err := url.Parse(env.DirectURL)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(u.Path, "/")
			if err := labtest.Lab(t).Administer(t.Context(), name, "ALTER DATABASE "+name+" SET "+setting); err != nil {
				t.Fatal(err)
			}
			p := newPod(t, env)
			type session struct {
				Token string
				User  household.User
			}
			body := `{"email":"a@example.com","password":"longenough1","name":"` + text + `"}`
			registered := want[session](t, p.post("/api/auth/register/", "", body), http.StatusCreated)
			again := want[session](t, p.post("/api/auth/login/", "", `{"email":"a@example.com","password":"longenough1"}`), http.StatusOK)
			if registered.User.Name != text || again.User != registered.User {
				t.Errorf("registered %+v, logged in as %+v", registered.User, again.User)
			}
			// A text that is read back as it was written may be stored garbled all the same.
			if got := storedName(t, env.DirectURL); got != hex.EncodeToString([]byte(text)) {
				t.Errorf("the name is stored as %s", got)
			}
			home := want[household.Residence](t, p.post("/api/residences/", again.Token, `{"name":"`+text+`","time_zone":"Europe/Berlin"}`), http.StatusCreated)
			made := want[household.Task](t, p.post("/api/tasks/", again.Token,
				`{"residence_id":`+fmt.Sprint(home.ID)+`,"title":"`+text+`","due_date":"2027-03-04"}`), http.StatusCreated)
			board := p.get("/api/tasks/", again.Token)
			if body := string(board.body); board.status != http.StatusOK || strings.Count(body, text) == 0 || !strings.Contains(body, `"2027-03-04"`) {
				t.Errorf("the board is %s", board)
			}
			if got := want[household.Task](t, p.get("/api/tasks/"+fmt.Sprint(made.ID)+"/", again.Token), http.StatusOK); got.Title != text || got.DueDate.String() != "2027-03-04" || !got.CreatedAt.Equal(made.CreatedAt) {
				t.Errorf("the task is %+v, and was %+v", got, made)
			}
		})
	}
}

// storedName is the UTF-8 of the only user's name in hex, whatever the session's encoding.
func storedName(t *testing.T, directURL string) (name string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), directURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if err := conn.QueryRow(t.Context(), "SELECT encode(convert_to(name, 'UTF8'), 'hex') FROM users").Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestAWriteWhoseRowCannotBeReadIsNotForgotten: it is committed, so the lists that it changes are read anew although
// the answer is 500.
func TestAWriteWhoseRowCannotBeReadIsNotForgotten(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p := newPod(t, env)
	h := newStage(t, env).home()
	board := func() string {
		r := p.get("/api/tasks/", h.owner.token)
		if r.status != http.StatusOK {
			t.Fatalf("the board: %s", r)
		}
		return string(r.body)
	}
	board()
	u, err := url.Parse(env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	// The board's cards need no description; what a write returns does.
	err = labtest.Lab(t).Administer(t.Context(), strings.TrimPrefix(u.Path, "/"),
		`ALTER TABLE tasks ALTER description DROP NOT NULL`,
		`CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.description := NULL; RETURN NEW; END'`,
		`CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION spoil()`)
	if err != nil {
		t.Fatal(err)
	}
	create := `{"residence_id":` + fmt.Sprint(h.id) + `,"title":"committed all the same"}`
	if r := p.post("/api/tasks/", h.owner.token, create); r.status != http.StatusInternalServerError {
		t.Fatalf("the row was read: %s", r)
	}
	if got := board(); !strings.Contains(got, "committed all the same") {
		t.Errorf("the board is the one from before the write: %s", got)
	}
	patch := request{http.MethodPatch, "/api/tasks/" + fmt.Sprint(h.task) + "/", h.owner.token, `{"title":"changed all the same"}`}
	if r := p.send(patch); r.status != http.StatusInternalServerError {
		t.Fatalf("the row was read: %s", r)
	}
	if got := board(); !strings.Contains(got, "changed all the same") {
		t.Errorf("the board is the one from before the change: %s", got)
	}
}
