package link

import (
	"bytes"
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSegmentsOutOfOrder: the kernel drops one arriving segment of ten before TCP sees it; what comes after it is out of
// order, and nothing of ours had to be sent again.
func TestSegmentsOutOfOrder(t *testing.T) {
	client, server := pair(t)
	m := Meter(client)
	raw, err := m.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	const random, drop = 0xfffff038, 1 << 32 / 10 // SKF_AD_OFF + SKF_AD_RANDOM; of 2^32
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: random},
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, Jf: 1, K: drop},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	}); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	sent := make(chan error, 1)
	const size = 20 << 20
	go func() {
		_, err := server.Write(bytes.Repeat([]byte("x"), size))
		sent <- err
	}()
	if _, err := io.CopyN(io.Discard, m, size); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	got, known := m.Segments()
	if !known || got.Disordered == 0 || got.Received <= got.Disordered || got.Again != 0 || got.LeastRTT <= 0 || got.LeastRTT > got.RTT {
		t.Errorf("the kernel tells %+v", got)
	}
}
