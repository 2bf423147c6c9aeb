//go:build !linux && !darwin

package link

func peerClosed(uintptr) bool { return false }
