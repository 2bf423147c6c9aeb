//go:build unix && !linux

package lab

import (
	"os/exec"
	"strconv"
	"strings"
)

// startOf returns the moment a process started, as ps words it, and whether it
// is alive: together with its pid that names one process. A zombie is dead.
func startOf(pid int) (string, bool) {
	state, start, ok := strings.Cut(ps(pid, "-o", "state=", "-o", "lstart="), " ")
	if !ok || strings.HasPrefix(state, "Z") {
		return "", false
	}
	return strings.TrimSpace(start), true
}

// commandOf returns a process's command line, arguments separated by spaces.
func commandOf(pid int) string { return ps(pid, "-ww", "-o", "command=") }

func ps(pid int, columns ...string) string {
	out, err := exec.Command("ps", append(columns, "-p", strconv.Itoa(pid))...).Output() //nolint:gosec,noctx // fixed words and a number; it answers at once
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
