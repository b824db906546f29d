// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
)

// vip is the address that moves between the hosts of these tests.
const vip = "192.0.2.100"

// site is two web servers and a client on a switch.
type site struct {
	lb1, lb2, client *Namespace
	web1             WebServer
}

func newSite(t *testing.T) site {
	t.Helper()
	s := newSwitch(t)
	var l site
	l.lb1, _ = plugged(t, s, "lb1", "192.0.2.11/24")
	l.lb2, _ = plugged(t, s, "lb2", "192.0.2.12/24")
	l.client, _ = plugged(t, s, "client", "192.0.2.1/24")
	var err error
	l.web1, err = StartHAProxy(l.lb1, t.TempDir())
	labtest.Must(t, err)
	_, err = StartNginx(l.lb2, t.TempDir())
	labtest.Must(t, err)
	return l
}

// give adds the VIP to a host and announces it by one gratuitous ARP request.
func give(t *testing.T, n *Namespace) {
	t.Helper()
	link, address := eth0(t, n)
	labtest.Must(t, n.Handle().AddrAdd(link, address))
	announce(t, n, link.Attrs().HardwareAddr)
}

func take(t *testing.T, n *Namespace) {
	t.Helper()
	link, address := eth0(t, n)
	labtest.Must(t, n.Handle().AddrDel(link, address))
}

func eth0(t *testing.T, n *Namespace) (netlink.Link, *netlink.Addr) {
	t.Helper()
	link, err := n.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	address, err := netlink.ParseAddr(vip + "/32")
	labtest.Must(t, err)
	return link, address
}

// send sends an Ethernet frame from eth0 of n.
func send(t *testing.T, n *Namespace, etherType int, frame []byte) {
	t.Helper()
	labtest.Must(t, n.Do(func() error {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		conn, err := packet.Listen(link, packet.Raw, etherType, nil)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.WriteTo(frame, &packet.Addr{HardwareAddr: net.HardwareAddr(frame[:6])})
		return err
	}))
}

func announce(t *testing.T, n *Namespace, mac net.HardwareAddr) {
	t.Helper()
	send(t, n, etherTypeARP, arpFrame(1, mac, netip.MustParseAddr(vip), netip.MustParseAddr(vip)))
}

// answeredBy tells whether the last samples were answered by one host.
func answeredBy(server string, count int) func([]Sample) bool {
	return func(samples []Sample) bool {
		stretches := Servers(samples)
		last := len(stretches) - 1
		return last >= 0 && stretches[last].Server == server && stretches[last].Answers >= count
	}
}

func waitServer(t *testing.T, p *Probe, after time.Time, server string) []Sample {
	t.Helper()
	samples, err := p.Wait(labtest.Patient(t), after, answeredBy(server, 50))
	if err != nil {
		t.Fatalf("%s: %v", server, err)
	}
	return samples
}

func TestHTTPProbeSeesAMove(t *testing.T) {
	l := newSite(t)
	give(t, l.lb1)
	p, err := StartHTTPProbe(l.client, netip.MustParseAddrPort(vip+":80"))
	labtest.Must(t, err)
	waitServer(t, p, epoch, "lb1")
	take(t, l.lb1)
	give(t, l.lb2)
	samples := waitServer(t, p, epoch, "lb2")
	labtest.Must(t, p.Stop())

	var order []string
	for _, stretch := range Servers(samples) {
		order = append(order, stretch.Server)
	}
	if diff := cmp.Diff([]string{"lb1", "lb2"}, order); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
}

// The page is what is measured, not the address: it is there all the time.
func TestHTTPProbeSeesADeadServer(t *testing.T) {
	l := newSite(t)
	give(t, l.lb1)
	p, err := StartHTTPProbe(l.client, netip.MustParseAddrPort(vip+":80"))
	labtest.Must(t, err)
	waitServer(t, p, epoch, "lb1")

	start := time.Now()
	labtest.Must(t, l.web1.Kill())
	killed := time.Now()
	_, err = p.Wait(labtest.Patient(t), killed, func(s []Sample) bool { return Lost(s, killed, time.Now()) >= 20 })
	labtest.Must(t, err)
	restarted := time.Now()
	labtest.Must(t, l.web1.Restart())
	samples := waitServer(t, p, restarted, "lb1")
	end := samples[len(samples)-1].Start
	labtest.Must(t, p.Stop())
	if outage := Outage(p.Samples(start), start, end); outage < restarted.Sub(killed) {
		t.Errorf("outage %v, want at least %v", outage, restarted.Sub(killed))
	}
}

