// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// fault is what a peer does other than the RFC, or others, would.
type fault struct {
	peer, what, remedy string
	show               func(t *testing.T)
}

func faults() []fault {
	return []fault{
		{"keepalived 2.2.7", "drops adverts whose addresses are not exactly its own: with different lists both nodes are Active",
			"the same list on both nodes; keepalived 2.3.3 and later only warns",
			bothActive(ip4, vipd([]string{lab.VIP4, "192.0.2.101/24"}), keepalived(3, vips4))},
		{"keepalived 2.2.7", "the same for IPv6 when vipd has a link-local address in its file, and keepalived has not",
			"leave it out of vipd's file, too: what vipd adds by itself is left out of its adverts when the other's have none",
			bothActive(ip6, vipd([]string{linkLocalVIP, lab.VIP6}), keepalived(3, vips6))},
		{"keepalived 2.2.7", "drops VRRPv3 adverts over IPv4 with RFC 9568's checksum",
			"leave `checksum` alone: `auto` sends what keepalived wants",
			bothActive(ip4, vipd(vips4, "checksum: rfc9568"), keepalived(3, vips4))},
		{"FRR 8.4.4", "the same", "the same",
			bothActive(ip4, vipd(vips4, virtualMAC, "checksum: rfc9568"), frr(lab.VIP4))},
		{"keepalived 2.2.7", "killed, its addresses stay: it answers for them beside the new Active, until it is started again",
			"vipd has leases; no remedy for keepalived",
			answersAfterKill(ip4, keepalived(3, vips4), vipd(vips4))},
		{"FRR 8.4.4", "the same", "none", answersAfterKill(ip4, frr(lab.VIP4), vipd(vips4, virtualMAC))},
		{"FRR 8.4.4", "without a cable it stays Active, and has the address at once, without an election, when it is back",
			"none", showReturnAtOnce},
		{"FRR 8.4.4", "as Backup it takes what a switch floods to the virtual MAC: hosts are served by it before it is Active",
			"none", showServedByBackup},
		{"FRR 8.4.4", "IPv6: its first advert as Active fails, so that it is Active an interval late, though it answers before that",
			"none", showLateAdvert},
		{"FRR 8.4.4", "when its last address is removed it resigns with an advert without addresses, which is invalid: Active_Down_Interval passes instead of Skew_Time",
			"stop it, or lower its priority", showEmptyResignation},
	}
}

// bothActive shows that a peer becomes Active beside a better vipd, and stays: both answer.
func bothActive(vip netip.Addr, first, second launcher) func(t *testing.T) {
	return func(t *testing.T) {
		p := startPair(t, vip, first, second)
		since := p.lb2.active(t, time.Time{}).Time.Add(2 * interval)
		asker := startAsker(t, p.site, vip)
		p.lb1.answers(t, vip, since)
		p.lb2.answers(t, vip, since)
		labtest.Must(t, asker.Stop())
	}
}

// answersAfterKill shows that a killed peer answers after vipd has taken over.
func answersAfterKill(vip netip.Addr, first, second launcher) func(t *testing.T) {
	return func(t *testing.T) {
		p := startPair(t, vip, first, second)
		killed := time.Now()
		labtest.Must(t, p.lb1.daemon.Kill())
		taken := p.lb2.active(t, killed).Time
		asker := startAsker(t, p.site, vip)
		p.lb1.answers(t, vip, taken.Add(2*interval))
		labtest.Must(t, asker.Stop())
	}
}

// answers waits until a node answers an asker, after a moment.
func (n *node) answers(t *testing.T, vip netip.Addr, after time.Time) {
	t.Helper()
	_, err := n.capture.Wait(labtest.Patient(t), func(p lab.Packet) bool { return p.Sent && p.Answers(vip) && p.Time.After(after) })
	if err != nil {
		t.Errorf("%s does not answer: %v", n.Name(), err)
	}
}

func showReturnAtOnce(t *testing.T) {
	p := startPair(t, ip4, frr(lab.VIP4), vipd(vips4, virtualMAC))
	pulled := time.Now()
	labtest.Must(t, p.lb1.Cable.Pull())
	p.lb2.active(t, p.lb2.active(t, pulled).Time)
	restored := time.Now()
	labtest.Must(t, p.lb1.Cable.Restore())
	if took := p.lb1.active(t, restored).Time.Sub(restored); took > interval+margin {
		t.Errorf("it is back after %v: mended?", took)
	}
}

func showServedByBackup(t *testing.T) {
	p := startPair(t, ip4, vipd(vips4, virtualMAC), frr(lab.VIP4))
	p.lb1.active(t, p.lb1.active(t, time.Now()).Time)
	pulled := time.Now()
	labtest.Must(t, p.lb1.Cable.Pull())
	active := p.lb2.active(t, pulled).Time
	samples, err := p.probe.Wait(labtest.Patient(t), pulled, func(s []lab.Sample) bool { return len(s) > 0 && s[len(s)-1].Start.After(active) })
	labtest.Must(t, err)
	if !slices.ContainsFunc(samples, func(s lab.Sample) bool {
		return s.OK && s.Server == "lb2" && s.Start.Before(active.Add(-interval))
	}) {
		t.Error("it does not serve as Backup: mended?")
	}
}

func showLateAdvert(t *testing.T) {
	p := startPair(t, ip6, vipd(vips6, virtualMAC), frr(lab.VIP6))
	p.lb1.active(t, p.lb1.active(t, time.Now()).Time)
	stopped := time.Now()
	labtest.Must(t, p.lb1.Stop())
	if took := p.lb2.active(t, stopped).Time.Sub(stopped); took < skew(other)+interval/2 {
		t.Errorf("its first advert comes after %v: mended?", took)
	}
}

func showEmptyResignation(t *testing.T) {
	p := startPair(t, ip4, frr(lab.VIP4), vipd(vips4, virtualMAC))
	p.lb1.active(t, p.lb1.active(t, time.Now()).Time)
	removed := time.Now()
	_, err := p.lb1.daemon.(*frrDaemon).Command("configure terminal", "interface "+lab.Interface, "no vrrp 51 ip "+ip4.String())
	labtest.Must(t, err)
	p.lb1.advert(t, removed, func(p lab.Packet) bool { return p.Priority == 0 })
	if took := p.lb2.active(t, removed).Time.Sub(removed); took < 2*interval {
		t.Errorf("vipd takes over after %v: mended?", took)
	}
}
