// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"vipd/integration/lab"
)

const (
	// loads is how long the download goes on before, and after, the switchover.
	loads = 1500 * time.Millisecond
	// moves is how long the address may take to move, and a broken download to end.
	moves = 500 * time.Millisecond
)

// downloads has a client load a page without an end while the address moves, without
// `drain` and with it.
func downloads(ctx context.Context, vipd string, out *timeline) error {
	fmt.Fprintf(out.out, "\nA client loads a large page through HAProxy while `vipd resign web` moves the address to lb2.\n\n")
	for _, drain := range []string{"off", "10m"} {
		s := &stage{vipd: vipd, election: defaults, drain: drain, patience: 15 * time.Second}
		err := s.download(ctx, out)
		if closed := s.close(); err == nil {
			err = closed
		}
		if err != nil {
			return fmt.Errorf("drain: %s: %w", drain, err)
		}
	}
	return nil
}

// download is one of them.
func (s *stage) download(ctx context.Context, out *timeline) error {
	if err := s.buildProxies(); err != nil {
		return err
	}
	if err := s.settled(ctx, s.lb1); err != nil {
		return err
	}
	d, err := lab.StartDownload(s.site.Client.Namespace, netip.AddrPortFrom(vip.Addr(), httpPort))
	if err != nil {
		return err
	}
	s.site.OnClose(d.Stop)
	begun := time.Now()
	if err := pause(ctx, loads); err != nil {
		return err
	}
	moved := time.Now()
	if _, err := s.lb1.vipd.Command(ctx, "resign", "web"); err != nil {
		return err
	}
	if err := pause(ctx, moves+loads); err != nil {
		return err
	}
	says := fmt.Sprintf("drain: %-4s before: %s, ", s.drain, rate(d, begun, moved))
	broken := d.Broken()
	if broken != nil {
		says += fmt.Sprintf("then broken after %s: %s", milliseconds(broken.At.Sub(moved)), broken.Reason)
	} else {
		says += fmt.Sprintf("after: %s, still from %s, not broken", rate(d, moved.Add(moves), time.Now()), d.Server())
	}
	out.detail("%s", says)
	if drains := s.drain != "off"; drains == (broken != nil) {
		return errVerdict
	}
	return nil
}

// buildProxies lays out the site, with a proxy and what is behind it on each node.
func (s *stage) buildProxies() (err error) {
	if s.site, err = lab.NewSite(); err != nil {
		return err
	}
	for _, host := range []*lab.Host{s.site.LB1, s.site.LB2} {
		backend, err := lab.StartBackend(host.Namespace)
		if err != nil {
			return err
		}
		s.site.OnClose(backend.Stop)
	}
	if s.lb1, err = s.newNode(s.site.LB1); err != nil {
		return err
	}
	s.lb2, err = s.newNode(s.site.LB2)
	return err
}

// rate is how fast a download was between two moments.
func rate(d *lab.Download, from, to time.Time) string {
	var bytes int64
	for _, p := range d.Progress() {
		if p.End.After(from) && !p.End.After(to) {
			bytes += p.Bytes
		}
	}
	return fmt.Sprintf("%.1f Gbit/s", float64(bytes)*8/1e9/to.Sub(from).Seconds())
}

// pause lets time go by.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
