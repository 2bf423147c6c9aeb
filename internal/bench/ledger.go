package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ledgerSuffix ends the name of each ledger: one file for each run.
const ledgerSuffix = ".loadtest.jsonl"

// Ledger notes what a run makes on a target before it makes it, so that what
// is left after a crash can be found and removed. It is a file of JSON lines,
// readable by its owner only: it holds tokens and passwords. While the run
// lives, the file is locked; the lock of a process that was killed is gone.
type Ledger struct {
	path string
	mu   sync.Mutex
	file *os.File
}

// ErrInUse says that the run that a ledger belongs to is still alive.
var ErrInUse = errors.New("its run is still alive")

// ledgerLine is one line of a ledger. The first says which run it is.
type ledgerLine struct {
	Run       string     `json:"run,omitempty"`
	Target    string     `json:"target,omitempty"`
	StartedAt *time.Time `json:"started_at,omitempty"`

	Email    string `json:"email,omitempty"`
	Password string `json:"password,omitempty"`
	UserID   int64  `json:"user_id,omitempty"`
	Token    string `json:"token,omitempty"`
	Theirs   bool   `json:"theirs,omitempty"` // an account that was there before the run
}

// NewLedger begins the ledger of a run in a folder, which it makes.
func NewLedger(dir, run, target string) (*Ledger, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder for what a run leaves behind cannot be made: %w", err)
	}
	path := filepath.Join(dir, run+ledgerSuffix)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the caller's own folder
	if err != nil {
		return nil, fmt.Errorf("cannot note what the run makes: %w", err)
	}
	l := &Ledger{path: path, file: file}
	if err := lock(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	now := time.Now().UTC().Truncate(time.Second)
	if err := l.note(ledgerLine{Run: run, Target: target, StartedAt: &now}); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

// note writes one line, whole, before it returns.
func (l *Ledger) note(line ledgerLine) error {
	text, err := json.Marshal(line) //nolint:gosec // the password is what the file is for; its mode is 0600
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("cannot note what the run makes: %w", err)
	}
	return nil
}

// Close ends the ledger; with done nothing is left of the run, and the file goes too.
func (l *Ledger) Close(done bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if done {
		err = os.Remove(l.path)
	}
	return errors.Join(err, l.file.Close())
}

// Left reads what a ledger of this process says, to clean up after its own run.
func (l *Ledger) Left() (*Leftover, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return readLeftover(l)
}

func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}

// Leftover is a run that has ended without removing what it made.
type Leftover struct {
	Run       string
	Target    string // URL
	StartedAt time.Time
	accounts  []ledgerLine // each once, with all that is known of it
	ledger    *Ledger
}

// Close gives the ledger back; with done it is removed.
func (l *Leftover) Close(done bool) error { return l.ledger.Close(done) }

// Leftovers finds what earlier runs have left: the ledgers of a folder, the
// oldest first. Those of runs that are still alive are named in busy. Each
// leftover is locked until it is closed.
func Leftovers(dir string) (left []*Leftover, busy []string, err error) {
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("what earlier runs have left cannot be read: %w", err)
	}
	for _, name := range names {
		run, ours := strings.CutSuffix(name.Name(), ledgerSuffix)
		if !ours || !name.Type().IsRegular() {
			continue
		}
		one, err := openLeftover(filepath.Join(dir, name.Name()))
		switch {
		case errors.Is(err, ErrInUse):
			busy = append(busy, run)
		case err != nil:
			for _, l := range left {
				err = errors.Join(err, l.Close(false))
			}
			return nil, nil, fmt.Errorf("what run %s has left cannot be read: %w", run, err)
		default:
			one.Run = or(one.Run, run)
			left = append(left, one)
		}
	}
	slices.SortStableFunc(left, func(a, b *Leftover) int { return a.StartedAt.Compare(b.StartedAt) })
	return left, busy, nil
}

func openLeftover(path string) (*Leftover, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0) //nolint:gosec // a file of the caller's own folder
	if err != nil {
		return nil, err
	}
	if err := lock(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	l, err := readLeftover(&Ledger{path: path, file: file})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

func readLeftover(of *Ledger) (*Leftover, error) {
	text, err := os.ReadFile(of.path)
	if err != nil {
		return nil, err
	}
	l := &Leftover{ledger: of}
	for raw := range bytes.Lines(text) {
		var line ledgerLine
		// A crash may have cut the last line; what it was about had not been sent yet.
		if json.Unmarshal(raw, &line) == nil {
			l.take(line)
		}
	}
	return l, nil
}

// take adds what a line says to what is known.
func (l *Leftover) take(line ledgerLine) {
	if line.Run != "" {
		l.Run, l.Target = line.Run, line.Target
		if line.StartedAt != nil {
			l.StartedAt = *line.StartedAt
		}
		return
	}
	i := slices.IndexFunc(l.accounts, func(a ledgerLine) bool {
		return (line.Email != "" && a.Email == line.Email) || (line.UserID != 0 && a.UserID == line.UserID)
	})
	if i < 0 {
		l.accounts = append(l.accounts, line)
		return
	}
	a := &l.accounts[i]
	a.Password, a.UserID, a.Token = or(line.Password, a.Password), or(line.UserID, a.UserID), or(line.Token, a.Token)
}
