// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"slices"

	"vipd/vrrp"
)

// sendTogether is how many adverts are collected before they leave.
const sendTogether = 64

// outbox collects the adverts of one turn, which leave together, and what comes after
// them.
type outbox struct {
	batch   []Datagram
	from    []*family
	renews  []bool    // the advert renews the lease
	claims  []*family // those whose lease is renewed, each once
	then    []deed    // to be done when all of them have left
	payload []byte    // of all

	// What is being sent, for emit. It and failed are made once: a method value is
	// allocated each time.
	family   *family
	priority uint8
	emit     func(destination netip.Addr, packet []byte)
	failed   func(i int, err error)
}

// deed is what becomes of a family's addresses. The order is part of the core's
// contract: the advert goes first.
type deed struct {
	family *family
	kind   deedKind
}

type deedKind uint8

const (
	own     deedKind = iota // set them
	disown                  // remove them
	leave                   // keep them until another router has them
	silence                 // and don't answer for them
	drain                   // keep them for their connections alone
)

// afterSend does something when the adverts that are collected have left.
func (d *Daemon) afterSend(f *family, kind deedKind) { d.out.then = append(d.out.then, deed{f, kind}) }

// carryOut does it.
func (d *Daemon) carryOut(x deed) {
	f := x.family
	switch x.kind {
	case own:
		if f.keptBack = f.mute; !f.keptBack { // else until an advert has left
			d.own(f, true)
		}
	case disown:
		d.own(f, false)
	case drain:
		d.drain(f)
	default:
		w := f.leavingWant()
		w.Silent = x.kind == silence
		d.set(f, w)
	}
}

// apply carries out one effect, and decides nothing.
func (d *Daemon) apply(f *family, effect vrrp.Effect) {
	switch e := effect.(type) {
	case vrrp.Transition:
		f.leftActive = e.From == vrrp.Active
		f.lastLeft = d.now // an Active has as much time to be heard as it would have had before
		if e.From == vrrp.Initialize {
			f.problem = ""
		}
		d.log.Info("transition", f.attrs("from", e.From.String(), "to", e.To.String(),
			"reason", e.Reason.String(), "priority", f.router.group.lowest().priority)...)
	case vrrp.Send:
		d.send(f, e.Priority)
	case vrrp.Own:
		f.leftActive = false
		if f.set.Draining {
			d.drainEnded(f, e.Wanted)
		}
		if e.Wanted {
			d.afterSend(f, own)
		} else {
			d.afterSend(f, disown)
		}
	case vrrp.Silence:
		d.afterSend(f, silence)
	case vrrp.Drain:
		d.afterSend(f, drain)
	case vrrp.Report:
		d.report(f, e)
	case vrrp.Pass:
		d.pass(f, e.To)
	case vrrp.Announce:
		d.announce(f, e.Added)
	case vrrp.Follow:
		d.watchHost(f, e.Source)
	case vrrp.Doubt:
		f.watch.core.Doubt(d.now)
	case vrrp.Refused:
		d.logRefused(d.heard, e.Reject)
	case vrrp.Notice:
		d.logBounded(d.heard.Source, e.Kind.String(), "another router is configured differently", f.attrs()...)
	}
}

// send puts an advert into the outbox.
func (d *Daemon) send(f *family, priority uint8) {
	o := &d.out
	o.family, o.priority = f, priority
	o.payload = f.core.Encode(priority, o.payload, o.emit)
}

// add puts one packet into the batch.
func (o *outbox) add(destination netip.Addr, packet []byte) {
	f := o.family
	o.batch = append(o.batch, f.datagram(destination, packet))
	o.from = append(o.from, f)
	o.renews = append(o.renews, o.priority > 0)
}

// flush sends what is in the outbox, and does what comes after it.
func (d *Daemon) flush() {
	if len(d.out.batch) > 0 {
		d.sendBatch()
	}
	for _, x := range d.out.then {
		d.carryOut(x)
	}
	clear(d.out.then)
	d.out.then = d.out.then[:0]
}

// sendBatch sends the adverts. The lease is renewed with an advert that leaves, to one
// peer at least, and by nothing else: an Active that can't be heard must lose its
// addresses.
func (d *Daemon) sendBatch() {
	o := &d.out
	for i, f := range o.from {
		if o.renews[i] {
			d.claim(f)
		}
	}
	d.network.Send(o.batch, o.failed)
	for _, f := range o.claims {
		d.settle(f)
	}
	clear(o.from)
	clear(o.claims)
	o.batch, o.from, o.renews, o.payload, o.claims = o.batch[:0], o.from[:0], o.renews[:0], o.payload[:0], o.claims[:0]
}

// claim is called for an advert that is about to leave. If the last one did, the lease
// is renewed before it: else a daemon killed in between would leave an address that
// goes before the others have waited for the next advert.
func (d *Daemon) claim(f *family) {
	if f.sending == 0 {
		d.out.claims = append(d.out.claims, f)
		if f.heard {
			d.network.Renew(f.key)
		}
	}
	f.sending++
}

// sendFailed hears of an advert that did not leave.
func (d *Daemon) sendFailed(i int, err error) {
	f := d.out.from[i]
	if d.out.renews[i] {
		f.sending--
	}
	f.unsent++
	f.sendProblem = err.Error()
	d.logBounded(d.out.batch[i].Destination, "send-failed", "an advert could not be sent", f.attrs("error", err)...)
}

// own asks for a family's addresses to be there, or not.
func (d *Daemon) own(f *family, wanted bool) {
	f.asked, f.added = wanted, nil
	f.heard, f.mute, f.keptBack = f.heard && wanted, f.mute && wanted, false
	w := f.want
	w.Present = wanted
	d.set(f, w)
}

func (d *Daemon) set(f *family, w Want) {
	f.set = w
	d.network.Set(f.key, w)
}

// announce announces all addresses, or those that were added to them.
func (d *Daemon) announce(f *family, added bool) {
	if added {
		d.network.Announce(f.key, f.added...)
	} else {
		d.network.Announce(f.key)
	}
}

// holdingChanged hears what became of addresses.
func (d *Daemon) holdingChanged(h Holding) {
	f := d.family(h.Key)
	if f == nil {
		return
	}
	result := vrrp.Held
	switch {
	case h.Expired:
		result = vrrp.Expired
		d.log.Warn("the addresses' lease ran out", f.attrs()...)
	case h.Err != nil:
		result, f.problem = vrrp.Failed, h.Err.Error()
		d.log.Error("the addresses can't be held", f.attrs("error", h.Err)...)
	case !h.Held:
		return // removed, as asked; why, may still be of interest
	case f.asked:
		f.asked, f.problem = false, ""
	case len(h.Added) == 0:
		return // some were taken away
	default:
		result = vrrp.Added
		d.addAdded(f, h.Added)
		if h.PutBack {
			d.putBack(f, h.Added)
		}
	}
	d.step(f, vrrp.Owned{Result: result})
}

// addAdded notes addresses that were added to those that are there. Those whose
// announcements are over are forgotten.
func (d *Daemon) addAdded(f *family, added []netip.Addr) {
	if at := f.config.Announce; len(at) == 0 || d.now.Sub(f.addedAt) > at[len(at)-1] {
		f.added = nil
	}
	f.addedAt = d.now
	for _, ip := range added {
		if !slices.Contains(f.added, ip) { // it may be deleted and put back many times
			f.added = append(f.added, ip)
		}
	}
}
