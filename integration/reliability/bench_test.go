// SPDX-License-Identifier: Apache-2.0

package reliability_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	better = 254 // lb1's priority
	other  = 253 // lb2's
	worse  = 252 // lb1's, for a while
)

// silence is Active_Down_Interval of lb1 (RFC 9568 §6.1).
const silence = 3*interval + interval*(256-better)/256

// node is a load balancer.
type node struct {
	*lab.Host
	daemon
}

// bench is a site with the same daemon on both nodes, lb1 the better one.
type bench struct {
	subject  subject
	site     *lab.Site
	asker    *lab.Host // its neighbour table is nobody's concern
	lb1, lb2 *node
	at       *node        // who has the addresses
	vips     []netip.Addr // those that are watched: the first and the last
}

// startBench lays out a site and waits until lb1 alone has the addresses.
func startBench(t *testing.T, s subject, vips []string) *bench {
	t.Helper()
	site, err := lab.NewSite()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, site.Close()) })
	b := &bench{subject: s, site: site}
	b.asker, err = site.AddHost("asker", 2)
	labtest.Must(t, err)
	for _, vip := range slices.Compact([]string{vips[0], vips[len(vips)-1]}) {
		b.vips = append(b.vips, netip.MustParsePrefix(vip).Addr())
	}
	b.lb1 = b.startNode(t, site.LB1, settings{priority: better, vips: vips})
	b.lb2 = b.startNode(t, site.LB2, settings{priority: other, vips: vips})
	b.at = b.lb1
	labtest.Await(t, func() error { return b.look(b.at) })
	return b
}

func (b *bench) startNode(t *testing.T, h *lab.Host, s settings) *node {
	t.Helper()
	echo, err := lab.StartEcho(h.Namespace)
	labtest.Must(t, err)
	t.Cleanup(func() { echo.Stop() })
	labtest.Must(t, echo.Prefer())
	n := &node{Host: h}
	n.daemon, err = b.subject.launch(h, s)
	labtest.Must(t, err)
	t.Cleanup(func() {
		n.daemon.Kill()
		if t.Failed() {
			t.Logf("the log of %s on %s ends with:\n%s", b.subject.name, h.Name(), n.daemon.LogTail())
		}
	})
	return n
}

// look tells what is wrong with a site on which a node alone has the addresses.
func (b *bench) look(want *node) error {
	for _, n := range []*node{b.lb1, b.lb2} {
		for _, vip := range b.vips {
			found, err := n.Addresses(vip)
			if err != nil {
				return err
			}
			if has := len(found) > 0; has != (n == want) {
				return fmt.Errorf("%s has %v: %v", n.Name(), vip, has)
			}
		}
	}
	return nil
}

// node is who has the addresses after an event; nil: it is not known.
func (b *bench) node(w whose) *node {
	return map[whose]*node{lb1s: b.lb1, lb2s: b.lb2}[w]
}

// asked is the address that a host asks for: the last one, as it comes last.
func (b *bench) asked() netip.Addr { return b.vips[len(b.vips)-1] }

// split keeps the nodes from hearing each other, or ends that. Others hear both.
func (b *bench) split(apart bool) error {
	if err := b.lb1.Cable.Isolate(apart); err != nil {
		return err
	}
	return b.lb2.Cable.Isolate(apart)
}

// deleteVIP takes the address from the node, as `ip address delete` does.
func (n *node) deleteVIP(vip netip.Addr) error {
	found, err := n.Addresses(vip)
	if err != nil {
		return err
	}
	for _, a := range found {
		link, err := n.Handle().LinkByIndex(a.LinkIndex)
		if err != nil {
			return err
		}
		if err := n.Handle().AddrDel(link, &netlink.Addr{IPNet: a.IPNet}); err != nil {
			return fmt.Errorf("delete %v: %w", a, err)
		}
	}
	return nil
}
