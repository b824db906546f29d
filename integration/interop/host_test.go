// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	vipddaemon "vipd/daemon"
	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	// Among neighbours: the skew time is that of priority 253, 12 ms.
	preferred, next = 254, 253

	// always is how soon a Backup that asks every 100 ms takes over when the Active's host
	// is gone; slack is a busy machine's.
	always = 400 * time.Millisecond
	slack  = 600 * time.Millisecond
)

// The ways in which a host goes, at once and without a word.
func pulled(n *node) error { return n.Cable.Pull() }

func gone(n *node) error {
	link, err := n.Handle().LinkByName(lab.Interface)
	if err != nil {
		return err
	}
	return n.Handle().LinkDel(link)
}

// A Backup notices that the Active's host is gone, whatever runs there.
func TestHostGone(t *testing.T) {
	t.Parallel()
	unicast := "unicast: {lb1: [192.0.2.11], lb2: [192.0.2.12]}"
	unicastPeer := []string{"unicast_src_ip OWN", "unicast_peer {", "  PEER", "}"}
	onDoubt := lost(next)
	rows := []struct {
		name           string
		vip            netip.Addr
		active, backup launcher
		goes           func(*node) error
		limit          time.Duration
	}{
		{"IPv4, cable pulled", ip4, vipd(vips4), vipd(vips4), pulled, onDoubt},
		{"IPv4, gone", ip4, vipd(vips4), vipd(vips4), gone, onDoubt},
		{"IPv6, cable pulled", ip6, vipd(vips6), vipd(vips6), pulled, onDoubt},
		{"IPv6, gone", ip6, vipd(vips6), vipd(vips6), gone, onDoubt},
		{"both families", ip4, vipd(append(vips4, vips6...)), vipd(append(vips4, vips6...)), pulled, onDoubt},
		{"unicast", ip4, vipd(vips4, unicast), vipd(vips4, unicast), pulled, onDoubt},
		{"virtual MAC, IPv4", ip4, vipd(vips4, virtualMAC), vipd(vips4, virtualMAC), pulled, onDoubt},
		{"virtual MAC, IPv6", ip6, vipd(vips6, virtualMAC), vipd(vips6, virtualMAC), pulled, onDoubt},
		{"asked always, IPv4", ip4, vipd(vips4), vipd(vips4, "probe: 100ms"), pulled, always},
		{"asked always, IPv6, gone", ip6, vipd(vips6), vipd(vips6, "probe: 100ms"), gone, always},
		{"keepalived, IPv4", ip4, keepalived(3, vips4), vipd(vips4), pulled, onDoubt},
		{"keepalived, IPv6", ip6, keepalived(3, vips6), vipd(vips6), pulled, onDoubt},
		{"keepalived, unicast", ip4, keepalived(3, vips4, unicastPeer...), vipd(vips4, unicast), gone, onDoubt},
		{"keepalived, virtual MAC IPv4", ip4, keepalived(3, vips4, useVMAC), vipd(vips4, virtualMAC), pulled, onDoubt},
		{"keepalived, virtual MAC IPv6", ip6, keepalived(3, full6, useVMAC), vipd(vips6, virtualMAC), pulled, onDoubt},
		{"FRR, IPv4", ip4, frr(lab.VIP4), vipd(vips4, virtualMAC), pulled, onDoubt},
		{"FRR, IPv6", ip6, frr(lab.VIP6), vipd(vips6, virtualMAC), pulled, onDoubt},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := startNeighbours(t, row.vip, row.active, row.backup)
			p.lb2.thinks(t, "answers")
			took, reason := p.takeover(t, func() error { return row.goes(p.lb1) })
			t.Logf("lb2 is Active after %v, limit %v", took, row.limit)
			if took > row.limit+slack || reason != "active-host-lost" {
				t.Errorf("lb2 is Active after %v, limit %v, because of %s", took, row.limit, reason)
			}
		})
	}
}

