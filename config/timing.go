// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"time"

	"vipd/vrrp"
)

const (
	defaultInterval   = time.Second
	defaultStartGrace = 10 * time.Second

	minProbe, maxProbe = 50 * time.Millisecond, time.Second

	maxDelay         = time.Hour
	maxAnnouncements = 20
	// maxIntervalVersion2 is what 8 bits of seconds can say (RFC 3768 §5.3.7).
	maxIntervalVersion2 = 255 * time.Second
)

// defaultAnnounce is when the addresses are announced: at once, after the old Active
// has fallen silent, after it has let go, and again for hosts that missed it all.
func defaultAnnounce() []time.Duration {
	return []time.Duration{0, 30 * time.Millisecond, 60 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second}
}

func (r *reader) delay(v value, out *time.Duration) {
	if d, ok := r.duration(v, 0, maxDelay); ok {
		*out = d
	}
}

// interval reads what the version's adverts can say.
func (r *reader) interval(v value, out *vrrp.Params) {
	step, most := vrrp.MinInterval, vrrp.MaxInterval
	if out.Version == vrrp.Version2 {
		step, most = time.Second, maxIntervalVersion2
	}
	d, ok := r.duration(v, step, most)
	if !ok {
		return
	}
	if d%step != 0 {
		r.problem(v, "%s: want whole steps of %v", describe(v.node), step)
		return
	}
	out.Interval = d
}

// lease reads auto, off, or a time that the kernel can count.
func (r *reader) lease(v value, out *time.Duration) {
	switch s, ok := r.text(v); {
	case !ok, s == "auto":
	case s == "off":
		*out = 0
	default:
		d, ok := r.duration(v, time.Second, maxDelay)
		if ok && d%time.Second != 0 {
			r.problem(v, "%s: want auto, off or whole seconds", describe(v.node))
		} else if ok {
			*out = d
		}
	}
}

// leaseLasts chooses the lease, or sees that a chosen one outlives a Backup's wait.
func (r *reader) leaseLasts(d *draft) {
	switch least := vrrp.AutoLease(d.Interval, 0); {
	case d.Lease < 0:
		d.Lease = vrrp.AutoLease(d.Interval, d.ipv6())
	case d.Lease > 0 && d.Lease < least:
		r.problem(at(d.place, "lease"), "%v: with adverts every %v want %v or more: a Backup waits that long", d.Lease, d.Interval, least)
	}
}

// probe reads when the Active's host is asked whether it is there.
func (r *reader) probe(v value, out *Router) {
	switch s, ok := r.text(v); {
	case !ok, s == "on-doubt":
	case s == "off":
		out.Probe = false
	case s == "" || s[0] < '0' || s[0] > '9':
		r.problem(v, "%s: want on-doubt, off or a duration with its unit, %v–%v", describe(v.node), minProbe, maxProbe)
	default:
		out.ProbeEvery, _ = r.duration(v, minProbe, maxProbe)
	}
}

// probeHelps warns where asking takes longer than a Backup waits anyway. By default it
// may.
func (r *reader) probeHelps(d *draft) {
	here := child(d.place, "probe")
	first := d.Interval
	if d.ProbeEvery > 0 {
		first = min(first, d.ProbeEvery)
	}
	if d.Probe && here.node != nil && first+vrrp.HostPatience >= 3*d.Interval {
		r.warn(here, "with adverts every %v a Backup takes over before it knows that the host does not answer: asking takes %v", d.Interval, vrrp.HostPatience)
	}
}

// ipv6 is how many IPv6 addresses the file has.
func (d *draft) ipv6() (n int) {
	for _, a := range d.addresses {
		if a.Prefix.Addr().Is6() {
			n++
		}
	}
	return n
}

func (r *reader) announce(v value, out *vrrp.Params) {
	r.mapping(v, []key{
		{"at", func(v value) {
			out.Announce = nil
			r.list(v, maxAnnouncements, func(v value) {
				if d, ok := r.duration(v, 0, maxDelay); ok {
					out.Announce = append(out.Announce, d)
				}
			})
			if !slices.IsSorted(out.Announce) {
				r.problem(v, "want ascending times")
			}
			if len(out.Announce) == 0 || out.Announce[0] != 0 {
				r.problem(v, "the first must be 0s: hosts must hear of the takeover at once")
			}
		}},
		{"refresh", func(v value) {
			if d, ok := r.duration(v, 0, 24*time.Hour); ok && d > 0 && d < time.Second {
				r.problem(v, "%s: want 0s (off) or 1s–24h", describe(v.node))
			} else if ok {
				out.Refresh = d
			}
		}},
	})
}
