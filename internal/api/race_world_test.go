package api

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab"
)

// The world of the race test: raceHomes residences in a ring. Each belongs to
// a user of its own, has the next two as members, and a floater who joins and
// leaves. What can change in it is a register; its value stands in a name, as
// in "T3.1#17", or is whether something is there.
const (
	raceHomes    = 8
	raceFloaters = 4
	raceTokens   = 6 // that are read with at a time, beside those that stay
)

// raceKey is a register with what its writer needs to know.
type raceKey struct {
	raceRegister
	next int   // the next value
	item int64 // of a slot: what lies in it, 0 for nothing
	// write does the next write; only the key's own writer calls it.
	write func(w *raceWriter, k *raceKey)
}

type raceWorld struct {
	t     *testing.T
	stage *stage
	db    *pgx.Conn // for what a writer has to find out after its death
	dbMu  sync.Mutex

	users   []person // raceHomes owners, then the floaters
	homes   []int64
	tasks   [][2]int64
	keys    []*raceKey
	byName  map[string]*raceKey
	tokens  raceTokenRing
	wrongMu sync.Mutex
	wrong   []string // replies that no staleness explains
}

func newRaceWorld(t *testing.T, env lab.Env) *raceWorld {
	t.Helper()
	ctx := t.Context()
	w := &raceWorld{t: t, stage: newStage(t, env), byName: map[string]*raceKey{}}
	db, err := pgx.Connect(ctx, env.DirectURL)
	w.db = must(t, db, err)
	t.Cleanup(func() { _ = w.db.Close(t.Context()) })
	s := w.stage
	for i := range raceHomes + raceFloaters {
		w.users = append(w.users, s.person(fmt.Sprintf("U%d#0", i)))
	}
	for i := range raceHomes {
		owner := w.users[i]
		r, err := s.db.CreateResidence(ctx, s.write(), owner.ID, household.NewResidence{Name: fmt.Sprintf("R%d#0", i)})
		w.homes = append(w.homes, must(t, r, err).ID)
		code := s.code(home{id: r.ID, owner: owner})
		for n := 1; n <= 2; n++ {
			_, _, err := s.db.JoinWithCode(ctx, s.write(), w.users[(i+n)%raceHomes].ID, code, time.Now())
			must(t, 0, err)
		}
		var tasks [2]int64
		for j := range tasks {
			task, err := s.db.CreateTask(ctx, s.write(), owner.ID, household.NewTask{ResidenceID: r.ID, Title: fmt.Sprintf("T%d.%d#0", i, j)})
			tasks[j] = must(t, task, err).ID
		}
		w.tasks = append(w.tasks, tasks)
		// M marks a residence in the lists in which nothing else may lie.
		_, err = s.db.CreateContractor(ctx, s.write(), owner.ID, household.NewContractor{ResidenceID: r.ID, Name: fmt.Sprintf("M%d#0", i)})
		must(t, 0, err)
		_, err = s.db.CreateDocument(ctx, s.write(), owner.ID, household.NewDocument{ResidenceID: r.ID, Title: fmt.Sprintf("M%d#0", i)})
		must(t, 0, err)
	}
	w.addKeys()
	return w
}

// members of residence i, without the floater.
func (w *raceWorld) member(user, i int) bool {
	return user < raceHomes && (user-i+raceHomes)%raceHomes <= 2
}

func raceFloater(i int) int { return raceHomes + i/2 }

func (w *raceWorld) add(name string, write func(*raceWriter, *raceKey)) {
	k := &raceKey{raceRegister: raceRegister{name: name}, next: 1, write: write}
	w.keys = append(w.keys, k)
	w.byName[name] = k
}

// patch is a write that sets a name.
func (w *raceWorld) patch(name, field, path string, by func(*raceWriter) person) {
	w.add(name, func(x *raceWriter, k *raceKey) {
		x.do(k, k.next, http.MethodPatch, path, by(x).token, fmt.Sprintf(`{%q:"%s#%d"}`, field, k.name, k.next))
	})
}

