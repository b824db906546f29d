// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"

	"vipd/vrrp"
)

// outbox collects the adverts of one turn, which leave together.
type outbox struct {
	batch   []Datagram
	from    []*router
	renews  []bool // the advert renews the lease
	payload []byte // of all

	// What is being sent, for emit. It and failed are made once: a method value is
	// allocated each time.
	router   *router
	priority uint8
	emit     func(destination netip.Addr, packet []byte)
	failed   func(i int, err error)
}

// apply carries out one effect, and decides nothing.
func (d *Daemon) apply(r *router, effect vrrp.Effect) {
	switch e := effect.(type) {
	case vrrp.Transition:
		d.log.Info("transition", "router", r.config.Name, "from", e.From.String(), "to", e.To.String(),
			"reason", e.Reason.String(), "priority", r.priority)
	case vrrp.Send:
		d.send(r, e.Priority)
	case vrrp.Own:
		d.flush() // the order is part of the contract: the advert goes first
		d.own(r, e.Wanted)
	case vrrp.Announce:
		d.network.Announce(r.config.Name)
	case vrrp.Refused:
		d.logRefused(d.heard, e.Reject)
	case vrrp.Notice:
		d.logBounded(d.heard.Source, e.Kind.String(), "another router is configured differently", "router", r.config.Name)
	}
}

// send puts an advert into the outbox.
func (d *Daemon) send(r *router, priority uint8) {
	o := &d.out
	o.router, o.priority = r, priority
	o.payload = r.core.Encode(priority, o.payload, o.emit)
}

// add puts one packet into the batch.
func (o *outbox) add(destination netip.Addr, packet []byte) {
	link := &o.router.link
	o.batch = append(o.batch, Datagram{Link: link.Index, Source: link.Source(), Destination: destination, Payload: packet})
	o.from = append(o.from, o.router)
	o.renews = append(o.renews, o.priority > 0)
}

// flush sends what is in the outbox. The lease is renewed with an advert that has
// left, and by nothing else: an Active that can't be heard must lose its
// addresses.
func (d *Daemon) flush() {
	o := &d.out
	if len(o.batch) == 0 {
		return
	}
	for _, r := range o.from {
		r.lastSend = nil
	}
	d.network.Send(o.batch, o.failed)
	for i, r := range o.from {
		if r.lastSend == nil && o.renews[i] {
			d.network.Renew(r.config.Name)
		}
	}
	clear(o.from)
	o.batch, o.from, o.renews, o.payload = o.batch[:0], o.from[:0], o.renews[:0], o.payload[:0]
}

// sendFailed hears of an advert that did not leave.
func (d *Daemon) sendFailed(i int, err error) {
	r := d.out.from[i]
	r.lastSend = err
	r.unsent++
	d.logBounded(r.link.Source(), "send-failed", "an advert could not be sent",
		"router", r.config.Name, "error", err)
}

// own asks for a router's addresses to be there, or not.
func (d *Daemon) own(r *router, wanted bool) {
	d.network.Set(r.config.Name, Want{
		Link: r.link.Index, Prefixes: r.config.Prefixes, Present: wanted, Lease: r.config.Lease,
	})
}

// holdingChanged hears what became of addresses.
func (d *Daemon) holdingChanged(h Holding) {
	r := d.router(h.Key)
	if r == nil {
		return
	}
	r.problem = ""
	result := vrrp.Held
	switch {
	case h.Expired:
		result = vrrp.Expired
		d.log.Warn("the addresses' lease ran out", "router", r.config.Name)
	case h.Err != nil:
		result, r.problem = vrrp.Failed, h.Err.Error()
		d.log.Error("the addresses can't be held", "router", r.config.Name, "error", h.Err)
	case !h.Held:
		return // removed, as asked
	}
	d.step(r, vrrp.Owned{Result: result})
}

// router finds a router by name; nil if there is none.
func (d *Daemon) router(name string) *router {
	for _, r := range d.routers {
		if r.config.Name == name {
			return r
		}
	}
	return nil
}
