package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// kernelPath is a network path on which the kernel's own TCP runs: two network namespaces, a TUN device in each, and a
// relay that hands every packet over after half a round trip. The process itself is in the database's namespace. All of it
// belongs to this process, so that the kernel removes it when the process ends, however that happens.
type kernelPath struct {
	oneWay  time.Duration
	app     netns.NsHandle
	devices [2]*os.File // of the database's side and of the app's
	ended   sync.WaitGroup

	packets, dropped atomic.Int64

	mu      sync.Mutex
	asking  map[uint16]*flights // by the app's port
	replies []flights
}

// flights is one reply of the database's side as the relay saw it. A flight ends where the sender waited for at least most of a
// round trip before it sent more: its congestion window was full.
type flights struct{ bytes, segments, flights, firstBytes, firstSegments int }

const (
	databaseAddress, appAddress = "10.61.0.1", "10.61.0.2"
	// A relay that holds more packets than this has lost touch with time; it drops, as a router would.
	relayQueue = 8192
	largestMTU = 1500
)

// openKernelPath needs a process that is alone in its network namespace, and root.
func openKernelPath(rtt time.Duration) (*kernelPath, error) {
	p := &kernelPath{oneWay: rtt / 2, app: netns.None(), asking: map[uint16]*flights{}}
	err := p.inNamespace(nil, func() (err error) {
		if links, err := netlink.LinkList(); err != nil || len(links) != 1 {
			return errors.Join(err, fmt.Errorf("there are %d network devices, and in a namespace of its own there is one", len(links)))
		}
		p.devices[0], err = openTUN("db", databaseAddress, appAddress)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = p.inNamespace(&p.app, func() (err error) {
		p.devices[1], err = openTUN("app", appAddress, databaseAddress)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, p.devices[0].Close())
	}
	p.relay(p.devices[0], p.devices[1], p.replied())
	p.relay(p.devices[1], p.devices[0], p.asked)
	return p, nil
}

// inNamespace runs f on a thread of its own: in the process's namespace if into is nil, in *into, or in a new one that it
// stores there. The thread ends with it.
func (p *kernelPath) inNamespace(into *netns.NsHandle, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread is in the wrong place for anybody else
		done <- func() (err error) {
			switch {
			case into == nil:
			case into.IsOpen():
				err = netns.Set(*into)
			default:
				*into, err = netns.New()
			}
			if err != nil {
				return fmt.Errorf("a network namespace can't be entered: %w", err)
			}
			return f()
		}()
	}()
	return <-done
}

// openTUN makes a device with one address and one peer, and sets the loopback device up as well.
func openTUN(name, address, peer string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun can't be opened: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	f := os.NewFile(uintptr(fd), "/dev/net/tun")
	for _, device := range []string{"lo", name} {
		var l netlink.Link
		if err == nil {
			l, err = netlink.LinkByName(device)
		}
		if err == nil && device == name {
			err = netlink.AddrAdd(l, &netlink.Addr{
				IPNet: &net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(32, 32)}, Peer: &net.IPNet{IP: net.ParseIP(peer), Mask: net.CIDRMask(32, 32)},
			})
		}
		if err == nil {
			err = netlink.LinkSetUp(l)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the device %s can't be made: %w", name, err), f.Close())
	}
	return f, nil
}

type packet struct {
	content []byte
	due     time.Time
}

// segment is a TCP segment that carries data.
type segment struct {
	source, target uint16
	bytes          int
}

func parseSegment(b []byte) (segment, bool) {
	const leastIP, leastTCP = 20, 20
	if len(b) < leastIP+leastTCP || b[0]>>4 != 4 || b[9] != unix.IPPROTO_TCP {
		return segment{}, false
	}
	t := b[int(b[0]&0xf)*4:]
	one := segment{binary.BigEndian.Uint16(t), binary.BigEndian.Uint16(t[2:]), len(t) - int(t[12]>>4)*4}
	return one, one.bytes > 0
}

// asked begins a reply of its own for what the app sends after it has got some.
func (p *kernelPath) asked(s segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.asking[s.source]; now == nil || now.segments > 0 {
		if now != nil {
			p.replies = append(p.replies, *now)
		}
		p.asking[s.source] = &flights{}
	}
}

func (p *kernelPath) replied() func(segment) {
	last := map[uint16]time.Time{}
	return func(s segment) {
		p.mu.Lock()
		defer p.mu.Unlock()
		r := p.asking[s.target]
		if r == nil {
			return
		}
		now := time.Now()
		if r.segments == 0 || now.Sub(last[s.target]) > 2*p.oneWay*8/10 {
			r.flights++
		}
		last[s.target] = now
		r.segments, r.bytes = r.segments+1, r.bytes+s.bytes
		if r.flights == 1 {
			r.firstSegments, r.firstBytes = r.segments, r.bytes
		}
	}
}

// takeReplies returns the replies since it was called before.
func (p *kernelPath) takeReplies() []flights {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.replies
	for port, r := range p.asking {
		if r.segments > 0 {
			all = append(all, *r)
			delete(p.asking, port)
		}
	}
	p.replies = nil
	return all
}

// relay hands packets over in their order: each is due as long after the one before as it came.
func (p *kernelPath) relay(from, to *os.File, see func(segment)) {
	queue := make(chan packet, relayQueue)
	p.ended.Go(func() {
		defer close(queue)
		for {
			content := make([]byte, largestMTU)
			n, err := from.Read(content)
			if err != nil {
				return
			}
			p.packets.Add(1)
			if one, ok := parseSegment(content[:n]); ok {
				see(one)
			}
			select {
			case queue <- packet{content[:n], time.Now().Add(p.oneWay)}:
			default:
				p.dropped.Add(1)
			}
		}
	})
	p.ended.Go(func() {
		for one := range queue {
			time.Sleep(time.Until(one.due))
			if _, err := to.Write(one.content); err != nil {
				p.dropped.Add(1)
			}
		}
	})
}

// setCongestionControl is for connections that are made from then on, on both sides. The routes carry it: only the first
// namespace of a system may choose every algorithm as its default.
func (p *kernelPath) setCongestionControl(name string) error {
	through := func(device, peer string) func() error {
		return func() error {
			l, err := netlink.LinkByName(device)
			if err != nil {
				return err
			}
			return netlink.RouteReplace(&netlink.Route{
				LinkIndex: l.Attrs().Index, Scope: netlink.SCOPE_LINK, Congctl: name, Dst: &net.IPNet{IP: net.ParseIP(peer).To4(), Mask: net.CIDRMask(32, 32)},
			})
		}
	}
	return errors.Join(p.inNamespace(nil, through("db", appAddress)), p.inNamespace(&p.app, through("app", databaseAddress)))
}

// dial connects from the app's side.
func (p *kernelPath) dial(ctx context.Context, network, address string) (c net.Conn, err error) {
	err = p.inNamespace(&p.app, func() (err error) {
		c, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return c, err
}

func (p *kernelPath) Close() error {
	err := errors.Join(p.devices[0].Close(), p.devices[1].Close(), p.app.Close())
	p.ended.Wait()
	return err
}

// TestFlightsOfAReply: a gap of a round trip between two segments of a reply is a wait for the window, and what the app sends ends
// the reply.
func TestFlightsOfAReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &kernelPath{oneWay: 50 * time.Millisecond, asking: map[uint16]*flights{}}
		reply := p.replied()
		packetOf := func(source, target uint16, bytes int) segment {
			b := make([]byte, 40+bytes)
			b[0], b[9], b[32] = 0x45, unix.IPPROTO_TCP, 5<<4
			binary.BigEndian.PutUint16(b[20:], source)
			binary.BigEndian.PutUint16(b[22:], target)
			one, ok := parseSegment(b)
			if want := (segment{source, target, bytes}); ok != (bytes > 0) || ok && one != want {
				t.Errorf("%+v, %t: want %+v", one, ok, want)
			}
			return one
		}
		ask := packetOf(7000, 6432, 100)
		p.asked(ask)
		reply(packetOf(6432, 7000, 1448))
		reply(packetOf(6432, 7000, 1222))
		time.Sleep(100 * time.Millisecond) // on the clock of synctest
		reply(packetOf(6432, 7000, 30))
		packetOf(6432, 7000, 0) // an acknowledgment
		p.asked(ask)
		p.asked(ask) // the second segment of the same request
		reply(packetOf(6432, 7000, 5))
		want := []flights{{bytes: 2700, segments: 3, flights: 2, firstBytes: 2670, firstSegments: 2}, {bytes: 5, segments: 1, flights: 1, firstBytes: 5, firstSegments: 1}}
		if got := p.takeReplies(); !slices.Equal(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
		if got := p.takeReplies(); len(got) != 0 {
			t.Errorf("%+v again", got)
		}
	})
}
