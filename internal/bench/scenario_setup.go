package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/household"
)

// registerPath is where accounts are made.
const registerPath = "/api/auth/register/"

// setupAtOnce is how many users are set up, or cleaned up, at the same time.
const setupAtOnce = 8

// ScenarioData is what a scenario made on its target and what became of it.
type ScenarioData struct {
	Run               string `json:"run"` // in the name of everything that was made
	AccountsMade      int    `json:"accounts_made"`
	ResidencesMade    int    `json:"residences_made"`
	TasksMade         int    `json:"tasks_made"` // before the first phase
	ContractorsMade   int    `json:"contractors_made"`
	ResidencesDeleted int    `json:"residences_deleted"`
	LoggedOut         int    `json:"logged_out"`
	AccountsLeft      int    `json:"accounts_left"` // the API can't delete an account
	Left              string `json:"left"`          // what stays on the target, in a sentence
	CleanedUp         bool   `json:"cleaned_up"`    // all that the API can remove is removed
}

// stays says what no clean-up through the API removes.
func (d ScenarioData) stays() string {
	if d.AccountsLeft == 0 && d.ResidencesDeleted == 0 {
		return "Nothing stays."
	}
	accounts := ""
	if d.AccountsLeft > 0 {
		accounts = fmt.Sprintf("%d accounts stay, logged out: the API can't delete an account. ", d.AccountsLeft)
	}
	return accounts + "The rows of deleted residences stay in the database, marked as deleted."
}

// sentence tells the data's story for a report.
func (d ScenarioData) sentence() string {
	made := fmt.Sprintf("%d accounts, %d residences, %d tasks and %d contractors made", d.AccountsMade, d.ResidencesMade, d.TasksMade, d.ContractorsMade)
	if !d.CleanedUp {
		return made + "; not all of it could be removed: honeydue loadtest cleanup"
	}
	return fmt.Sprintf("%s; %d residences deleted. %s", made, d.ResidencesDeleted, d.Left)
}

// SetUp makes the users and the data of a scenario through the API. Each
// account is noted in the ledger before it is made. Given users (of a file of
// tokens) are used as they are; else users.register accounts are registered.
// What was made before an error is in the data, and in the ledger.
func (s Scenario) SetUp(ctx context.Context, h *Hitter, run string, given []User, l *Ledger, progress func(done, all int)) (*ScenarioWorld, ScenarioData, error) {
	n := or(len(given), s.Users.Register)
	m := &setup{
		Scenario: s, hitter: h, run: run, ledger: l,
		users: make([]User, n), homes: make([][]int64, n), tasks: make([][]int64, n),
		today: time.Now().UTC(),
	}
	m.data.Run = run
	err := each(ctx, setupAtOnce, n, func(ctx context.Context, i int) error {
		if len(given) > 0 {
			m.users[i] = given[i]
		}
		return m.user(ctx, i, len(given) == 0)
	}, progress)
	if err != nil {
		return nil, m.data, err
	}
	w := &ScenarioWorld{run: run, users: m.users}
	w.homes, w.tasks = inTurn(m.homes), inTurn(m.tasks)
	return w, m.data, nil
}

// setup is a set-up under way.
type setup struct {
	Scenario
	hitter *Hitter
	run    string
	ledger *Ledger
	today  time.Time
	users  []User
	homes  [][]int64 // by user
	tasks  [][]int64 // by user

	mu   sync.Mutex
	data ScenarioData
}

func (m *setup) made(count func(*ScenarioData)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	count(&m.data)
}

// user makes one user, if it is not given, and its data.
func (m *setup) user(ctx context.Context, i int, register bool) error {
	if register {
		if err := m.register(ctx, i); err != nil {
			return err
		}
	} else if m.Data.Residences > 0 {
		u := m.users[i]
		if err := m.ledger.note(ledgerLine{UserID: u.ID, Token: u.Token.secret, Theirs: true}); err != nil {
			return err
		}
	}
	for r := range m.Data.Residences {
		if err := m.residence(ctx, i, r); err != nil {
			return err
		}
	}
	return nil
}

func (m *setup) register(ctx context.Context, i int) error {
	var secret [18]byte
	_, _ = rand.Read(secret[:]) // never fails: crypto/rand ends the process instead
	r := api.Registration{
		Email: fmt.Sprintf("loadtest-%s-%d@example.invalid", m.run, i), Password: hex.EncodeToString(secret[:]),
		Name: fmt.Sprintf("Load test %s %d", m.run, i),
	}
	if err := m.ledger.note(ledgerLine{Email: r.Email, Password: r.Password}); err != nil {
		return err
	}
	var said api.Authentication
	if err := m.hitter.call(ctx, http.MethodPost, registerPath, Token{}, r, &said); err != nil {
		return fmt.Errorf("registering account %d of the run: %w", i+1, err)
	}
	if !plainToken(said.Token) {
		return fmt.Errorf("registering account %d of the run gave no token", i+1)
	}
	m.users[i] = User{ID: said.User.ID, Token: NewToken(said.Token)}
	m.made(func(d *ScenarioData) { d.AccountsMade++ })
	return m.ledger.note(ledgerLine{Email: r.Email, UserID: said.User.ID, Token: said.Token})
}

