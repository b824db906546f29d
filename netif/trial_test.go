// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"bytes"
	"errors"
	"net/netip"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// What is only tried never leaves; what would fail, fails for the same reason.
func TestTry(t *testing.T) { eachFamily(t, testTry) }

func testTry(t *testing.T, f family) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, unix.ETH_P_ALL)
	d := f.advert(r.last(t, "eth0").Index)
	d.Payload = []byte("tried")
	labtest.Must(t, r.Try(d))
	d.Payload = []byte("sent")
	labtest.Must(t, r.send([]netif.Datagram{d}))
	if frame := c.next(t, vrrp); !bytes.Contains(frame, []byte("sent")) {
		t.Errorf("what was only tried has left: %x", frame)
	}
	nft(t, "add table inet test; add chain inet test out { type filter hook output priority 0; }; add rule inet test out meta l4proto 112 drop")
	t.Cleanup(func() { nft(t, "delete table inet test") })
	sent, tried := r.send([]netif.Datagram{d}), r.Try(d)
	if !errors.Is(sent, unix.EPERM) || !errors.Is(tried, unix.EPERM) || sent.Error() != tried.Error() {
		t.Errorf("filtered: sent %v, tried %v", sent, tried)
	}
	d.Destination = netip.MustParseAddr(f.peer)
	if err := r.Try(d); err != nil {
		t.Errorf("of a unicast datagram nothing is known: %v", err)
	}
	d = f.advert(4711)
	if err := r.Try(d); !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.ENXIO) {
		t.Errorf("on no interface: %v", err)
	}
}

func nft(t *testing.T, commands string) {
	t.Helper()
	if out, err := exec.Command("nft", commands).CombinedOutput(); err != nil {
		t.Fatalf("nft %s: %v: %s", commands, err, out)
	}
}
