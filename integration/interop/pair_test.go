// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"net/netip"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// probePeriod is how often the client of a pair asks.
const probePeriod = 10 * time.Millisecond

// node is a host with a VRRP daemon.
type node struct {
	*lab.Host
	daemon
	capture *lab.Capture
}

// pair is two nodes that run different daemons, lb1 the better one, and a client.
type pair struct {
	site     *lab.Site
	vip      netip.Addr
	lb1, lb2 *node
	probe    *lab.Probe
}

const (
	better = 200 // lb1's priority
	other  = 100 // lb2's
	best   = 210 // lb2's, for a while
)

// startPair lays out a site and waits until lb1 is Active beside lb2.
func startPair(t *testing.T, vip netip.Addr, first, second launcher) *pair {
	t.Helper()
	site, err := lab.NewSite()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, site.Close()) })
	p := &pair{site: site, vip: vip}
	p.probe = startClient(t, site, vip, probePeriod)
	p.lb1 = startNode(t, site.LB1, first, better)
	p.lb1.active(t, time.Time{})
	p.lb2 = startNode(t, site.LB2, second, other)
	return p
}

// startClient has both nodes echo, and the client ask the virtual address.
func startClient(t *testing.T, site *lab.Site, vip netip.Addr, period time.Duration) *lab.Probe {
	t.Helper()
	for _, h := range []*lab.Host{site.LB1, site.LB2} {
		echo, err := lab.StartEcho(h.Namespace)
		labtest.Must(t, err)
		t.Cleanup(func() { echo.Stop() })
	}
	probe, err := lab.StartUDPProbe(site.Client.Namespace, vip, period)
	labtest.Must(t, err)
	t.Cleanup(func() { probe.Stop() })
	return probe
}

func startNode(t *testing.T, h *lab.Host, launch launcher, priority uint8) *node {
	t.Helper()
	n := &node{Host: h}
	var err error
	n.capture, err = lab.StartCapture(h.Namespace, lab.Interface)
	labtest.Must(t, err)
	t.Cleanup(func() { n.capture.Close() })
	n.daemon, err = launch(t, h, priority)
	labtest.Must(t, err)
	t.Cleanup(func() {
		n.daemon.Kill()
		if t.Failed() {
			t.Logf("the log on %s ends with:\n%s", h.Name(), n.daemon.LogTail())
		}
	})
	return n
}

// advert waits for an advert of the node, after a moment.
func (n *node) advert(t *testing.T, after time.Time, match func(lab.Packet) bool) lab.Packet {
	t.Helper()
	p, err := n.capture.Wait(labtest.Patient(t), func(p lab.Packet) bool {
		return p.Sent && p.Kind == lab.Advert && p.Time.After(after) && match(p)
	})
	if err != nil {
		t.Fatalf("adverts of %s: %v", n.Name(), err)
	}
	return p
}

// active waits for the node's first advert as Active, after a moment.
func (n *node) active(t *testing.T, after time.Time) lab.Packet {
	t.Helper()
	return n.advert(t, after, func(p lab.Packet) bool { return p.Priority > 0 })
}

// adverts are those that the node sent in a time.
func (n *node) adverts(from, to time.Time) (adverts []lab.Packet) {
	for _, p := range n.capture.Packets() {
		if p.Sent && p.Kind == lab.Advert && p.Time.After(from) && p.Time.Before(to) {
			adverts = append(adverts, p)
		}
	}
	return adverts
}

// answered is how often the node answered for an address in a time.
func (n *node) answered(address netip.Addr, from, to time.Time) (times int) {
	for _, p := range n.capture.Packets() {
		if p.Sent && p.Answers(address) && p.Time.After(from) && p.Time.Before(to) {
			times++
		}
	}
	return times
}

// captured is what was captured on each node outside some times.
func (p *pair) captured(without ...window) map[string][]lab.Packet {
	all := make(map[string][]lab.Packet)
	for _, n := range []*node{p.lb1, p.lb2} {
		for _, packet := range n.capture.Packets() {
			if !within(packet.Time, without) {
				all[n.Name()] = append(all[n.Name()], packet)
			}
		}
	}
	return all
}

// window is a time in which something happened.
type window struct{ from, to time.Time }

func within(t time.Time, windows []window) bool {
	for _, w := range windows {
		if t.After(w.from) && t.Before(w.to) {
			return true
		}
	}
	return false
}

// split keeps the nodes from hearing each other, or ends that.
func (p *pair) split(t *testing.T, apart bool) {
	t.Helper()
	labtest.Must(t, p.lb1.Cable.Isolate(apart))
	labtest.Must(t, p.lb2.Cable.Isolate(apart))
}
