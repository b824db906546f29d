// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"vipd/health"
	"vipd/vrrp"
)

const (
	// queueLength bounds what waits for the loop: when a node of a thousand routers
	// stops, each says so three times within milliseconds.
	queueLength = 4096
	// maxAdvert is the largest advert: a longer packet is none, and is cut to be
	// refused as too long.
	maxAdvert = 8 + 16*vrrp.MaxAddresses
)

// event is one piece of news for the loop: exactly one field is set.
type event struct {
	packet   *packet
	link     *Link
	holding  *Holding
	found    *Found
	managers *Managers
	passing  *PassingState
	counted  *Connections
	passed   *Passed
	answer   *answer
	contest  string // the key of addresses that another host answers for
	handOff  bool
	result   *health.Result
	reload   *reloadRequest
	ask      chan<- Status
	command  *command
}

// packet is a received packet in a buffer that is used again, and grows as needed: most
// adverts are small.
type packet struct {
	Packet
	buffer []byte
}

// PostPacket posts a received packet. When the queue is full the packet is
// dropped and counted: the next advert says the same.
func (d *Daemon) PostPacket(p Packet) {
	d.overrun.Add(uint64(p.Lost))
	q := d.packets.Get().(*packet)
	q.Packet = p
	q.buffer = append(q.buffer[:0], p.Payload[:min(len(p.Payload), maxAdvert+1)]...)
	q.Payload = q.buffer
	select {
	case d.events <- event{packet: q}:
	default:
		d.dropped.Add(1)
		d.packets.Put(q)
	}
}

// PostLink posts the state of an interface.
func (d *Daemon) PostLink(l Link) { d.post(event{link: &l}) }

// PostHolding posts what became of addresses.
func (d *Daemon) PostHolding(h Holding) { d.post(event{holding: &h}) }

// PostFound posts what a run before has left.
func (d *Daemon) PostFound(f Found) { d.post(event{found: &f}) }

// PostManagers posts who manages an interface.
func (d *Daemon) PostManagers(m Managers) { d.post(event{managers: &m}) }

// PostPassing posts what became of passing segments on.
func (d *Daemon) PostPassing(p PassingState) { d.post(event{passing: &p}) }

// PostConnections posts how many connections there are.
func (d *Daemon) PostConnections(c Connections) { d.post(event{counted: &c}) }

// PostPassed posts how much was passed on.
func (d *Daemon) PostPassed(p Passed) { d.post(event{passed: &p}) }

// PostContested posts that another host answers for a key's addresses.
func (d *Daemon) PostContested(key string) { d.post(event{contest: key}) }

// PostResult posts the result of a check.
func (d *Daemon) PostResult(r health.Result) { d.post(event{result: &r}) }

// post posts what may not be lost: it waits for room while the loop runs.
func (d *Daemon) post(e event) {
	select {
	case d.events <- e:
	case <-d.done:
	}
}
