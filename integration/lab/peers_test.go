// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

const (
	// peerInterval is what the peers advertise at here, and peerSlack how late they
	// may be on a busy machine.
	peerInterval = 200 * time.Millisecond
	peerSlack    = 400 * time.Millisecond
)

// peer is a VRRP daemon of others in one of its configurations.
type peer struct {
	vip     string
	virtual bool // it has the virtual MAC
	// both: it leaves arp_ignore as it is, so that its own interface may answer for the
	// address for a moment, too, by its own MAC.
	both  bool
	start func(h *Host, priority int) (VRRPDaemon, error)
	// prioritise gives it another priority while it runs.
	prioritise func(d VRRPDaemon, priority int) error
}

func keepalivedConfig(vip string, priority int, more string) string {
	return fmt.Sprintf(`vrrp_instance web {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority %d
  advert_int 0.2
  version 3
  %s
  virtual_ipaddress {
    %s
  }
}
`, priority, more, vip)
}

func keepalivedPeer(vip, more string) peer {
	return peer{
		vip:     vip,
		virtual: more != "",
		start: func(h *Host, priority int) (VRRPDaemon, error) {
			return StartKeepalived(h.Namespace, h.Dir, keepalivedConfig(vip, priority, more))
		},
		prioritise: func(d VRRPDaemon, priority int) error {
			k := d.(*Keepalived)
			if err := k.Configure(keepalivedConfig(vip, priority, more)); err != nil {
				return err
			}
			return k.Reload()
		},
	}
}

func frrConfig(vip string, priority int) string {
	address := netip.MustParsePrefix(vip).Addr()
	family := map[bool]string{true: "ip", false: "ipv6"}[address.Is4()]
	return fmt.Sprintf(`interface eth0
 vrrp 51 version 3
 vrrp 51 priority %d
 vrrp 51 advertisement-interval 200
 vrrp 51 %s %s
`, priority, family, address)
}

func frrPeer(vip string) peer {
	return peer{
		vip:     vip,
		virtual: true,
		both:    true,
		start: func(h *Host, priority int) (VRRPDaemon, error) {
			if err := h.AddVirtualMAC(Interface, 51, vip); err != nil {
				return nil, err
			}
			return StartFRR(h.Namespace, h.Dir, frrConfig(vip, priority))
		},
		prioritise: func(d VRRPDaemon, priority int) error {
			_, err := d.(*FRR).Command("configure terminal", "interface eth0", fmt.Sprintf("vrrp 51 priority %d", priority))
			return err
		},
	}
}

// nodes are two hosts with captures, and a third who asks.
type nodes struct {
	site     *Site
	captures map[string]*Capture
}

func watchNodes(t *testing.T) nodes {
	t.Helper()
	n := nodes{layOut(t), make(map[string]*Capture)}
	for _, h := range []*Host{n.site.LB1, n.site.LB2} {
		n.captures[h.Name()] = startCapture(t, h.Namespace)
	}
	return n
}

// all is what was captured on each node.
func (n nodes) all() map[string][]Packet {
	all := make(map[string][]Packet)
	for name, c := range n.captures {
		all[name] = c.Packets()
	}
	return all
}

// heard waits for an advert that a node sends, after a moment.
func (n nodes) heard(t *testing.T, h *Host, after time.Time, match func(Packet) bool) Packet {
	t.Helper()
	p, err := n.captures[h.Name()].Wait(labtest.Patient(t), func(p Packet) bool {
		return p.Sent && p.Kind == Advert && p.Time.After(after) && match(p)
	})
	if err != nil {
		t.Fatalf("adverts of %s: %v", h.Name(), err)
	}
	return p
}

func prior(priority uint8) func(Packet) bool {
	return func(p Packet) bool { return p.Priority == priority }
}

func startPeer(t *testing.T, p peer, h *Host, priority int) VRRPDaemon {
	t.Helper()
	d, err := p.start(h, priority)
	labtest.Must(t, err)
	t.Cleanup(func() {
		labtest.Must(t, d.Kill())
		if t.Failed() {
			t.Logf("the log on %s ends with:\n%s", h.Name(), d.LogTail())
		}
	})
	return d
}

// Two nodes with the same daemon: what they do, and that we see it.
func TestPeers(t *testing.T) {
	for name, p := range map[string]peer{
		"keepalived":                   keepalivedPeer(VIP4, ""),
		"keepalived, IPv6":             keepalivedPeer(VIP6, ""),
		"keepalived, virtual MAC":      keepalivedPeer(VIP4, "use_vmac"),
		"keepalived, virtual MAC IPv6": keepalivedPeer(VIP6, "use_vmac"),
		"FRR":                          frrPeer(VIP4),
		"FRR, IPv6":                    frrPeer(VIP6),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testPeer(t, p)
		})
	}
}