func TestUDPProbeCountsWhatIsLost(t *testing.T) {
	l := newSite(t)
	for _, n := range []*Namespace{l.lb1, l.lb2} {
		echo, err := StartEcho(n)
		labtest.Must(t, err)
		defer func() { labtest.Must(t, echo.Stop()) }()
	}
	give(t, l.lb1)
	p, err := StartUDPProbe(l.client, netip.MustParseAddr(vip), time.Millisecond)
	labtest.Must(t, err)
	labtest.Must(t, p.Precede()) // else a busy machine lets it ask more seldom
	waitServer(t, p, epoch, "lb1")

	gone := time.Now()
	take(t, l.lb1)
	_, err = p.Wait(labtest.Patient(t), gone, func(s []Sample) bool { return len(s) >= 20 }) // a second later: lost ones
	labtest.Must(t, err)
	back := time.Now()
	give(t, l.lb2)
	samples := waitServer(t, p, back, "lb2")
	end := samples[len(samples)-1].Start
	labtest.Must(t, p.Stop())

	// A probe may be under way at either edge, and the probe itself may be late.
	want := int(back.Sub(gone).Milliseconds())
	if lost := Lost(p.Samples(epoch), epoch, end); lost < want*8/10 || lost > want+20 {
		t.Errorf("%d lost in %v", lost, back.Sub(gone))
	}
}

func TestPrecede(t *testing.T) {
	echo, err := StartEcho(newNamespace(t, "lb1"))
	labtest.Must(t, err)
	defer func() { labtest.Must(t, echo.Stop()) }()
	labtest.Must(t, echo.Precede())
	labtest.Must(t, echo.eachThread(func(tid int) error {
		attr, err := unix.SchedGetAttr(tid, 0)
		if err == nil && (attr.Policy != unix.SCHED_RR || attr.Priority != 1) {
			t.Errorf("thread %d: %+v", tid, attr)
		}
		return err
	}))
}

// What is lost is known as soon as the probe has no more patience.
func TestImpatientUDPProbe(t *testing.T) {
	s := layOut(t)
	const timeout = 100 * time.Millisecond
	p, err := StartImpatientUDPProbe(s.Client.Namespace, netip.MustParseAddr(vip), time.Millisecond, timeout)
	labtest.Must(t, err)
	samples, err := p.Wait(labtest.Patient(t), epoch, func(s []Sample) bool { return len(s) >= 20 })
	labtest.Must(t, err)
	if late := time.Since(samples[0].Start); late > udpTimeout || samples[0].Duration != timeout || samples[0].OK {
		t.Errorf("%+v, known after %v", samples[0], late)
	}
	labtest.Must(t, p.Stop())
}

// A client whose neighbour entry is fresh doesn't change it for a second
// (locktime), but for a gratuitous ARP request it does. Two within it:
func TestClientFollowsGratuitousARPAtOnce(t *testing.T) {
	l := newSite(t)
	give(t, l.lb1)
	p, err := StartHTTPProbe(l.client, netip.MustParseAddrPort(vip+":80"))
	labtest.Must(t, err)
	waitServer(t, p, epoch, "lb1")
	w := watchNeighbor(t, l.client, vipAddr)
	link2, _ := eth0(t, l.lb2)
	link1, _ := eth0(t, l.lb1)
	for range 5 {
		for _, n := range []struct {
			host *Namespace
			mac  net.HardwareAddr
		}{{l.lb2, link2.Attrs().HardwareAddr}, {l.lb1, link1.Attrs().HardwareAddr}} {
			announced := time.Now()
			announce(t, n.host, n.mac)
			if followed := waitNeighbor(t, w, n.mac, announced); followed.Time.Sub(announced) > 500*time.Millisecond {
				t.Errorf("followed after %v", followed.Time.Sub(announced))
			}
		}
	}
	labtest.Must(t, p.Stop())
}

// The other tests of the probes are with IPv4.
func TestProbesOfIPv6(t *testing.T) {
	s := layOut(t)
	_, err := StartHAProxy(s.LB1.Namespace, s.LB1.Dir)
	labtest.Must(t, err)
	echo, err := StartEcho(s.LB1.Namespace)
	labtest.Must(t, err)
	defer func() { labtest.Must(t, echo.Stop()) }()
	address := netip.MustParseAddr("2001:db8::11")
	http, err := StartHTTPProbe(s.Client.Namespace, netip.AddrPortFrom(address, 80))
	labtest.Must(t, err)
	udp, err := StartUDPProbe(s.Client.Namespace, address, time.Millisecond)
	labtest.Must(t, err)
	for _, p := range []*Probe{http, udp} {
		waitServer(t, p, epoch, "lb1")
		labtest.Must(t, p.Stop())
	}
}

