//go:build !linux

package main

import "testing"

// BenchmarkRealTCP needs network namespaces and TUN devices.
func BenchmarkRealTCP(b *testing.B) {
	b.Fatal("the kernel's TCP can be measured on Linux only: run it there, as root")
}
