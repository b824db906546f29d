// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

func startCapture(t *testing.T, n *lab.Namespace) *lab.Capture {
	t.Helper()
	c, err := lab.StartCapture(n, ifname)
	labtest.Must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// advertOf matches a node's adverts after a moment.
func advertOf(n *node, after time.Time) func(lab.Packet) bool {
	return func(p lab.Packet) bool {
		return p.Kind == lab.Advert && p.Source == n.address() && p.Time.After(after)
	}
}

// announcementOf matches the gratuitous ARPs for the VIP by which a node tells its
// MAC address, after a moment.
func announcementOf(t *testing.T, n *node, after time.Time) func(lab.Packet) bool {
	mac := n.mac(t).String()
	return func(p lab.Packet) bool {
		return p.Gratuitous() && p.Source == vip.Addr() && p.MAC.String() == mac && p.Time.After(after)
	}
}

// matching are the captured packets that match.
func matching(c *lab.Capture, match func(lab.Packet) bool) []lab.Packet {
	var found []lab.Packet
	for _, p := range c.Packets() {
		if match(p) {
			found = append(found, p)
		}
	}
	return found
}

// afterAdvert does something just after a node's advert: then the other node waits
// the longest.
func afterAdvert(t *testing.T, c *lab.Capture, n *node, do func() error) func() error {
	return func() error {
		if _, err := c.Wait(labtest.Patient(t), advertOf(n, time.Now())); err != nil {
			return err
		}
		return do()
	}
}