func TestStartEchoWhereOneIs(t *testing.T) {
	n := newNamespace(t, "lb1")
	echo, err := StartEcho(n)
	labtest.Must(t, err)
	if _, err := StartEcho(n); err == nil {
		t.Error("no error")
	}
	labtest.Must(t, echo.Stop())
}

func TestHelperMistakes(t *testing.T) {
	for name, args := range map[string][]string{
		"unknown":       {"ftp", "192.0.2.1:21"},
		"no argument":   {"http"},
		"two arguments": {"http", "192.0.2.1:80", "192.0.2.2:80"},
		"bad address":   {"udp", "lb1 1ms 1s"},
		"bad period":    {"udp", "192.0.2.1:7 1 1s"},
		"bad timeout":   {"udp", "192.0.2.1:7 1ms soon"},
		"no timeout":    {"udp", "192.0.2.1:7 1ms"},
	} {
		if err := help(args[0], args[1:]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A program that forgets to call Helper would start itself for ever.
func TestHelperOfAHelper(t *testing.T) {
	t.Setenv(helperEnv, "http")
	if _, err := startHelper(newNamespace(t, "client"), "http", "192.0.2.1:80"); err == nil {
		t.Error("no error")
	}
}

func TestProbeThatDies(t *testing.T) {
	p, err := StartHTTPProbe(newNamespace(t, "client"), netip.MustParseAddrPort("127.0.0.1:80"))
	labtest.Must(t, err)
	labtest.Must(t, p.cmd.Process.Signal(syscall.SIGKILL))
	if _, err := p.Wait(labtest.Patient(t), epoch, func([]Sample) bool { return false }); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("error %v, want that the probe was killed", err)
	}
	if p.Stop() == nil {
		t.Error("Stop says that all is well")
	}
}

// What a helper says must be samples; one that says something else is ended.
func TestProbeThatTalksNonsense(t *testing.T) {
	p, err := startProbe(newNamespace(t, "client"), "echo", "192.0.2.1:7 1ms")
	labtest.Must(t, err)
	_, err = p.Wait(labtest.Patient(t), epoch, func([]Sample) bool { return false })
	if err == nil || !strings.Contains(err.Error(), "read a probe's sample") {
		t.Errorf("error %v, want that it is no sample", err)
	}
}

func TestProbeKeepsTheOrder(t *testing.T) {
	p := &Probe{}
	for _, ms := range []int{10, 5, 15, 0, 12} {
		line := fmt.Sprintf(`{"start":%q,"ok":true}`, at(ms).Format(time.RFC3339Nano))
		labtest.Must(t, p.add([]byte(line)))
	}
	var got []int
	for _, s := range p.Samples(at(0)) {
		got = append(got, int(s.Start.Sub(epoch).Milliseconds()))
	}
	if diff := cmp.Diff([]int{5, 10, 12, 15}, got); diff != "" {
		t.Errorf("after the first (-want +got):\n%s", diff)
	}
	p.Forget(epoch.Add(10 * time.Millisecond))
	if left := p.Samples(time.Time{}); len(left) != 2 || left[0].Start.Sub(epoch) != 12*time.Millisecond {
		t.Errorf("those until 10 ms are forgotten, left are %v", left)
	}
	if p.add([]byte("no sample")) == nil {
		t.Error("a line that is no sample: no error")
	}
	p.samples = make([]Sample, maxSamples)
	if err := p.add([]byte(`{}`)); err != errFull {
		t.Errorf("a sample too many: %v", err)
	}
}

// Delays must not add up: after n calls n periods are over, and not much more.
func TestPace(t *testing.T) {
	const period, calls = 2 * time.Millisecond, 100
	stop, count, start := make(chan struct{}), 0, time.Now()
	err := pace(period, stop, func() {
		if count++; count == calls {
			close(stop)
		}
		time.Sleep(period / 2) // the work
	})
	labtest.Must(t, err)
	if took := time.Since(start); took < (calls-1)*period || took > 2*calls*period {
		t.Errorf("%d calls took %v", calls, took)
	}
}

func TestPaceLeavesOutWhatIsMissed(t *testing.T) {
	const period = 10 * time.Millisecond
	now, err := monotonic()
	labtest.Must(t, err)
	last := now - 35*time.Millisecond
	next, err := following(last, period)
	labtest.Must(t, err)
	if next != last+40*time.Millisecond {
		t.Errorf("the next call is %v after the last, want 40ms", next-last)
	}
}
