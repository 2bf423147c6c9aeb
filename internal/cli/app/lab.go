package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/lab"
)

// LabGrace bounds the end of a lab's servers: Postgres writes what it has.
const LabGrace = 30 * time.Second

// StartLab starts a lab for the work of one command. Without dir its data is in the folder of that name beside the one of
// 'honeydue lab'. what is the work, as the progress names it.
func (a *App) StartLab(ctx context.Context, what, name, dir string, rtt time.Duration) (*lab.Lab, error) {
	own, err := Load(a, config.ParseLab)
	if err != nil {
		return nil, err
	}
	if dir == "" {
		standard, err := lab.DefaultDir()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(filepath.Dir(standard), name)
	}
	p := a.Progress(what+": starting Postgres, PgBouncer and Redis", -1)
	defer p.Done()
	return lab.Start(ctx, lab.Config{Dir: dir, RTT: rtt, BinDirs: own.Dirs()})
}