func testPeer(t *testing.T, p peer) {
	vip := netip.MustParsePrefix(p.vip).Addr()
	n := watchNodes(t)
	lb1, lb2 := n.site.LB1, n.site.LB2
	asker, err := StartAsker(n.site.Client.Namespace, Interface, vip)
	labtest.Must(t, err)
	first, second := startPeer(t, p, lb1, 200), startPeer(t, p, lb2, 100)
	active := n.heard(t, lb1, time.Time{}, prior(200))
	if virtual(active.Ethernet) != p.virtual {
		t.Errorf("adverts come from %v", active.Ethernet)
	}
	n.waitAnswer(t, lb1, vip, active.Time)

	stopped := time.Now()
	labtest.Must(t, first.Stop())
	n.heard(t, lb1, stopped, prior(0))
	n.waitAnswer(t, lb2, vip, n.heard(t, lb2, stopped, prior(100)).Time)

	labtest.Must(t, first.Restart())
	back := n.heard(t, lb1, stopped, prior(200))
	n.waitAnswer(t, lb1, vip, back.Time)

	killed := time.Now()
	labtest.Must(t, first.Kill())
	n.heard(t, lb2, killed, prior(100))
	wantNone(t, n.captures["lb1"], "said at its crash", func(p Packet) bool { return p.Sent && p.Kind == Advert && p.Time.After(killed) })
	labtest.Must(t, first.Restart())
	n.heard(t, lb1, killed, prior(200))

	changed := time.Now()
	labtest.Must(t, p.prioritise(second, 210))
	n.heard(t, lb2, changed, prior(210))
	labtest.Must(t, asker.Stop())

	for _, c := range n.captures {
		if p.both {
			break
		}
		wantNone(t, c, "answered", func(r Packet) bool { return r.Sent && r.Answers(vip) && virtual(r.MAC) != p.virtual })
	}
	claims := Claims(n.all(), 51, vip.Is4())
	for _, c := range claims {
		t.Logf("%s claims for %v from %v on", c.Node, c.To.Sub(c.From), c.From.Sub(claims[0].From))
	}
	t.Logf("two owners for %v; two answered for %v", TwoOwners(claims), TwoOwners(Answers(n.all(), vip)))
	if len(claims) < 5 || TwoOwners(claims) > peerInterval+peerSlack {
		t.Errorf("two owners for %v: %v", TwoOwners(claims), claims)
	}
}

// virtual tells a virtual router's MAC address (RFC 9568 §7.3).
func virtual(mac net.HardwareAddr) bool { return strings.HasPrefix(mac.String(), "00:00:5e:00:0") }

// wantNone tells of the first captured packet that should not be there.
func wantNone(t *testing.T, c *Capture, what string, match func(Packet) bool) {
	t.Helper()
	if packets := c.Packets(); slices.ContainsFunc(packets, match) {
		t.Errorf("%s: %v", what, packets[slices.IndexFunc(packets, match)])
	}
}

// waitAnswer waits until a node answers the asker.
func (n nodes) waitAnswer(t *testing.T, h *Host, vip netip.Addr, after time.Time) {
	t.Helper()
	_, err := n.captures[h.Name()].Wait(labtest.Patient(t), func(p Packet) bool {
		return p.Sent && p.Answers(vip) && p.Time.After(after)
	})
	if err != nil {
		t.Fatalf("answers of %s: %v", h.Name(), err)
	}
}

func TestPeersThatCannotStart(t *testing.T) {
	s := layOut(t)
	if _, err := StartKeepalived(s.LB1.Namespace, s.LB1.Dir, "vrrp_instance web {\n}\n"); err == nil || !strings.Contains(err.Error(), "web") {
		t.Errorf("a broken config: %v", err)
	}
	if _, err := StartKeepalived(s.LB1.Namespace, filepath.Join(s.LB1.Dir, "nowhere"), ""); err == nil {
		t.Error("keepalived: no directory: no error")
	}
	if _, err := StartFRR(s.LB1.Namespace, filepath.Join(s.LB1.Dir, "nowhere"), ""); err == nil {
		t.Error("FRR: no directory: no error")
	}
	if err := s.LB1.AddVirtualMAC("eth7", 51, VIP4); err == nil {
		t.Error("no parent: no error")
	}
}

func TestKeepalivedAfterACrash(t *testing.T) {
	s := layOut(t)
	k, err := StartKeepalived(s.LB1.Namespace, s.LB1.Dir, keepalivedConfig(VIP4, 100, ""))
	labtest.Must(t, err)
	if k.Restart() == nil {
		t.Error("restarted while it runs: no error")
	}
	labtest.Must(t, k.Kill())
	labtest.Must(t, k.Kill()) // it is no mistake to end what has ended
	labtest.Must(t, k.Restart())
	labtest.Must(t, k.Stop())
}

// A killed FRR program can't remove what it keeps for the log of its crash.
func TestFRRLeavesNothing(t *testing.T) {
	s := layOut(t)
	labtest.Must(t, s.LB1.AddVirtualMAC(Interface, 51, VIP4))
	f, err := StartFRR(s.LB1.Namespace, s.LB1.Dir, frrConfig(VIP4, 100))
	labtest.Must(t, err)
	if f.Restart() == nil {
		t.Error("restarted while it runs: no error")
	}
	if said, err := f.Command("show vrrp"); err != nil || !strings.Contains(said, "vrrp4-51") {
		t.Errorf("show vrrp: %q, %v", said, err)
	}
	labtest.Must(t, f.Kill())
	labtest.Must(t, f.Kill())
	for _, p := range []*process{f.zebra, f.vrrpd} {
		if left := fmt.Sprintf("%s%s.%d", frrCrashes, p.name(), p.PID()); exists(left) {
			t.Errorf("left behind: %s", left)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
