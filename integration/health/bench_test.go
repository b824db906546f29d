// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"vipd/api"
	"vipd/daemon"
	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	better    = 254 // lb1's priority
	other     = 253 // lb2's
	firstVRID = 51
	// probePeriod is how often a client asks each address: no outage can be measured as
	// shorter.
	probePeriod = 20 * time.Millisecond
)

// paces are how often things happen.
type paces struct{ advert, check time.Duration }

var usual = paces{200 * time.Millisecond, interval}

// node is a load balancer: a vipd with a router for each kind of check.
type node struct {
	*lab.Host
	*lab.Vipd
	where
}

// bench is a site on which lb1 is Active for all addresses, as long as its checks pass.
type bench struct {
	kinds    []*kind
	site     *lab.Site
	lb1, lb2 *node
	capture  *lab.Capture // on lb1
}

// newBench lays out a site on which no vipd runs yet.
func newBench(t *testing.T, kinds ...*kind) *bench {
	t.Helper()
	site, err := lab.NewSite()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, site.Close()) })
	return &bench{kinds: kinds, site: site}
}

// serve starts a service on both nodes, and returns lb1's.
func (b *bench) serve(t *testing.T, start func(*testing.T, *lab.Host, string) *service, name string) *service {
	t.Helper()
	s, second := start(t, b.site.LB1, processName(name, 1)), start(t, b.site.LB2, processName(name, 2))
	b.lb1, b.lb2 = &node{Host: s.host, where: s.where}, &node{Host: second.host, where: second.where}
	return s
}

// processName is one that no other process of this machine has, in at most 15 bytes:
// processes are found by their name in all network namespaces.
func processName(name string, node int) string {
	return fmt.Sprintf("%s%d-%s", name, node, strconv.FormatInt(int64(os.Getpid()), 36))
}

// run starts both vipds and waits until lb1 is Active.
func (b *bench) run(t *testing.T, p paces) {
	t.Helper()
	var err error
	b.capture, err = lab.StartCapture(b.lb1.Namespace, lab.Interface)
	labtest.Must(t, err)
	t.Cleanup(func() { b.capture.Close() })
	for _, n := range []*node{b.lb1, b.lb2} {
		n.configure(t, n.config(b.kinds, p))
		n.start(t)
	}
	b.settle(t)
}

func (n *node) socket() string { return n.file("vipd.sock") }

func (n *node) configure(t *testing.T, config string) {
	t.Helper()
	labtest.Must(t, os.WriteFile(n.file("vipd.yaml"), []byte(config), 0o600))
}

func (n *node) start(t *testing.T) {
	t.Helper()
	var err error
	n.Vipd, err = lab.StartVipd(n.Namespace, program(), n.file("vipd.yaml"), n.file("vipd.log"))
	labtest.Must(t, err)
	t.Cleanup(func() {
		n.Vipd.Kill()
		if t.Failed() {
			t.Logf("the log of vipd on %s ends with:\n%s", n.Host.Name(), n.LogTail())
		}
	})
}

// config has a router for each kind, with its one check.
func (n *node) config(kinds []*kind, p paces) string {
	var routers, checks strings.Builder
	for i, k := range kinds {
		fmt.Fprintf(&routers, `- name: r%d
  interface: %s
  vrid: %d
  priority: {lb1: %d, lb2: %d}
  advert_interval: %v
  addresses: [%v/24]
  checks: [%s]
`, i, lab.Interface, firstVRID+i, better, other, p.advert, address(i), checkName(i))
		checks.WriteString(n.check(i, k, p.check))
	}
	return fmt.Sprintf("node: %s\napi: %q\nrouters:\n%schecks:\n%s", n.Host.Name(), n.socket(), &routers, &checks)
}

// check is a check in the configuration.
func (n *node) check(i int, k *kind, every time.Duration) string {
	return fmt.Sprintf("- {name: %s, %s, interval: %v, timeout: %v, fall: %d, damping: off}\n",
		checkName(i), k.keys(n.where), every, timeout, fall)
}

func checkName(i int) string { return fmt.Sprint("c", i) }

// address is the one of the router of a kind.
func address(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)}) }

func (n *node) status() (daemon.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), labtest.Patience)
	defer cancel()
	status, _, err := api.Status(ctx, n.socket())
	return status, err
}

// settle waits until all checks pass, and lb1 is Active for all addresses.
func (b *bench) settle(t *testing.T) {
	t.Helper()
	labtest.Await(t, func() error {
		if err := b.lb1.look("active"); err != nil {
			return err
		}
		return b.lb2.look("backup")
	})
}

// look tells what is wrong with a node whose checks pass.
func (n *node) look(state string) error {
	status, err := n.status()
	if err != nil {
		return err
	}
	for _, c := range status.Checks {
		if c.Verdict != "pass" {
			return fmt.Errorf("%s on %s: %s: %s", c.Name, n.Host.Name(), c.Verdict, c.Detail)
		}
	}
	for _, r := range status.Routers {
		if r.State != state || r.Phase != "" || r.Owns != (state == "active") {
			return fmt.Errorf("%s on %s is %s %s, has its address: %v", r.Name, n.Host.Name(), r.State, r.Phase, r.Owns)
		}
	}
	return nil
}

// lowered is when lb1 first said by an advert, after a moment, that a kind's router has
// another priority; zero: it has not.
func (b *bench) lowered(i int, after time.Time) time.Time {
	for _, p := range b.capture.Packets() {
		if lowered(p, i, after) {
			return p.Time
		}
	}
	return time.Time{}
}

func lowered(p lab.Packet, i int, after time.Time) bool {
	return p.Sent && p.Kind == lab.Advert && int(p.VRID) == firstVRID+i && p.Priority < better && !p.Time.Before(after)
}
