package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }

// patient is a time-out for tests that are not about time-outs: a machine that is busy with other tests must not change
// what they see.
const patient = time.Minute

// patiently is the configuration of a pool that waits for as long as it takes.
func patiently(url string) Config {
	return Config{URL: url, ConnectTimeout: patient, AcquireTimeout: patient, StatementTimeout: patient}
}

// open opens a small pool on the pooler of a database and closes it with the test.
func open(t testing.TB, env labtest.Env, change ...func(*Config)) *DB {
	t.Helper()
	c := patiently(env.DatabaseURL)
	c.MaxConns, c.MinIdleConns = 4, 2
	for _, f := range change {
		f(&c)
	}
	db, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// world is a household with everyone whom a statement's access rule tells apart.
type world struct {
	db                             *DB
	owner, admin, member, stranger household.User
	home                           household.Residence
	task, once                     household.Task // task recurs
	code, contractor, document     int64
	token                          []byte // the owner's
}

func tokenHash(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

// at is an instant at which it is already tomorrow in Auckland and still
// yesterday in Honolulu.
func at() time.Time { return time.Date(2026, 3, 10, 11, 30, 0, 0, time.UTC) }

func date(t testing.TB, s string) *household.Date {
	t.Helper()
	d, err := household.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

// wr is a write that holds the given residences.
func wr(residences ...int64) Write {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return Write{ID: fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]), Residences: residences}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newUser(t testing.TB, db *DB, name string) household.User {
	t.Helper()
	u, err := db.Register(t.Context(), NewUser{Email: name + "@example.org", Name: name, PasswordHash: "!"}, tokenHash(name))
	check(t, err)
	return u
}

// tokenOf is the token with which newUser has registered somebody.
func tokenOf(u household.User) []byte { return tokenHash(u.Name) }

func newWorld(t testing.TB, db *DB) *world {
	t.Helper()
	return newWorldNamed(t, db, "")
}

func newWorldNamed(t testing.TB, db *DB, suffix string) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{db: db, token: tokenHash("owner" + suffix)}
	w.owner, w.admin = newUser(t, db, "owner"+suffix), newUser(t, db, "admin"+suffix)
	w.member, w.stranger = newUser(t, db, "member"+suffix), newUser(t, db, "stranger"+suffix)
	var err error
	w.home, err = db.CreateResidence(ctx, wr(), w.owner.ID, household.NewResidence{Name: "Home" + suffix, TimeZone: "Europe/Berlin"})
	check(t, err)
	code, err := db.CreateShareCode(ctx, w.owner.ID, w.home.ID, "CODE00"+suffix, at().Add(time.Hour), nil)
	check(t, err)
	for _, u := range []household.User{w.admin, w.member} {
		_, _, err := db.JoinWithCode(ctx, wr(), u.ID, code.Code, at())
		check(t, err)
	}
	_, err = db.SetRole(ctx, wr(), w.owner.ID, w.home.ID, w.admin.ID, household.RoleAdmin)
	check(t, err)
	w.task, err = db.CreateTask(ctx, wr(), w.owner.ID, household.NewTask{
		ResidenceID: w.home.ID, Title: "Filter" + suffix, Description: "behind the flap", Frequency: "monthly", DueDate: date(t, "2026-01-31"),
	})
	check(t, err)
	w.once, err = db.CreateTask(ctx, wr(), w.owner.ID, household.NewTask{ResidenceID: w.home.ID, Title: "Shelf" + suffix})
	check(t, err)
	c, err := db.CreateContractor(ctx, wr(), w.owner.ID, household.NewContractor{ResidenceID: w.home.ID, Name: "Ada" + suffix})
	check(t, err)
	d, err := db.CreateDocument(ctx, wr(), w.owner.ID, household.NewDocument{ResidenceID: w.home.ID, Title: "Manual" + suffix, ExpiresOn: date(t, "2027-02-28")})
	check(t, err)
	w.code, w.contractor, w.document = code.ID, c.ID, d.ID
	return w
}

// call is one use of a method, by the statement that it runs.
type call struct {
	query Query
	do    func(ctx context.Context, w *world, n int) error
}

func drop[T any](_ T, err error) error { return err }

func drop2[T, U any](_ T, _ U, err error) error { return err }

// calls uses every method once; n keeps apart what has to be unique.
func calls() []call {
	patch := "Patched"
	return []call{
		{authLookup, func(ctx context.Context, w *world, _ int) error { return drop2(w.db.UserByToken(ctx, w.token)) }},
		{authToken, func(ctx context.Context, w *world, _ int) error { return drop(w.db.userOfToken(ctx, w.token)) }},
		{authUser, func(ctx context.Context, w *world, _ int) error { return drop2(w.db.userByID(ctx, w.owner.ID)) }},
		{taskBoard, func(ctx context.Context, w *world, _ int) error {
			return drop2(w.db.Board(ctx, w.token, at(), household.DueSoonDays))
		}},
		{residenceList, func(ctx context.Context, w *world, _ int) error {
			return drop2(w.db.Residences(ctx, w.token, Page{}))
		}},
		{contractorList, func(ctx context.Context, w *world, _ int) error {
			return drop2(w.db.Contractors(ctx, w.token, Page{}))
		}},
		{documentList, func(ctx context.Context, w *world, _ int) error { return drop2(w.db.Documents(ctx, w.token, Page{})) }},
		{taskArchived, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.ArchivedTasks(ctx, w.owner.ID, Page{}))
		}},
		{userRegister, func(ctx context.Context, w *world, n int) error {
			name := fmt.Sprintf("extra-%d-%d", w.owner.ID, n)
			return drop(w.db.Register(ctx, NewUser{Email: name + "@example.org", Name: name, PasswordHash: "!"}, tokenHash(name)))
		}},
		{userCredentials, func(ctx context.Context, w *world, _ int) error {
			_, _, err := w.db.Credentials(ctx, w.owner.Email)
			return err
		}},
		{tokenCreate, func(ctx context.Context, w *world, n int) error {
			return w.db.CreateToken(ctx, w.owner.ID, tokenHash(fmt.Sprint("more", w.owner.ID, n)))
		}},
		{tokenDelete, func(ctx context.Context, w *world, n int) error {
			return w.db.DeleteToken(ctx, wr(), w.owner.ID, tokenHash(fmt.Sprint("more", w.owner.ID, n)))
		}},
		{userUpdate, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.UpdateUser(ctx, wr(), w.owner.ID, household.UserPatch{Name: &patch}))
		}},
		{userRecent, func(ctx context.Context, w *world, _ int) error { return drop(w.db.RecentUsers(ctx, 3)) }},
		{userTokens, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.NewestTokens(ctx, []int64{w.owner.ID}))
		}},
		{residenceCreate, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.CreateResidence(ctx, wr(), w.stranger.ID, household.NewResidence{Name: "Elsewhere"}))
		}},
		{residenceGet, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.Residence(ctx, w.member.ID, w.home.ID))
		}},
		{residenceUpdate, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.UpdateResidence(ctx, wr(), w.admin.ID, w.home.ID, household.ResidencePatch{City: &patch}))
		}},
		{shareCodeCreate, func(ctx context.Context, w *world, n int) error {
			return drop(w.db.CreateShareCode(ctx, w.owner.ID, w.home.ID, fmt.Sprintf("MORE%d-%d", w.home.ID, n), at().Add(time.Hour), nil))
		}},
		{shareCodeList, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.ShareCodes(ctx, w.admin.ID, w.home.ID, at(), Page{}))
		}},
		{shareCodeRevoke, func(ctx context.Context, w *world, _ int) error {
			return w.db.RevokeShareCode(ctx, w.admin.ID, w.home.ID, w.code, at())
		}},
		{residenceJoin, func(ctx context.Context, w *world, n int) error {
			_, _, err := w.db.JoinWithCode(ctx, wr(), w.stranger.ID, fmt.Sprintf("MORE%d-%d", w.home.ID, n), at())
			return err
		}},
		{memberList, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.Members(ctx, w.member.ID, w.home.ID))
		}},
		{memberSetRole, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.SetRole(ctx, wr(), w.owner.ID, w.home.ID, w.stranger.ID, household.RoleAdmin))
		}},
		{memberRemove, func(ctx context.Context, w *world, _ int) error {
			return w.db.RemoveMember(ctx, wr(), w.owner.ID, w.home.ID, w.stranger.ID)
		}},
		{taskCreate, func(ctx context.Context, w *world, n int) error {
			return drop(w.db.CreateTask(ctx, wr(), w.member.ID, household.NewTask{ResidenceID: w.home.ID, Title: fmt.Sprint("Task ", n)}))
		}},
		{taskGet, func(ctx context.Context, w *world, _ int) error { return drop(w.db.Task(ctx, w.member.ID, w.task.ID)) }},
		{taskUpdate, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.UpdateTask(ctx, wr(w.home.ID), w.member.ID, w.task.ID, household.TaskPatch{Title: &patch}))
		}},
		{taskComplete, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.CompleteTask(ctx, wr(w.home.ID), w.member.ID, w.task.ID, at(), household.NewCompletion{Notes: "done"}))
		}},
		{taskUncomplete, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.UncompleteTask(ctx, wr(w.home.ID), w.member.ID, w.task.ID))
		}},
		{completionList, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.Completions(ctx, w.member.ID, w.task.ID, Page{}))
		}},
		{taskStart, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.StartTask(ctx, wr(w.home.ID), w.member.ID, w.task.ID, at()))
		}},
		{taskUnstart, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.UnstartTask(ctx, wr(w.home.ID), w.member.ID, w.task.ID))
		}},
		{taskArchive, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.ArchiveTask(ctx, wr(w.home.ID), w.member.ID, w.task.ID, at()))
		}},
		{taskUnarchive, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.UnarchiveTask(ctx, wr(w.home.ID), w.member.ID, w.task.ID))
		}},
		{taskDelete, func(ctx context.Context, w *world, _ int) error {
			return w.db.DeleteTask(ctx, wr(w.home.ID), w.member.ID, w.once.ID)
		}},
		{contractorCreate, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.CreateContractor(ctx, wr(), w.member.ID, household.NewContractor{ResidenceID: w.home.ID, Name: "Ben"}))
		}},
		{contractorDelete, func(ctx context.Context, w *world, _ int) error {
			return w.db.DeleteContractor(ctx, wr(w.home.ID), w.member.ID, w.contractor)
		}},
		{documentCreate, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.CreateDocument(ctx, wr(), w.member.ID, household.NewDocument{ResidenceID: w.home.ID, Title: "Bill"}))
		}},
		{documentDelete, func(ctx context.Context, w *world, _ int) error {
			return w.db.DeleteDocument(ctx, wr(w.home.ID), w.member.ID, w.document)
		}},
		{changesSince, func(ctx context.Context, w *world, _ int) error { return drop(w.db.ChangesSince(ctx, "3:3:")) }},
		{changesOfUser, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.ChangesOfUser(ctx, w.owner.ID, time.Hour))
		}},
		{writeOutcome, func(ctx context.Context, w *world, _ int) error { return drop(w.db.Settled(ctx, wr().ID)) }},
		{writeSettle, func(ctx context.Context, w *world, _ int) error { return drop(w.db.Settle(ctx, wr().ID)) }},
		{changesPrune, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.PruneChanges(ctx, at().AddDate(-9, 0, 0)))
		}},
		{syncDelta, func(ctx context.Context, w *world, _ int) error { return drop(w.db.Sync(ctx, w.owner.ID, "")) }},
		{subjectPick, func(ctx context.Context, w *world, _ int) error { return drop(w.db.Subjects(ctx)) }},
		{poolPing, func(ctx context.Context, w *world, _ int) error { return w.db.Ping(ctx) }},
		{residenceDelete, func(ctx context.Context, w *world, _ int) error {
			return drop(w.db.DeleteResidence(ctx, wr(), w.owner.ID, w.home.ID))
		}},
	}
}
