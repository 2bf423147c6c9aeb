//go:build !linux

package link

func segments(uintptr) (Segments, bool) { return Segments{}, false }
