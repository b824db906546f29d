// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vipd/integration/lab/labtest"
)

func watchNeighbor(t *testing.T, n *Namespace, address netip.Addr) *NeighborWatch {
	t.Helper()
	w, err := WatchNeighbor(n, address)
	labtest.Must(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

// waitNeighbor waits for a change to mac after a moment; nil: for the entry to go.
func waitNeighbor(t *testing.T, w *NeighborWatch, mac net.HardwareAddr, after time.Time) Neighbor {
	t.Helper()
	change, err := w.Wait(labtest.Patient(t), func(n Neighbor) bool {
		return n.MAC.String() == mac.String() && n.Time.After(after)
	})
	if err != nil {
		t.Fatalf("%v, want a change to %v after %v", w.Changes(), mac, after)
	}
	return change
}

func TestWatchNeighbor(t *testing.T) {
	for address, port := range map[string]string{"192.0.2.11": "192.0.2.11:0", "2001:db8::11": "[2001:db8::11]:0"} {
		s := layOut(t)
		client := s.Client.Namespace
		mac := macOf(t, s.LB1.Namespace)
		w := watchNeighbor(t, client, netip.MustParseAddr(address))
		datagram(t, client, s.LB2.Namespace, "192.0.2.12:0") // another neighbour
		datagram(t, client, s.LB1.Namespace, port)
		waitNeighbor(t, w, mac, epoch)

		known := watchNeighbor(t, client, netip.MustParseAddr(address)) // from now on
		waitNeighbor(t, known, mac, epoch)
		link, err := client.Handle().LinkByName("eth0")
		labtest.Must(t, err)
		labtest.Must(t, client.Handle().NeighSet(&netlink.Neigh{LinkIndex: link.Attrs().Index, IP: net.ParseIP(address),
			HardwareAddr: mac, State: netlink.NUD_STALE})) // told, but no change
		labtest.Must(t, client.Handle().LinkSetDown(link))
		for _, each := range []*NeighborWatch{w, known} {
			waitNeighbor(t, each, nil, epoch)
		}
		if changes := w.Changes(); len(changes) != 2 || len(known.Changes()) != 2 {
			t.Errorf("%s: changes %v, then %v; want two each", address, changes, known.Changes())
		}
	}
}

func macOf(t *testing.T, n *Namespace) net.HardwareAddr {
	t.Helper()
	link, err := n.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	return link.Attrs().HardwareAddr
}
