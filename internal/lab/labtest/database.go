package labtest

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/honeydue/honeydue/internal/lab"
)

// template is a database that is migrated once and then copied for each test.
type template struct {
	once sync.Once
	name string
	err  error
}

// Database gives a test a fresh database and returns how to reach it: a copy
// of one that migrate has prepared, by its direct URL, once for the package.
// migrate is told apart by its function; nil means an empty database. It is
// dropped with the test. RedisURL points at a Redis database of the test's own
// (see Redis).
func Database(t testing.TB, migrate func(ctx context.Context, directURL string) error) lab.Env {
	t.Helper()
	l := Lab(t)
	source := ""
	if migrate != nil {
		source = migrated(t, l, migrate)
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	name := nextName("test")
	env, err := l.CreateDatabase(ctx, name, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := l.DropDatabase(ctx, name); err != nil {
			t.Error(err)
		}
	})
	env.RedisURL = Redis(t)
	return env
}

func migrated(t testing.TB, l *lab.Lab, migrate func(context.Context, string) error) string {
	t.Helper()
	key := reflect.ValueOf(migrate).Pointer()
	shared.mu.Lock()
	tpl := shared.templates[key]
	if tpl == nil {
		tpl = &template{}
		shared.templates[key] = tpl
	}
	shared.mu.Unlock()

	tpl.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		tpl.name = nextName("template")
		env, err := l.CreateDatabase(ctx, tpl.name, "")
		if err == nil {
			err = migrate(ctx, env.DirectURL)
		}
		if err != nil {
			tpl.err = fmt.Errorf("labtest: prepare the template database: %w", err)
		}
	})
	if tpl.err != nil {
		t.Fatal(tpl.err)
	}
	return tpl.name
}

func nextName(kind string) string {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.databases++
	return fmt.Sprintf("%s_%d", kind, shared.databases)
}