// slot is something that is made when it is not there, and deleted when it is.
func (w *raceWorld) slot(name, kind, table, field string, home int64, by func(*raceWriter) person) {
	w.add(name, func(x *raceWriter, k *raceKey) {
		if k.item == 0 {
			value := k.next | 1 // odd: there
			body := fmt.Sprintf(`{"residence_id":%d,%q:"%s#%d"}`, home, field, k.name, value)
			if r := x.do(k, value, http.MethodPost, "/api/"+kind+"/", by(x).token, body); r != nil {
				var made struct {
					ID int64 `json:"id"`
				}
				_ = json.Unmarshal(r.body, &made)
				k.item = made.ID
				return
			}
			// The writer died before it heard what it has made.
			k.item = w.find(table, field, fmt.Sprintf("%s#%d", k.name, value))
			return
		}
		value := k.next + k.next%2
		if x.do(k, value, http.MethodDelete, fmt.Sprintf("/api/%s/%d/", kind, k.item), by(x).token, "") != nil || !w.exists(table, k.item) {
			k.item = 0
		}
	})
}

func (w *raceWorld) find(table, field, name string) int64 {
	w.dbMu.Lock()
	defer w.dbMu.Unlock()
	var id int64
	sql := "SELECT coalesce(max(id), 0) FROM " + table + " WHERE " + field + " = $1"
	if err := w.db.QueryRow(w.t.Context(), sql, name).Scan(&id); err != nil && w.t.Context().Err() == nil {
		w.note("look for %s: %v", name, err)
	}
	return id
}

func (w *raceWorld) exists(table string, id int64) bool {
	w.dbMu.Lock()
	defer w.dbMu.Unlock()
	var there bool
	if err := w.db.QueryRow(w.t.Context(), "SELECT EXISTS (SELECT FROM "+table+" WHERE id = $1)", id).Scan(&there); err != nil && w.t.Context().Err() == nil {
		w.note("look for %s %d: %v", table, id, err)
	}
	return there
}

func (w *raceWorld) addKeys() {
	for i := range raceHomes {
		owner, home := w.users[i], w.homes[i]
		anyone := func(x *raceWriter) person { return w.users[(i+x.rng.IntN(3))%raceHomes] }
		always := func(*raceWriter) person { return owner }
		w.patch(fmt.Sprintf("R%d", i), "name", fmt.Sprintf("/api/residences/%d/", home), always)
		for j := range 2 {
			w.patch(fmt.Sprintf("T%d.%d", i, j), "title", fmt.Sprintf("/api/tasks/%d/", w.tasks[i][j]), anyone)
		}
		w.add(fmt.Sprintf("done%d", i), func(x *raceWriter, k *raceKey) {
			method := http.MethodDelete
			if k.next%2 == 1 {
				method = http.MethodPost
			}
			x.do(k, k.next, method, fmt.Sprintf("/api/tasks/%d/complete/", w.tasks[i][0]), anyone(x).token, "")
		})
		w.slot(fmt.Sprintf("S%d", i), "tasks", "tasks", "title", home, anyone)
		w.slot(fmt.Sprintf("C%d", i), "contractors", "contractors", "name", home, anyone)
		w.slot(fmt.Sprintf("D%d", i), "documents", "documents", "title", home, anyone)
		floater := w.users[raceFloater(i)]
		w.add(fmt.Sprintf("in%d", i), func(x *raceWriter, k *raceKey) {
			if k.next%2 == 1 {
				// A new code each time: the last removal has ended those before it.
				code, err := w.stage.db.CreateShareCode(w.t.Context(), owner.ID, home, newShareCode(), time.Now().Add(time.Hour), nil)
				if err != nil {
					w.note("a share code: %v", err)
					return
				}
				x.do(k, k.next, http.MethodPost, "/api/residences/join-with-code/", floater.token, fmt.Sprintf(`{"code":%q}`, code.Code))
			} else {
				x.do(k, k.next, http.MethodDelete, fmt.Sprintf("/api/residences/%d/users/%d/", home, floater.ID), owner.token, "")
			}
		})
	}
	for i, u := range w.users {
		w.patch(fmt.Sprintf("U%d", i), "name", "/api/auth/me/", func(*raceWriter) person { return u })
	}
	// One key stands for all tokens that come and go: its writer makes one, or
	// logs the oldest out that readers have used for a while.
	w.keys = append(w.keys, &raceKey{write: func(x *raceWriter, _ *raceKey) { w.tokens.turn(w, x) }})
}

