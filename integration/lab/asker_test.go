// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"net/netip"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

// Both hosts have the address, and both answer.
func TestAskerHearsBoth(t *testing.T) {
	for _, vip := range []string{VIP4, VIP6} {
		n, address := watchNodes(t), netip.MustParsePrefix(vip).Addr()
		for _, h := range []*Host{n.site.LB1, n.site.LB2} {
			link, err := h.Handle().LinkByName(Interface)
			labtest.Must(t, err)
			labtest.Must(t, addAddresses(h.Handle(), link, []string{vip}))
		}
		start := time.Now()
		asker, err := StartAsker(n.site.Client.Namespace, Interface, address)
		labtest.Must(t, err)
		for _, h := range []*Host{n.site.LB1, n.site.LB2} {
			n.waitAnswer(t, h, address, start.Add(100*time.Millisecond))
		}
		labtest.Must(t, n.site.LB1.Cable.Pull())
		pulled := time.Now()
		n.waitAnswer(t, n.site.LB2, address, pulled.Add(100*time.Millisecond))
		labtest.Must(t, asker.Stop())
		answers := Answers(n.all(), address)
		if two := TwoOwners(answers); two < 80*time.Millisecond || two > pulled.Sub(start) {
			t.Errorf("%s: both have answered for %v of %v: %v", vip, two, pulled.Sub(start), answers)
		}
	}
}

func TestAskerMistakes(t *testing.T) {
	s, n := layOut(t), newNamespace(t, "lb1")
	if _, err := StartAsker(s.Client.Namespace, "eth7", vipAddr); err == nil {
		t.Error("no such interface: no error")
	}
	_, err := newSwitch(t).Plug(n, "eth0")
	labtest.Must(t, err)
	if _, err := StartAsker(n, "eth0", vipAddr); err == nil {
		t.Error("no address to ask from: no error")
	}
}
