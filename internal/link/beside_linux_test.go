package link

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// realPath is two network namespaces, joined by a relay in user space that
// hands on each packet half a round trip later: the kernel's own TCP over an
// ocean. Nothing of it has a name outside this process: descriptors and
// threads alone hold it, so it ends with the process, however that ends.
type realPath struct {
	client, server shore
	delay          time.Duration
	relays         sync.WaitGroup
}

// shore is one end: a namespace and its only network device.
type shore struct {
	namespace *os.File
	device    *os.File
}

var clientAddr, serverAddr = [4]byte{10, 111, 0, 1}, [4]byte{10, 111, 0, 2}

// openRealPath returns errNoRealPath where this process may not do it.
func openRealPath(rtt time.Duration) (*realPath, error) {
	client, err := openShore(clientAddr)
	if err != nil {
		return nil, err
	}
	server, err := openShore(serverAddr)
	if err != nil {
		client.close()
		return nil, err
	}
	p := &realPath{client: client, server: server, delay: rtt / 2}
	p.relay(client.device, server.device)
	p.relay(server.device, client.device)
	return p, nil
}

func (p *realPath) close() {
	p.client.close()
	p.server.close()
	p.relays.Wait()
}

// dial connects from the client's shore, by TCP with the given congestion
// control.
func (p *realPath) dial(ctx context.Context, addr, congestion string) (c *net.TCPConn, err error) {
	err = inNamespace(p.client.namespace, func() error {
		d := net.Dialer{Control: control(congestion)}
		d.SetMultipathTCP(false)
		x, err := d.DialContext(ctx, "tcp4", addr)
		c, _ = x.(*net.TCPConn)
		return err
	})
	return c, err
}

// listen listens on the server's shore; connections inherit the congestion
// control.
func (p *realPath) listen(ctx context.Context, congestion string) (l *net.TCPListener, err error) {
	err = inNamespace(p.server.namespace, func() error {
		lc := net.ListenConfig{Control: control(congestion)}
		lc.SetMultipathTCP(false) // Go listens with it by default
		x, err := lc.Listen(ctx, "tcp4", net.IP(serverAddr[:]).String()+":0")
		l, _ = x.(*net.TCPListener)
		return err
	})
	return l, err
}

// relay hands on what leaves from, half a round trip later, until either
// device is closed.
func (p *realPath) relay(from, to *os.File) {
	type packet struct {
		due  time.Time
		data []byte
	}
	under := make(chan packet, 1<<14)
	p.relays.Go(func() {
		defer close(under)
		buf := make([]byte, 1<<16)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			under <- packet{time.Now().Add(p.delay), append([]byte(nil), buf[:n]...)}
		}
	})
	p.relays.Go(func() {
		for x := range under {
			time.Sleep(time.Until(x.due))
			_, _ = to.Write(x.data) // a packet that is lost is TCP's business
		}
	})
}

func (s shore) close() {
	for _, f := range []*os.File{s.device, s.namespace} {
		if f != nil {
			_ = f.Close()
		}
	}
}

func openShore(addr [4]byte) (s shore, err error) {
	err = onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("a network namespace: %w", err)
		}
		var err error
		if s.namespace, err = os.Open("/proc/thread-self/ns/net"); err != nil {
			return err
		}
		s.device, err = openTUN(addr)
		return err
	})
	if err != nil {
		s.close()
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) ||
			errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
			err = fmt.Errorf("%w: %w", errNoRealPath, err)
		}
	}
	return s, err
}

// openTUN makes a device in the namespace of this thread, gives it an address
// in a network of 256 and brings it up.
func openTUN(addr [4]byte) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	done := false
	defer func() {
		if !done {
			_ = unix.Close(fd)
		}
	}()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(s)
	for _, step := range []struct {
		name    string
		fd      int
		request uint
		set     func(*unix.Ifreq) error
	}{
		{"TUNSETIFF", fd, unix.TUNSETIFF, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI); return nil }},
		{"SIOCSIFTXQLEN", s, unix.SIOCSIFTXQLEN, func(r *unix.Ifreq) error { r.SetUint32(1 << 14); return nil }}, // or a burst overflows it
		{"SIOCSIFADDR", s, unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(addr[:]) }},
		{"SIOCSIFNETMASK", s, unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 255, 0}) }},
		{"SIOCSIFFLAGS", s, unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }},
	} {
		r, err := unix.NewIfreq("ocean")
		if err != nil {
			return nil, err
		}
		if err := step.set(r); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		if err := unix.IoctlIfreq(step.fd, step.request, r); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	done = true
	return os.NewFile(uintptr(fd), "tun"), nil
}

func control(congestion string) func(string, string, syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var failed error
		if err := c.Control(func(fd uintptr) {
			failed = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestion)
		}); err != nil {
			return err
		}
		return failed
	}
}

// inNamespace runs f on a thread in a namespace.
func inNamespace(namespace *os.File, f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter a network namespace: %w", err)
		}
		return f()
	})
}

// onThread runs f on a thread of its own, which ends with it: it is never
// unlocked, so nothing else runs in a namespace that f entered.
func onThread(f func() error) error {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		failed <- f()
	}()
	return <-failed
}
