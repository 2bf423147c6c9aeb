//go:build !linux

package probe_test

// lossFaults need a kernel that can be told to lose packets.
func lossFaults() []fault { return nil }
