package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// descriptorsKept is how many descriptors the plan leaves to the rest of the
// process: the canary's two ends, the report's files, the resolver.
const descriptorsKept = 16

// Machine is what this machine and its limits let one process have open at once.
// A zero limit is one that could not be read, and nothing is judged by it.
type Machine struct {
	Descriptors     int // the soft limit of this process (RLIMIT_NOFILE)
	DescriptorsUsed int // open now
	Ports           int // ephemeral ports (ip_local_port_range)
	PortsUsed       int // of them towards the target, TIME_WAIT included
}

// ReadMachine reads the limits and what is in use of them. Ports are counted by
// the port of the target: one of them serves many targets, but each only once.
func ReadMachine(target *url.URL) Machine {
	m := Machine{Descriptors: descriptorLimit(), DescriptorsUsed: openDescriptors()}
	if m.Ports = portRange(); m.Ports > 0 && target != nil {
		m.PortsUsed = portsTowards(portOf(target))
	}
	return m
}

// Fits judges whether the machine has the connections that a plan takes if the
// server just keeps its target: by Little's law the rate times the latency, and
// never more than the cap, if there is one. A TLS server may carry all of them
// over one connection (HTTP/2), and is not judged. Its error is a *PlanError.
func (m Machine) Fits(p Plan, target *url.URL, maxConnections int) error {
	if target != nil && target.Scheme == "https" {
		return nil
	}
	for _, phase := range p.Phases {
		need := int(math.Ceil(phase.Schedule.peak() * phase.Target.Seconds()))
		if maxConnections > 0 {
			need = min(need, maxConnections)
		}
		takes := fmt.Sprintf("phase %s takes %d connections at once if each answer takes the %v of its target", phase.Name, need, phase.Target)
		if free := m.Descriptors - m.DescriptorsUsed - descriptorsKept; m.Descriptors > 0 && need > free {
			return &PlanError{
				fmt.Sprintf("%s, and of the %d descriptors that this process may have %d are free", takes, m.Descriptors, max(free, 0)),
				"Raise the limit (ulimit -n), lower --rate, or give --max-connections; requests then queue, and the wait counts.",
			}
		}
		if free := m.Ports - m.PortsUsed; m.Ports > 0 && need > free {
			return &PlanError{
				fmt.Sprintf("%s, and of this machine's %d ephemeral ports %d are free towards the target", takes, m.Ports, max(free, 0)),
				"Widen net.ipv4.ip_local_port_range, wait until old connections have left TIME_WAIT, or lower --rate.",
			}
		}
	}
	return nil
}

// missing says which of the machine's resources requests have failed for, "" for
// none: they say nothing about the target.
func (m Machine) missing(kinds map[Kind]int) (why []string) {
	if n := kinds[KindDescriptors]; n > 0 {
		why = append(why, fmt.Sprintf("%d requests were not sent because what ran out is the descriptors of this process: its limit is %s; raise it (ulimit -n), or give --max-connections", n, known(m.Descriptors)))
	}
	if n := kinds[KindPorts]; n > 0 {
		why = append(why, fmt.Sprintf("%d requests were not sent because what ran out is this machine's ephemeral ports: it has %s, %d of them taken towards the target, TIME_WAIT included; widen net.ipv4.ip_local_port_range, or see why the server closes its connections", n, known(m.Ports), m.PortsUsed))
	}
	return why
}

func known(n int) string {
	if n == 0 {
		return "not known"
	}
	return strconv.Itoa(n)
}

// descriptorLimit is the soft limit of open descriptors, 0 where it can't be read.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > math.MaxInt32 {
		return 0
	}
	return int(limit.Cur)
}

// openDescriptors is how many descriptors are open; 0 where that can't be read.
func openDescriptors() int {
	dir, err := os.Open("/dev/fd")
	switch {
	case errors.Is(err, syscall.EMFILE):
		return descriptorLimit() // not even one for this
	case err != nil:
		return 0
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return 0
	}
	return len(names) - 1 // the folder itself was one
}

// portRange is the number of ephemeral ports, 0 where that can't be read.
func portRange() int {
	lo, hi := portBounds()
	if hi < lo || hi == 0 {
		return 0
	}
	return hi - lo + 1
}

func portBounds() (lo, hi int) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0
	}
	if _, err := fmt.Sscan(string(text), &lo, &hi); err != nil {
		return 0, 0
	}
	return lo, hi
}

// portOf is the port of a URL, by its scheme where it names none.
func portOf(u *url.URL) int {
	if n, err := strconv.Atoi(u.Port()); err == nil {
		return n
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

// portsTowards counts this machine's ephemeral ports that are bound to a
// connection to the given port of any host, in any state.
func portsTowards(port int) int {
	lo, hi := portBounds()
	n := 0
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table) //nolint:gosec // one of the two
		if err != nil {
			continue // another system, or no descriptor: then that is what ran out
		}
		suffix := fmt.Appendf(nil, ":%04X ", port)
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if !bytes.Contains(lines.Bytes(), suffix) {
				continue // there may be tens of thousands of them
			}
			fields := strings.Fields(lines.Text())
			if len(fields) > 3 && hexPort(fields[2]) == port {
				if local := hexPort(fields[1]); local >= lo && local <= hi {
					n++
				}
			}
		}
		_ = f.Close() // it was only read
	}
	return n
}

// hexPort is the port of an address as /proc/net/tcp writes it, -1 for none.
func hexPort(address string) int {
	_, text, _ := strings.Cut(address, ":")
	port, err := strconv.ParseUint(text, 16, 16)
	if err != nil {
		return -1
	}
	return int(port)
}

// watchMachine is what the machine has in use while requests run, and had at the most.
type watchMachine struct {
	target    *url.URL
	now, peak Machine
	read      time.Time // when the ports were counted
}

// portsEvery is how often the kernel's table of connections is read during a
// run, and not at its start: that takes tens of milliseconds of CPU.
const portsEvery = 5 * time.Second

// look takes a reading; it is called about once a second.
func (w *watchMachine) look(now time.Time) {
	w.now.Descriptors, w.now.DescriptorsUsed = descriptorLimit(), openDescriptors()
	w.peak.Descriptors = w.now.Descriptors
	w.peak.DescriptorsUsed = max(w.peak.DescriptorsUsed, w.now.DescriptorsUsed)
	switch {
	case w.read.IsZero():
		w.read = now
	case now.Sub(w.read) >= portsEvery:
		w.ports()
		w.read = now
	}
}

// ports reads the table of connections.
func (w *watchMachine) ports() {
	w.peak.Ports = max(w.peak.Ports, portRange())
	w.peak.PortsUsed = max(w.peak.PortsUsed, portsTowards(portOf(w.target)))
}

// String is "12 of 20000".
func (u Used) String() string {
	if u.Limit == 0 {
		return "not known"
	}
	return fmt.Sprintf("at most %d of %d", u.Peak, u.Limit)
}
