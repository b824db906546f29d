// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

func TestDownload(t *testing.T) {
	for _, port := range []uint16{80, TCPPort} {
		t.Run(fmt.Sprint(port), func(t *testing.T) {
			s := layOut(t)
			proxy := startProxy(t, s.LB1)
			d, err := StartDownload(s.Client.Namespace, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.11"), port))
			labtest.Must(t, err)
			t.Cleanup(func() { labtest.Must(t, d.Stop()) })
			labtest.Await(t, func() error {
				if n := len(d.Progress()); n < 4 {
					return fmt.Errorf("%d reports", n)
				}
				return nil
			})
			for i, p := range d.Progress()[1:4] {
				if p.Bytes < 1<<20 {
					t.Errorf("%d bytes in report %d", p.Bytes, i)
				}
			}
			if d.Server() != "lb1" || d.Broken() != nil {
				t.Errorf("from %s, broken %v", d.Server(), d.Broken())
			}
			before := time.Now()
			labtest.Must(t, proxy.Kill())
			labtest.Await(t, func() error {
				if d.Broken() == nil {
					return fmt.Errorf("it goes on")
				}
				return nil
			})
			if b := d.Broken(); b.Server != "lb1" || b.At.Before(before) || b.Reason != "EOF" && b.Reason != "connection reset by peer" {
				t.Errorf("%+v", b)
			}
		})
	}
}

// A download that stands still is not broken: nothing comes.
func TestDownloadStandsStill(t *testing.T) {
	s := layOut(t)
	startProxy(t, s.LB1)
	d, err := StartDownload(s.Client.Namespace, netip.MustParseAddrPort("192.0.2.11:80"))
	labtest.Must(t, err)
	last := func() int64 { return d.Progress()[len(d.Progress())-1].Bytes }
	labtest.Await(t, func() error {
		if len(d.Progress()) < 2 || last() == 0 {
			return fmt.Errorf("it does not begin")
		}
		return nil
	})
	labtest.Must(t, s.LB1.Cable.Cut(true))
	labtest.Await(t, func() error {
		if last() > 0 {
			return fmt.Errorf("it goes on: %v", d.Progress())
		}
		return nil
	})
	labtest.Must(t, d.Stop())
	if b := d.Broken(); b != nil {
		t.Errorf("stopped, it is broken: %+v", b)
	}
}

func TestDownloadMistakes(t *testing.T) {
	s := layOut(t)
	if _, err := StartDownload(s.Client.Namespace, netip.MustParseAddrPort("192.0.2.11:80")); err == nil {
		t.Error("nobody is there: no error")
	}
}
