// SPDX-License-Identifier: Apache-2.0

package macvlan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif/macvlan"
)

// median runs both and reports the first one's median.
func median(b *testing.B, measured, after func() error) {
	b.Helper()
	var times []time.Duration
	for b.Loop() {
		start := time.Now()
		err := measured()
		times = append(times, time.Since(start))
		labtest.Must(b, err)
		labtest.Must(b, after())
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-us")
}

func BenchmarkEnsure(b *testing.B) {
	for _, l := range []macvlan.Link{link4, link6} {
		w := newWorld(b)
		parent := w.link("eth0").Attrs().Index
		ensure := func() error {
			_, err := macvlan.Ensure(w.h, l, parent)
			return err
		}
		run := func(name string, after func() error) {
			b.Run(l.Name+" "+name, func(b *testing.B) {
				labtest.Must(b, w.node.Do(func() error { median(b, ensure, after); return nil }))
			})
		}
		run("anew", func() error { return macvlan.Remove(w.h, l) })
		run("again", func() error { return nil })
	}
}

// Becoming Active: up, and the address there.
func BenchmarkPromote(b *testing.B) {
	for _, row := range []struct {
		link   macvlan.Link
		prefix string
	}{{link4, vip + "/32"}, {link6, vip6 + "/128"}} {
		b.Run(row.link.Name, func(b *testing.B) {
			w := newWorld(b)
			w.ensure(row.link)
			link := w.link(row.link.Name)
			address, err := netlink.ParseAddr(row.prefix)
			labtest.Must(b, err)
			address.Flags = unix.IFA_F_NODAD
			promote := func() error {
				if err := w.h.LinkSetUp(link); err != nil {
					return err
				}
				return w.h.AddrAdd(link, address)
			}
			demote := func() error {
				if err := w.h.AddrDel(link, address); err != nil {
					return err
				}
				return w.h.LinkSetDown(link)
			}
			median(b, promote, demote)
		})
	}
}
