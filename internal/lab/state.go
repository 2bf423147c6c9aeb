package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/honeydue/honeydue/internal/link"
)

// The servers' names, in status, logs and errors.
const (
	namePostgres = "postgres"
	namePooler   = "pgbouncer"
	nameRedis    = "redis"
)

// State is what can be said of a lab from outside its process.
type State struct {
	Dir         string    `json:"dir"`
	Running     bool      `json:"running"` // the process that keeps the lab is alive
	Ready       bool      `json:"ready"`   // it runs, and every server has answered
	PID         int       `json:"pid"`     // of the process that keeps the lab, 0 = none
	StartedAt   time.Time `json:"started_at"`
	RTTMS       float64   `json:"rtt_ms"`
	JitterMS    float64   `json:"jitter_ms"`
	StallMS     float64   `json:"loss_stall_ms"`
	NoSlowStart bool      `json:"no_slow_start"`
	PoolSize    int       `json:"pool_size"`
	Servers     []Server  `json:"servers"`
	Env         Env       `json:"-"` // valid while Ready; it carries passwords
}

// Server is one server of a lab.
type Server struct {
	Name     string `json:"name"`
	Running  bool   `json:"running"`
	PID      int    `json:"pid"`       // 0 = not running
	Port     int    `json:"port"`      // its own
	LinkPort int    `json:"link_port"` // of the link in front of it, 0 = no link
	Log      string `json:"log"`
}

// NotRunningError says that there is no lab in a folder.
type NotRunningError struct{ Dir string }

func (e *NotRunningError) Error() string {
	return "lab: no lab is running in " + e.Dir
}

// Hint says how to start one.
func (e *NotRunningError) Hint() string {
	return "Start one with: honeydue lab up --detach --data " + ShellWord(e.Dir)
}

// record is the state file of a folder. It is readable by its owner only: the
// URLs in it carry passwords.
type record struct {
	Keeper    process            `json:"keeper"`
	Ready     bool               `json:"ready"`
	StartedAt time.Time          `json:"started_at"`
	Model     link.Model         `json:"model"`
	PoolSize  int                `json:"pool_size"`
	Ports     ports              `json:"ports"`
	Servers   map[string]process `json:"servers"`
	Env       Env                `json:"env"`
}

// ReadState says what runs in a data folder now. A folder without a lab is no
// error: it is not running.
func ReadState(dir string) (State, error) {
	f, err := existing(dir)
	if err != nil {
		return State{}, err
	}
	r, err := readRecord(f)
	if err != nil {
		return State{}, err
	}
	s := State{
		Dir: string(f), Running: r.Keeper.alive(), StartedAt: r.StartedAt, PoolSize: r.PoolSize,
		RTTMS: ms(r.Model.RTT), JitterMS: ms(r.Model.Jitter), StallMS: ms(r.Model.LossStall),
		NoSlowStart: r.Model.NoSlowStart, Env: r.Env,
		Servers: []Server{
			{Name: namePostgres, Port: r.Ports.Postgres, LinkPort: r.Ports.DirectLink},
			{Name: namePooler, Port: r.Ports.Pooler, LinkPort: r.Ports.PoolerLink},
			{Name: nameRedis, Port: r.Ports.Redis},
		},
	}
	s.Ready = s.Running && r.Ready
	if s.Running {
		s.PID = r.Keeper.PID
	}
	for i := range s.Servers {
		v := &s.Servers[i]
		v.Log = f.log(v.Name)
		if p := r.Servers[v.Name]; p.alive() {
			v.Running, v.PID = true, p.PID
		}
	}
	return s, nil
}

// readRecord returns the folder's state file, an empty record when there is
// none.
func readRecord(f folder) (record, error) {
	var r record
	b, err := os.ReadFile(f.state())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, nil
	case errors.Is(err, fs.ErrPermission):
		return r, advise("Run the command as that user. "+chooseDir, "lab: the lab in %s belongs to another user: %w", f, err)
	case err != nil:
		return r, fmt.Errorf("lab: read the state of the lab: %w", err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return record{}, advise("Delete this file.", "lab: %s is damaged: %w", f.state(), err)
	}
	return r, nil
}

func (r record) write(f folder) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("lab: store the state of the lab: %w", err)
	}
	return writeFile(f.state(), b, 0o600)
}

// existing resolves a data folder without making it.
func existing(dir string) (folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("lab: the data folder %s: %w", dir, err)
	}
	if path, err := filepath.EvalSymlinks(abs); err == nil {
		abs = path
	}
	return folder(abs), nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
