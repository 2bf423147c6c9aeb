package lab

import (
	"bytes"
	"fmt"
	"os"
)

// startOf returns the moment a process started, in the kernel's own words, and
// whether it is alive: together with its pid that names one process for as
// long as the machine runs. A zombie is dead.
func startOf(pid int) (string, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", false
	}
	// The second field is the command in brackets, which may hold anything.
	_, after, ok := bytes.Cut(b[max(0, bytes.LastIndexByte(b, ')')):], []byte(") "))
	if !ok {
		return "", false
	}
	fields := bytes.Fields(after)
	const state, startTime = 0, 19 // fields 3 and 22 of proc(5)
	if len(fields) <= startTime || bytes.ContainsAny(fields[state], "ZX") {
		return "", false
	}
	return string(fields[startTime]), true
}

// commandOf returns a process's command line, arguments separated by spaces.
func commandOf(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return string(bytes.ReplaceAll(bytes.TrimRight(b, "\x00"), []byte{0}, []byte{' '}))
}
