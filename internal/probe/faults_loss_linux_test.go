package probe_test

import (
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// lossFaults need a kernel that can be told to lose packets.
func lossFaults() []fault {
	return []fault{{
		name: "packets on the way to the pooler are lost", code: "HD-N06", evidence: "TCP retransmitted",
		inject: func(t *testing.T, b *bed) { b.config.URL = lossy(t, b.config.URL) },
	}}
}

// lossy is a relay whose kernel drops one segment of ten that the client sends, before TCP sees it: the
// client's own kernel has to send it again.
func lossy(t *testing.T, raw string) string {
	return relayed(t, raw, func(client, server *net.TCPConn) {
		conn, err := client.SyscallConn()
		if err != nil {
			t.Error(err)
			return
		}
		const random, drop = 0xfffff038, 1 << 32 / 10 // SKF_AD_OFF + SKF_AD_RANDOM; of 2^32
		program := []unix.SockFilter{
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: random},
			{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, Jf: 1, K: drop},
			{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
			{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		}
		var failed error
		if err := conn.Control(func(fd uintptr) {
			failed = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
		}); err != nil || failed != nil {
			t.Error(err, failed)
			return
		}
		both(client, server, func(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from) })
	})
}
