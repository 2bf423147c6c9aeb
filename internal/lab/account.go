package lab

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// account is the user that the servers run as. Postgres and PgBouncer refuse
// to run as root, so a lab of root switches to an unprivileged user; any other
// lab keeps its own.
type account struct {
	switches bool
	name     string
	uid, gid uint32
	groups   []uint32
}

func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		return newAccount(u)
	}
	return account{}, advise("Install Postgres, or run honeydue as a normal user.",
		"lab: root can't run Postgres, and there is neither a user postgres nor a user nobody to run it as")
}

func newAccount(u *user.User) (account, error) {
	a := account{switches: true, name: u.Username}
	var err error
	if a.uid, err = id(u.Uid); err != nil {
		return account{}, err
	}
	if a.gid, err = id(u.Gid); err != nil {
		return account{}, err
	}
	groups, err := u.GroupIds()
	if err != nil {
		groups = nil // the main group is enough
	}
	for _, g := range groups {
		n, err := id(g)
		if err != nil {
			return account{}, err
		}
		a.groups = append(a.groups, n)
	}
	return a, nil
}

func id(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("lab: a user or group id of the system is not a number: %w", err)
	}
	return uint32(n), nil
}

// attributes starts a process's attributes: the user it runs as.
func (a account) attributes() *syscall.SysProcAttr {
	if !a.switches {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.uid, Gid: a.gid, Groups: a.groups}}
}

// own gives a file or folder to the account.
func (a account) own(path string) error {
	if !a.switches {
		return nil
	}
	if err := os.Lchown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("lab: give %s to the user %s: %w", path, a.name, err)
	}
	return nil
}

// ownedDir makes a folder that only the account can enter.
func (a account) ownedDir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return advise(chooseDir, "lab: the data folder can't be written: %w", err)
	}
	return a.own(path)
}

// ownedFile writes a file that only the account can read.
func (a account) ownedFile(path string, data []byte) error {
	if err := writeFile(path, data, 0o600); err != nil {
		return err
	}
	return a.own(path)
}

// canReach refuses a folder that the account can't enter, naming the parent
// that keeps it out.
func (a account) canReach(dir string) error {
	if !a.switches {
		return nil
	}
	for _, p := range ancestors(dir) {
		info, err := os.Stat(p)
		if err != nil {
			return fmt.Errorf("lab: the data folder: %w", err)
		}
		if !a.mayEnter(info) {
			return advise(chooseDir+" Or allow it: chmod o+x "+p,
				"lab: the user %s, which the servers run as, can't enter %s on the way to the data folder %s", a.name, p, dir)
		}
	}
	return nil
}

func (a account) mayEnter(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	switch {
	case st.Uid == a.uid:
		return info.Mode()&0o100 != 0
	case st.Gid == a.gid || slices.Contains(a.groups, st.Gid):
		return info.Mode()&0o010 != 0
	default:
		return info.Mode()&0o001 != 0
	}
}

// ancestors lists dir's parents from the root down, and dir itself last.
func ancestors(dir string) []string {
	var all []string
	for p := filepath.Clean(dir); ; p = filepath.Dir(p) {
		all = append(all, p)
		if p == filepath.Dir(p) {
			break
		}
	}
	slices.Reverse(all)
	return all
}
