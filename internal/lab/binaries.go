package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MissingError says which servers are not installed, and how to install them.
type MissingError struct {
	Servers []string // of postgres, pgbouncer, redis-server
	OS      string   // as runtime.GOOS
}

func (e *MissingError) Error() string {
	return "lab: not installed: " + strings.Join(e.Servers, ", ")
}

// Hint says how to install them.
func (e *MissingError) Hint() string {
	debian, brew := make([]string, 0, 3), make([]string, 0, 3)
	for _, s := range e.Servers {
		switch s {
		case "postgres":
			debian, brew = append(debian, "postgresql"), append(brew, "postgresql@17")
		case "redis-server":
			debian, brew = append(debian, s), append(brew, "redis")
		default:
			debian, brew = append(debian, s), append(brew, s)
		}
	}
	onDebian := "sudo apt-get install " + strings.Join(debian, " ")
	onMac := "brew install " + strings.Join(brew, " ")
	how := fmt.Sprintf("On Debian or Ubuntu: %s. On macOS: %s", onDebian, onMac)
	if e.OS == "darwin" {
		how = fmt.Sprintf("On macOS: %s. On Debian or Ubuntu: %s", onMac, onDebian)
	}
	return how + ". Or name their folders: HONEYDUE_BIN_DIRS=/one:/two"
}

// binaries is where the servers are.
type binaries struct {
	postgres, initdb, pooler, redis string // paths
	pgMajor                         int
	pgLib                           []string // folders that may hold Postgres' libraries
	poolerVersion                   [2]int
}

// find looks in dirs, in PATH, and where Debian, Red Hat, Homebrew, MacPorts
// and Postgres.app put the servers. dataMajor, unless 0, is the one major
// version of Postgres that can read the data folder.
func find(ctx context.Context, dirs []string, dataMajor int) (binaries, error) {
	var b binaries
	var missing []string

	pg, versions := findPostgres(ctx, dirs, dataMajor)
	switch {
	case pg == "" && len(versions) > 0:
		return b, advise(fmt.Sprintf("Install Postgres %d, or delete the data folder to start over.", dataMajor),
			"lab: the data folder was created by Postgres %d, and the installed version is %s", dataMajor, strings.Join(versions, ", "))
	case pg == "":
		missing = append(missing, "postgres")
	}
	pooler := first(dirs, "pgbouncer", "/usr/sbin", "/opt/homebrew/bin", "/opt/homebrew/opt/pgbouncer/bin", "/usr/local/bin", "/usr/local/sbin", "/usr/local/opt/pgbouncer/bin", "/opt/local/bin")
	if pooler == "" {
		missing = append(missing, "pgbouncer")
	}
	redis := first(dirs, "redis-server", "/usr/bin", "/opt/homebrew/bin", "/opt/homebrew/opt/redis/bin", "/usr/local/bin", "/usr/local/opt/redis/bin", "/opt/local/bin")
	if redis == "" {
		missing = append(missing, "redis-server")
	}
	if missing != nil {
		return b, &MissingError{Servers: missing, OS: runtime.GOOS}
	}

	b.postgres, b.initdb, b.pooler, b.redis = filepath.Join(pg, "postgres"), filepath.Join(pg, "initdb"), pooler, redis
	v, err := version(ctx, b.postgres)
	if err != nil {
		return b, err
	}
	b.pgMajor = v[0]
	if b.poolerVersion, err = version(ctx, b.pooler); err != nil {
		return b, err
	}
	if target, err := filepath.EvalSymlinks(b.postgres); err == nil {
		pg = filepath.Dir(target)
	}
	lib := filepath.Join(filepath.Dir(pg), "lib")
	b.pgLib = []string{lib, filepath.Join(lib, "postgresql"), filepath.Join(lib, fmt.Sprintf("postgresql@%d", b.pgMajor))}
	return b, nil
}

// findPostgres returns the first folder that has both postgres and initdb, of
// the given major version unless that is 0. Failing that, it returns the
// versions that it passed over.
func findPostgres(ctx context.Context, dirs []string, major int) (dir string, others []string) {
	candidates := slices.Clone(dirs)
	if p, err := exec.LookPath("postgres"); err == nil {
		candidates = append(candidates, filepath.Dir(p))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/opt/homebrew/bin",
		"/usr/local/opt/postgresql@*/bin", "/usr/local/bin", "/usr/local/pgsql/bin",
		"/opt/local/lib/postgresql*/bin", "/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		candidates = append(candidates, newestFirst(pattern)...)
	}
	for _, d := range candidates {
		if !executable(filepath.Join(d, "postgres")) || !executable(filepath.Join(d, "initdb")) {
			continue
		}
		if major == 0 {
			return d, nil
		}
		v, err := version(ctx, filepath.Join(d, "postgres"))
		if err != nil {
			continue
		}
		if v[0] == major {
			return d, nil
		}
		if s := strconv.Itoa(v[0]); !slices.Contains(others, s) {
			others = append(others, s)
		}
	}
	return "", others
}

func first(dirs []string, name string, known ...string) string {
	for _, d := range dirs {
		if p := filepath.Join(d, name); executable(p) {
			return p
		}
	}
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	for _, d := range known {
		if p := filepath.Join(d, name); executable(p) {
			return p
		}
	}
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

var number = regexp.MustCompile(`\d+`)

// newestFirst expands a pattern and sorts by the first number in the part that
// the pattern leaves open.
func newestFirst(pattern string) []string {
	found, _ := filepath.Glob(pattern) // the patterns are well-formed
	prefix := strings.Index(pattern, "*")
	slices.SortStableFunc(found, func(a, b string) int {
		return firstNumber(b[prefix:]) - firstNumber(a[prefix:])
	})
	return found
}

func firstNumber(s string) int {
	n, err := strconv.Atoi(number.FindString(s))
	if err != nil {
		return 0
	}
	return n
}

// version asks a server's binary for its major and minor version.
func version(ctx context.Context, path string) ([2]int, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return [2]int{}, fmt.Errorf("lab: %s --version: %w", path, err)
	}
	found := number.FindAllString(string(out), 2)
	if len(found) < 2 {
		return [2]int{}, fmt.Errorf("lab: %s --version answers %q, in which no version can be read", path, strings.TrimSpace(string(out)))
	}
	major, _ := strconv.Atoi(found[0])
	minor, _ := strconv.Atoi(found[1])
	return [2]int{major, minor}, nil
}