// A host that answers, though its daemon does not run, is given the RFC's patience; and so
// is one that never answers.
func TestHostIsGivenTime(t *testing.T) {
	t.Parallel()
	hang := func(n *node) error { return syscall.Kill(n.daemon.(*vipdDaemon).PID(), syscall.SIGSTOP) }
	hangKeepalived := func(n *node) error {
		worker, err := n.daemon.(*keepalivedDaemon).Worker()
		if err != nil {
			return err
		}
		return syscall.Kill(worker, syscall.SIGSTOP)
	}
	mute := func(h *lab.Host) error { return h.Sysctl("net/ipv4/conf/all/arp_ignore", "8") }
	rows := []struct {
		name   string
		active launcher
		before func(*lab.Host) error
		thinks string
		goes   func(*node) error
		more   string
	}{
		{"vipd hangs", vipd(vips4), nil, "answers", hang, "probe: on-doubt"},
		{"vipd hangs, asked always", vipd(vips4), nil, "answers", hang, "probe: 100ms"},
		{"keepalived hangs", keepalived(3, vips4), nil, "answers", hangKeepalived, "probe: on-doubt"},
		{"never answers", vipd(vips4), mute, "unproven", pulled, "probe: 100ms"},
		{"nobody asks", vipd(vips4), nil, "", pulled, "probe: off"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := startNeighbours(t, ip4, func(t *testing.T, h *lab.Host, priority uint8) (daemon, error) {
				if row.before != nil {
					labtest.Must(t, row.before(h))
				}
				return row.active(t, h, priority)
			}, vipd(vips4, row.more))
			p.lb2.thinks(t, row.thinks)
			took, reason := p.takeover(t, func() error { return row.goes(p.lb1) })
			t.Logf("lb2 is Active after %v", took)
			if took < 3*interval-slack/10 || took > silence(next)+slack || reason != "active-down" {
				t.Errorf("lb2 is Active after %v, want %v, because of %s", took, silence(next), reason)
			}
		})
	}
}

// Two of three adverts are lost, again and again, and the host answers.
func TestHostOfLostAdverts(t *testing.T) {
	t.Parallel()
	p := startNeighbours(t, ip4, vipd(vips4), vipd(vips4))
	before := p.lb2.thinks(t, "answers")
	const times = 3
	for range times {
		p.lb1.active(t, time.Now())
		labtest.Must(t, p.lb2.LoseAdverts(lab.Loss{}))
		p.lb1.active(t, p.lb1.active(t, time.Now()).Time)
		labtest.Must(t, p.lb2.KeepAdverts())
	}
	p.lb1.active(t, time.Now())
	r, err := p.lb2.router()
	labtest.Must(t, err)
	if r.State != "backup" || r.Counters.BecameActive > 0 || r.Active == nil || r.Active.Host == nil ||
		r.Active.Host.State != "answers" || r.Active.Host.Asked < before.Asked+times {
		t.Errorf("%+v: host %+v, it was %+v", r, r.Active, before)
	}
}

// startNeighbours has two nodes with the highest priorities, so that the skew time is short.
func startNeighbours(t *testing.T, vip netip.Addr, first, second launcher) *pair {
	t.Helper()
	site, err := lab.NewSite()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, site.Close()) })
	p := &pair{site: site, vip: vip}
	p.lb1 = startNode(t, site.LB1, first, preferred)
	p.lb1.active(t, time.Time{})
	p.lb2 = startNode(t, site.LB2, second, next)
	return p
}

// takeover makes something happen just after an advert of lb1, and tells when lb2 was
// Active, and why.
func (p *pair) takeover(t *testing.T, do func() error) (took time.Duration, reason string) {
	t.Helper()
	p.lb1.active(t, time.Now())
	start := time.Now()
	labtest.Must(t, do())
	took = p.lb2.active(t, start).Time.Sub(start)
	r, err := p.lb2.router()
	labtest.Must(t, err)
	return took, r.Reason
}

// thinks waits until a Backup thinks so of the Active's host; "": it does not ask.
func (n *node) thinks(t *testing.T, want string) (host vipddaemon.HostStatus) {
	t.Helper()
	ctx := labtest.Patient(t)
	for {
		r, err := n.router()
		got := "no Active"
		switch {
		case err != nil:
			got = err.Error()
		case r.Active != nil && r.Active.Host == nil:
			got = ""
		case r.Active != nil:
			host = *r.Active.Host
			got = host.State
		}
		if got == want && host.Asked > 0 == (want != "") {
			return host
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the Active's host: %q, want %q", got, want)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// router is the status of a vipd's first virtual router.
func (n *node) router() (r vipddaemon.RouterStatus, err error) {
	text, err := n.daemon.(*vipdDaemon).Status()
	if err != nil {
		return r, err
	}
	var s vipddaemon.Status
	if err := json.NewDecoder(strings.NewReader(string(text))).Decode(&s); err != nil {
		return r, err
	}
	if len(s.Routers) == 0 {
		return r, fmt.Errorf("no routers in %s", text)
	}
	return s.Routers[0], nil
}
