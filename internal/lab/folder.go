package lab

import (
	"fmt"
	"os"
	"path/filepath"
)

// chooseDir is what to do about a data folder that can't be used.
const chooseDir = "Choose another data folder with --data."

// folder is the layout of a lab's data folder.
type folder string

func (f folder) path(elem ...string) string {
	return filepath.Join(append([]string{string(f)}, elem...)...)
}

func (f folder) lock() string           { return f.path("lab.lock") }
func (f folder) state() string          { return f.path("lab.json") }
func (f folder) secrets() string        { return f.path("secrets.json") }
func (f folder) caCert() string         { return f.path("tls", "ca.crt") }
func (f folder) serverCert() string     { return f.path("tls", "server.crt") }
func (f folder) serverKey() string      { return f.path("tls", "server.key") }
func (f folder) postgres() string       { return f.path("postgres") }
func (f folder) pooler() string         { return f.path("pgbouncer") }
func (f folder) redis() string          { return f.path("redis") }
func (f folder) log(name string) string { return f.path("log", name+".log") }

// open makes what is missing of the folder and returns its true path, free of
// symbolic links.
func open(dir string, a account) (folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("lab: the data folder %s: %w", dir, err)
	}
	if err := makeDir(abs, a); err != nil {
		return "", err
	}
	path, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", fmt.Errorf("lab: the data folder %s: %w", abs, err)
	}
	f := folder(path)
	if err := a.canReach(path); err != nil {
		return "", err
	}
	for _, sub := range []string{"tls", "log"} {
		if err := makeDir(f.path(sub), a); err != nil {
			return "", err
		}
	}
	for _, own := range []string{f.pooler(), f.redis()} {
		if err := a.ownedDir(own); err != nil {
			return "", err
		}
	}
	return f, nil
}

// makeDir makes a folder and what is missing of its parents, unless the
// servers' user could not enter them. That user has to pass through, whatever
// the umask says; what is secret in there is closed itself.
func makeDir(path string, a account) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := makeDir(parent, a); err != nil {
			return err
		}
		if err := a.canReach(parent); err != nil {
			return err
		}
	}
	mode := os.FileMode(0o700)
	if a.switches {
		mode = 0o755
	}
	err := os.Mkdir(path, mode)
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		return advise(chooseDir, "lab: the data folder can't be made: %w", err)
	}
	return nil
}

// writeFile replaces a file as a whole, so that a reader sees the old one or
// the new one.
func writeFile(path string, data []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("lab: write %s: %w", path, err)
	}
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("lab: write %s: %w", path, err)
	}
	return nil
}
