// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"vipd/integration/lab/labtest"
)

// What vipd needs of the host fails: each failure leads to a named state, and back.

func TestParts(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		layout string
		happening
	}{
		"adverts are filtered":                   {"physical MAC", filtered("inet", "meta l4proto 112")},
		"adverts of one family are filtered":     {"physical MAC", filtered("ip6", "meta l4proto 112")},
		"IPv6 is turned off":                     {"physical MAC", withoutIPv6("no-source-address", "no-source-address")},
		"IPv6 is turned off with a virtual MAC":  {"virtual MAC", withoutIPv6("no-source-address", "no-source-address")},
		"IPv6 is turned off where addresses are": {"an interface that only carries addresses", withoutIPv6("address-failed", "permission denied")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, layouts()[row.layout])
			b.suffer(row.happening)
		})
	}
}

// filtered is a packet filter that does not let adverts out: sending them fails.
func filtered(family, match string) happening {
	return happening{
		"filtered", func(b *bench) error {
			return b.nft("add table " + family + " test; add chain " + family + " test out { type filter hook output priority 0; }; add rule " +
				family + " test out " + match + " drop")
		}, []string{"no-socket"}, "adverts can't be sent",
		func(b *bench) error { return b.nft("delete table " + family + " test") },
	}
}

func (b *bench) nft(commands string) error {
	var out bytes.Buffer
	cmd := exec.CommandContext(labtest.Patient(b.t), "nft", commands)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := b.lb1.host.Start(cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("nft %s: %w: %s", commands, err, &out)
	}
	return nil
}

// An Active that can't send is out before the next one takes over, and it stays out, as
// quiet as can be, until it could send again.
func TestUnheardActive(t *testing.T) {
	t.Parallel()
	b := newBench(t, layouts()["physical MAC"])
	before, err := b.lb1.status()
	labtest.Must(t, err)
	filter := filtered("inet", "meta l4proto 112")
	labtest.Must(t, filter.begin(b))
	labtest.Await(t, func() error {
		if owns, err := b.lb2.owns(); !owns || err != nil {
			return fmt.Errorf("lb2 has the VIP: %v, %w", owns, err)
		}
		return nil
	})
	if owns, err := b.lb1.owns(); owns || err != nil {
		t.Errorf("when lb2 takes over lb1 has the VIP: %v, %v", owns, err)
	}
	labtest.Throughout(t, calm, func() error { return b.look(b.lb2) })
	after, err := b.lb1.status()
	labtest.Must(t, err)
	if again := after.Routers[0].Counters.BecameActive - before.Routers[0].Counters.BecameActive; again > 0 {
		t.Errorf("it has tried %d times to be Active", again)
	}
	labtest.Must(t, filter.end(b))
	labtest.Await(t, func() error { return b.look(b.lb1) })
}

// The administrator sets the VIP while it is ours: from then on it is his. The router
// tries again after a while.
func TestAddressTakenByTheAdministrator(t *testing.T) {
	t.Parallel()
	s := run(t, quick, haproxy)
	link, err := s.lb1.host.Handle().LinkByName(ifname)
	labtest.Must(t, err)
	address, err := netlink.ParseAddr(vip.Addr().String() + "/32")
	labtest.Must(t, err)
	labtest.Must(t, s.lb1.host.Handle().AddrReplace(link, address))
	labtest.Await(t, func() error { return errors.Join(s.lb1.blockedBy("address-failed"), s.lb2.look(true)) })
	found, err := s.lb1.addresses()
	labtest.Must(t, err)
	if len(found) != 1 || found[0].Protocol == ourTag || found[0].ValidLft != 1<<32-1 {
		t.Errorf("the administrator's address: %v", found)
	}
	if got := s.lb1.command(t, "status", "--config", s.lb1.configFile()); got.code != 1 || !strings.Contains(got.stdout, "the address is there already and not ours") {
		t.Errorf("%+v", got)
	}
	labtest.Must(t, s.lb1.host.Handle().AddrDel(link, address))
	labtest.Must(t, s.lb1.host.Handle().LinkSetMTU(link, 1400)) // a change of the interface is a reason to try at once
	labtest.Await(t, func() error { return s.look(s.lb1) })
}

// withoutIPv6 turns IPv6 off on the interface, which removes its addresses.
func withoutIPv6(reason, problem string) happening {
	setting := func(b *bench) string { return "net/ipv6/conf/" + b.subject + "/disable_ipv6" }
	return happening{
		"IPv6 is off", func(b *bench) error { return b.lb1.host.Sysctl(setting(b), "1") }, []string{reason}, problem,
		func(b *bench) error {
			return errors.Join(b.lb1.host.Sysctl(setting(b), "0"), b.own(b.handle().AddrReplace))
		},
	}
}