// raceTokenRing are the tokens that come and go.
type raceTokenRing struct {
	mu     sync.Mutex
	live   []raceToken // oldest first; the first half is logged out
	made   int
	closed int // how many of live are logged out, or may be
}

type raceToken struct {
	user  int
	token string
	key   *raceKey // 1: logged out
}

func (r *raceTokenRing) any(rng *rand.Rand) (raceToken, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.live) == 0 {
		return raceToken{}, false
	}
	return r.live[rng.IntN(len(r.live))], true
}

func (r *raceTokenRing) turn(w *raceWorld, x *raceWriter) {
	r.mu.Lock()
	if len(r.live)-r.closed < raceTokens/2 {
		n := r.made
		r.made++
		r.mu.Unlock()
		user, token := n%len(w.users), newToken()
		if err := w.stage.db.CreateToken(w.t.Context(), w.users[user].ID, cache.TokenHash(token)); err != nil {
			if w.t.Context().Err() == nil {
				w.note("make a token: %v", err)
			}
			return
		}
		k := &raceKey{raceRegister: raceRegister{name: fmt.Sprintf("token%d", n)}, next: 1}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.live = append(r.live, raceToken{user, token, k})
		x.race.addKey(k)
		if len(r.live) > raceTokens {
			r.live = r.live[1:]
			r.closed--
		}
		return
	}
	t := r.live[r.closed]
	r.closed++
	r.mu.Unlock()
	x.do(t.key, 1, http.MethodPost, "/api/auth/logout/", t.token, "")
}

func (w *raceWorld) note(format string, args ...any) {
	w.wrongMu.Lock()
	defer w.wrongMu.Unlock()
	if len(w.wrong) < 20 {
		w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	}
}

// raceView is one of the things that readers read.
type raceView struct {
	path string
	// see tells what a body shows of each register that it has to show.
	see func(w *raceWorld, user int, body []byte) ([]raceShown, error)
}

// raceShown is a register as one body shows it.
type raceShown struct {
	key   *raceKey
	saw   raceSaw
	value int
}

func raceViews() []raceView {
	return []raceView{
		{"/api/tasks/", (*raceWorld).seeBoard},
		{"/api/residences/", (*raceWorld).seeResidences},
		{"/api/contractors/", (*raceWorld).seeContractors},
		{"/api/documents/", (*raceWorld).seeDocuments},
		{"/api/auth/me/", (*raceWorld).seeMe},
	}
}

// raceName reads "T3.1#17".
func raceName(text string) (name string, value int) {
	name, number, _ := strings.Cut(text, "#")
	value, _ = strconv.Atoi(number)
	return name, value
}

func (w *raceWorld) exact(name string, value int) raceShown {
	return raceShown{w.byName[name], sawExact, value}
}

func (w *raceWorld) there(name string, there bool) raceShown {
	if there {
		return raceShown{w.byName[name], sawOdd, 0}
	}
	return raceShown{w.byName[name], sawEven, 0}
}

func (w *raceWorld) seeBoard(user int, body []byte) ([]raceShown, error) {
	var b household.Board
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, err
	}
	titles, done := map[string]int{}, map[string]bool{}
	for _, c := range b.Columns {
		for _, t := range c.Tasks {
			name, value := raceName(t.Title)
			titles[name] = value
			done[name] = c.Name == household.ColumnCompleted
		}
	}
	return w.see(user, titles, func(i int) (string, []raceShown, error) {
		first, second, slot := fmt.Sprintf("T%d.0", i), fmt.Sprintf("T%d.1", i), fmt.Sprintf("S%d", i)
		value, both := titles[second]
		if !both {
			return first, nil, fmt.Errorf("residence %d is there without its second task", i)
		}
		return first, []raceShown{
			w.exact(first, titles[first]), w.exact(second, value), w.there(fmt.Sprintf("done%d", i), done[first]), w.inSlot(slot, titles),
		}, nil
	})
}

func (w *raceWorld) inSlot(name string, names map[string]int) raceShown {
	if value, there := names[name]; there {
		return w.exact(name, value)
	}
	return w.there(name, false)
}