func (m *setup) residence(ctx context.Context, i, r int) error {
	token := m.users[i].Token
	var home household.Residence
	if err := m.hitter.call(ctx, http.MethodPost, "/api/residences/", token,
		household.NewResidence{Name: residenceName(m.run, fmt.Sprintf("%d.%d", i, r))}, &home); err != nil {
		return fmt.Errorf("making a residence: %w", err)
	}
	m.homes[i] = append(m.homes[i], home.ID)
	m.made(func(d *ScenarioData) { d.ResidencesMade++ })
	for t := range m.Data.Tasks {
		var task household.Task
		if err := m.hitter.call(ctx, http.MethodPost, "/api/tasks/", token, m.newTask(home.ID, t), &task); err != nil {
			return fmt.Errorf("making a task: %w", err)
		}
		m.tasks[i] = append(m.tasks[i], task.ID)
		m.made(func(d *ScenarioData) { d.TasksMade++ })
	}
	for c := range m.Data.Contractors {
		one := household.NewContractor{ResidenceID: home.ID, Name: fmt.Sprintf("loadtest %s contractor %d", m.run, c)}
		if err := m.hitter.call(ctx, http.MethodPost, "/api/contractors/", token, one, nil); err != nil {
			return fmt.Errorf("making a contractor: %w", err)
		}
		m.made(func(d *ScenarioData) { d.ContractorsMade++ })
	}
	return nil
}

// newTask spreads the tasks over the columns of the board: each fifth has no
// due date, the others are due from ten days ago to sixty days from now.
func (m *setup) newTask(home int64, t int) map[string]any {
	task := map[string]any{"residence_id": home, "title": fmt.Sprintf("loadtest %s setup task %d", m.run, t)}
	if t%5 != 4 {
		task["due_date"] = m.today.AddDate(0, 0, t*7%71-10).Format(time.DateOnly)
	}
	return task
}

// residenceName is the name of everything that a run may delete.
func residenceName(run, what string) string { return "loadtest " + run + " home " + what }

// inTurn puts the things of all users into one list, one of each user in turn.
func inTurn(of [][]int64) (all []owned) {
	for k, more := 0, true; more; k++ {
		more = false
		for user, ids := range of {
			if k < len(ids) {
				all, more = append(all, owned{user, ids[k]}), true
			}
		}
	}
	return all
}

// CleanUp removes what a run has made, as far as the API can: each residence
// that an account of the run owns, and on accounts that were there before, each
// that carries the run's name; then it logs the run's accounts out. It goes on
// after an error, and gives all of them.
func CleanUp(ctx context.Context, h *Hitter, l *Leftover) (ScenarioData, error) {
	d := ScenarioData{Run: l.Run}
	var mu sync.Mutex
	var failures []error
	err := each(ctx, setupAtOnce, len(l.accounts), func(ctx context.Context, i int) error {
		one, err := cleanUpAccount(ctx, h, l.Run, l.accounts[i])
		mu.Lock()
		defer mu.Unlock()
		d.ResidencesDeleted += one.ResidencesDeleted
		d.LoggedOut += one.LoggedOut
		d.AccountsLeft += one.AccountsLeft
		if err != nil && !slices.ContainsFunc(failures, func(known error) bool { return known.Error() == err.Error() }) {
			failures = append(failures, err)
		}
		return nil
	}, nil)
	err = errors.Join(append(failures, err)...)
	d.CleanedUp, d.Left = err == nil, d.stays()
	return d, err
}

func cleanUpAccount(ctx context.Context, h *Hitter, run string, a ledgerLine) (d ScenarioData, err error) {
	token := NewToken(a.Token)
	if token.Empty() {
		token, err = h.reLogin(ctx, a)
		if err != nil || token.Empty() {
			return d, err
		}
	}
	err = deleteResidences(ctx, h, run, a, token, &d)
	if answered(err, http.StatusUnauthorized) && a.Password != "" {
		// The token has ended; the password has not.
		if token, err = h.reLogin(ctx, a); err != nil || token.Empty() {
			return d, err
		}
		err = deleteResidences(ctx, h, run, a, token, &d)
	}
	if err != nil || a.Theirs {
		return d, err
	}
	d.AccountsLeft++
	if err := h.call(ctx, http.MethodPost, "/api/auth/logout/", token, nil, nil); err != nil {
		return d, fmt.Errorf("logging an account out: %w", err)
	}
	d.LoggedOut++
	return d, nil
}

// reLogin opens an account by its password. No token and no error say that the
// account was never made: its run ended before the server had answered. If it
// was made, the token of that answer is lost and can't be ended; nobody has it.
func (h *Hitter) reLogin(ctx context.Context, a ledgerLine) (Token, error) {
	var said api.Authentication
	err := h.call(ctx, http.MethodPost, "/api/auth/login/", Token{}, api.Login{Email: a.Email, Password: a.Password}, &said)
	switch {
	case answered(err, http.StatusUnauthorized):
		return Token{}, nil
	case err != nil:
		return Token{}, fmt.Errorf("logging in to clean up: %w", err)
	case !plainToken(said.Token):
		return Token{}, errors.New("logging in to clean up gave no token")
	}
	return NewToken(said.Token), nil
}

func deleteResidences(ctx context.Context, h *Hitter, run string, a ledgerLine, token Token, d *ScenarioData) error {
	for cursor := ""; ; {
		var page api.List[household.Residence]
		if err := h.call(ctx, http.MethodGet, "/api/residences/?limit=200"+cursor, token, nil, &page); err != nil {
			return fmt.Errorf("listing the residences of an account: %w", err)
		}
		for _, r := range page.Items {
			if r.Role != household.RoleOwner || (a.Theirs && !strings.HasPrefix(r.Name, residenceName(run, ""))) {
				continue
			}
			err := h.call(ctx, http.MethodDelete, fmt.Sprintf("/api/residences/%d/", r.ID), token, nil, nil)
			if err != nil && !answered(err, http.StatusNotFound) {
				return fmt.Errorf("deleting a residence: %w", err)
			}
			d.ResidencesDeleted++
		}
		if page.NextCursor == nil {
			return nil
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}