// see goes through the residences that a user sees or may see. of tells by
// which name a residence is known to be in the list, and what else it shows if it is.
func (w *raceWorld) see(user int, names map[string]int, of func(i int) (string, []raceShown, error)) ([]raceShown, error) {
	var out []raceShown
	for i := range raceHomes {
		mark, shown, err := of(i)
		_, there := names[mark]
		switch floats := raceFloater(i) == user; {
		case floats:
			out = append(out, w.there(fmt.Sprintf("in%d", i), there))
		case there != w.member(user, i):
			return nil, fmt.Errorf("user %d and residence %d: there %v, though this never changed", user, i, there)
		}
		if !there {
			for _, s := range shown {
				if _, left := names[s.key.name]; left {
					return nil, fmt.Errorf("residence %d is not there, but %s is", i, s.key.name)
				}
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, shown...)
	}
	return out, nil
}

func (w *raceWorld) seeResidences(user int, body []byte) ([]raceShown, error) {
	var l List[household.Residence]
	if err := json.Unmarshal(body, &l); err != nil {
		return nil, err
	}
	names := map[string]int{}
	for _, r := range l.Items {
		name, value := raceName(r.Name)
		names[name] = value
	}
	return w.see(user, names, func(i int) (string, []raceShown, error) {
		name := fmt.Sprintf("R%d", i)
		return name, []raceShown{w.exact(name, names[name])}, nil
	})
}

func (w *raceWorld) seeContractors(user int, body []byte) ([]raceShown, error) {
	var l List[household.Contractor]
	if err := json.Unmarshal(body, &l); err != nil {
		return nil, err
	}
	names := map[string]int{}
	for _, c := range l.Items {
		name, value := raceName(c.Name)
		names[name] = value
	}
	return w.seeRecords(user, "C", names)
}

func (w *raceWorld) seeDocuments(user int, body []byte) ([]raceShown, error) {
	var l List[household.Document]
	if err := json.Unmarshal(body, &l); err != nil {
		return nil, err
	}
	names := map[string]int{}
	for _, d := range l.Items {
		name, value := raceName(d.Title)
		names[name] = value
	}
	return w.seeRecords(user, "D", names)
}

func (w *raceWorld) seeRecords(user int, slots string, names map[string]int) ([]raceShown, error) {
	return w.see(user, names, func(i int) (string, []raceShown, error) {
		return fmt.Sprintf("M%d", i), []raceShown{w.inSlot(fmt.Sprintf("%s%d", slots, i), names)}, nil
	})
}

func (w *raceWorld) seeMe(user int, body []byte) ([]raceShown, error) {
	var u household.User
	if err := json.Unmarshal(body, &u); err != nil {
		return nil, err
	}
	name, value := raceName(u.Name)
	if name != fmt.Sprintf("U%d", user) {
		return nil, fmt.Errorf("user %d is shown as %s", user, u.Name)
	}
	return []raceShown{w.exact(name, value)}, nil
}

// raceWriter is one goroutine that writes, to keys that nobody else writes to.
type raceWriter struct {
	race *race
	rng  *rand.Rand
	keys []*raceKey
}

// do does one write and notes it. It returns the reply if it was a success,
// nil if the outcome is unknown.
func (w *raceWriter) do(k *raceKey, value int, method, path, token, body string) *reply {
	r := w.race
	phase := r.phase.Load()
	order := raceOrder{ID: strconv.FormatInt(r.ids.Add(1), 10), Held: raceDelay(w.rng), Written: raceDelay(w.rng)}
	if phase.killing {
		switch phase.mortal.Add(1) % 100 {
		case 10, 60:
			order.Kill = "written"
		case 35:
			order.Kill = "held"
		}
	}
	life := r.servers[w.rng.IntN(len(r.servers))].life.Load()
	header, _ := json.Marshal(order)
	k.next = value + 1
	note := raceWritten{key: k, id: order.ID, life: life, phase: phase}
	note.value, note.note = value, fmt.Sprintf("%s %s by %s", method, path, life.name)
	note.began = r.since()
	res, err := r.send(life, method, path, token, body, raceHeader, string(header))
	note.ended = r.since()
	phase.writes.Add(1)
	switch {
	case err != nil && r.mayDie(life):
		// A statement of a dead server may still be on its way to the database:
		// the next write to the same register must not be overtaken by it.
		r.pause(time.Second)
	case err != nil && order.Kill != "":
		phase.deaths.Add(1)
		note.note += ", killed when " + order.Kill
		if order.Kill == "held" {
			// Its statement was never sent, so nobody may ever show it: what is
			// seen of a register of which only odd or even shows is another's.
			return nil
		}
	case err != nil:
		r.world.note("%s: %v", note.note, err)
	case res.status/100 == 2:
		note.acked = true
	case method == http.MethodDelete && res.status == http.StatusNotFound:
		note.acked = true // a killed one had done it
	default:
		r.world.note("%s: %s", note.note, res)
	}
	r.written(note)
	if !note.acked {
		return nil
	}
	return &res
}

// raceDelay is mostly next to nothing, and now and then long.
func raceDelay(rng *rand.Rand) time.Duration {
	if rng.IntN(10) == 0 {
		return time.Duration(rng.Int64N(int64(30 * time.Millisecond)))
	}
	return time.Duration(rng.Int64N(int64(2 * time.Millisecond)))
}

// raceReader is one client: it keeps copies and asks whether they still stand.
type raceReader struct {
	race *race
	rng  *rand.Rand
	kept map[string]raceKept
}

type raceKept struct {
	etag  string
	shown []raceShown
}

func (c *raceReader) read() {
	r := c.race
	view := r.views[c.rng.IntN(len(r.views))]
	user := c.rng.IntN(len(r.world.users))
	token := r.world.users[user].token
	var passing *raceKey
	if c.rng.IntN(10) == 0 {
		if t, ok := r.world.tokens.any(c.rng); ok {
			user, token, passing = t.user, t.token, t.key
		}
	}
	id := fmt.Sprintf("%d %s", user, view.path)
	kept, keeps := c.kept[id]
	condition := ""
	if keeps && c.rng.IntN(3) == 0 {
		condition = kept.etag
	}
	phase := r.phase.Load()
	life := r.servers[c.rng.IntN(len(r.servers))].life.Load()
	began := r.since()
	res, err := r.send(life, http.MethodGet, view.path, token, "", "If-None-Match", condition)
	ended := r.since()
	if err != nil {
		if !r.mayDie(life) {
			r.world.note("GET %s by %s: %v", view.path, life.name, err)
		}
		r.pause(5 * time.Millisecond)
		return
	}
	status := res.header.Get("Cache-Status")
	var shown []raceShown
	switch {
	case res.status == http.StatusOK:
		if shown, err = view.see(r.world, user, res.body); err != nil {
			r.world.note("GET %s of user %d by %s: %v in %s", view.path, user, life.name, err, res.body)
			return
		}
		if etag := res.header.Get("Etag"); etag != "" {
			c.kept[id] = raceKept{etag, shown}
		}
	case res.status == http.StatusNotModified && condition != "":
		shown = kept.shown
		phase.notModified.Add(1)
	case res.status == http.StatusUnauthorized && passing != nil:
		r.saw(raceRead{began, ended, phase, []raceShown{{passing, sawExact, 1}}, id, life.name, status})
		phase.reads.Add(1)
		return
	default:
		r.world.note("GET %s of user %d by %s: %s", view.path, user, life.name, res)
		return
	}
	if passing != nil {
		shown = append(shown[:len(shown):len(shown)], raceShown{passing, sawExact, 0})
	}
	r.saw(raceRead{began, ended, phase, shown, id, life.name, status})
	if strings.Contains(status, "list; ") {
		phase.lists.Add(1)
		if strings.Contains(status, "list; hit") {
			phase.hits.Add(1)
		}
	}
	phase.reads.Add(1)
}

// send is one exchange with a server.
func (r *race) send(life *raceLife, method, path, token, body, header, value string) (reply, error) {
	q, err := http.NewRequestWithContext(r.t.Context(), method, life.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	q.Header.Set("Authorization", "Token "+token)
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	if value != "" {
		q.Header.Set(header, value)
	}
	res, err := r.http.RoundTrip(q)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, b}, err
}
