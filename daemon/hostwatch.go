// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"slices"
	"time"

	"vipd/vrrp"
)

// Question asks a host on a link whether it is there, by ARP or ND.
type Question struct {
	Link           int // interface index
	Source, Target netip.Addr
	Broadcast      bool // everybody is asked: the host's hardware address may be wrong
}

// answer is a host that has answered a question.
type answer struct {
	link   int
	target netip.Addr
}

// PostAnswered posts that a host has answered a question.
func (d *Daemon) PostAnswered(link int, target netip.Addr) {
	d.post(event{answer: &answer{link, target}})
}

// hostWatch watches one host for all families that follow an Active there, so that a
// thousand routers ask once.
type hostWatch struct {
	link      int
	source    netip.Addr // of the host's adverts
	core      *vrrp.HostWatch
	every     time.Duration // between questions; 0: on doubt only
	followers []*family
}

// watchHost makes a family follow an Active at an address; zero: none any more.
func (d *Daemon) watchHost(f *family, source netip.Addr) {
	if f.watch != nil {
		d.leaveWatch(f)
	}
	if source.IsValid() {
		d.joinWatch(f, source)
	}
}

// leaveWatch ends a watch that nobody needs any more: there is at most one for each family.
func (d *Daemon) leaveWatch(f *family) {
	w := f.watch
	f.watch = nil
	w.followers = slices.DeleteFunc(w.followers, func(other *family) bool { return other == f })
	if len(w.followers) == 0 {
		d.watches = slices.DeleteFunc(d.watches, func(other *hostWatch) bool { return other == w })
	} else if f.router.config.ProbeEvery > 0 {
		d.paceQuestions(w)
	}
}

func (d *Daemon) joinWatch(f *family, source netip.Addr) {
	every := f.router.config.ProbeEvery
	if f.watch = d.watchOf(f.link.Index, source); f.watch == nil {
		f.watch = &hostWatch{link: f.link.Index, source: source, core: vrrp.NewHostWatch(d.now, every), every: every}
		d.watches = append(d.watches, f.watch)
	}
	f.watch.followers = append(f.watch.followers, f)
	if every > 0 {
		d.paceQuestions(f.watch)
	}
}

// watchOf finds the watch of a host; nil: nobody follows it.
func (d *Daemon) watchOf(link int, source netip.Addr) *hostWatch {
	for _, w := range d.watches {
		if w.link == link && w.source == source {
			return w
		}
	}
	return nil
}

// paceQuestions asks as often as the most impatient follower wants. At another pace the
// host has to prove anew that it answers.
func (d *Daemon) paceQuestions(w *hostWatch) {
	var every time.Duration
	for _, f := range w.followers {
		if wanted := f.router.config.ProbeEvery; wanted > 0 && (every == 0 || wanted < every) {
			every = wanted
		}
	}
	if every != w.every {
		w.every, w.core = every, vrrp.NewHostWatch(d.now, every)
	}
}

// hostAnswered hears an answer. Nobody may have waited for it any more.
func (d *Daemon) hostAnswered(a answer) {
	if w := d.watchOf(a.link, a.target); w != nil {
		w.core.Answered(d.now)
	}
}

// heardHost takes an advert as a sign that its host is there, also one that was refused.
func (d *Daemon) heardHost(f *family, source netip.Addr) {
	if f.watch != nil && f.watch.source == source {
		f.watch.core.Heard(d.now)
	}
}

// askHosts asks the hosts whose time has come, and tells the families what came of it.
func (d *Daemon) askHosts() {
	for i := 0; i < len(d.watches); i++ { // a family that fails is taken out of one
		if w := d.watches[i]; due(w.core.Deadline(), d.now) {
			d.askHost(w)
		}
	}
}

func (d *Daemon) askHost(w *hostWatch) {
	said := w.core.Tick(d.now)
	switch {
	case said.Lost:
		d.log.Warn("the Active's host does not answer: it is gone", w.attrs()...)
		d.tellFollowers(w, vrrp.HostLost{Source: w.source})
	case said.Back:
		d.log.Info("the Active's host is there again", w.attrs()...)
		d.tellFollowers(w, vrrp.HostBack{Source: w.source})
	}
	if said.Ask && len(w.followers) > 0 {
		d.sendQuestion(w, said.Broadcast)
	}
}

func (w *hostWatch) attrs() []any {
	f := w.followers[0]
	return []any{"interface", f.link.Name, "host", w.source, "router", f.router.config.Name, "routers", len(w.followers)}
}

func (d *Daemon) tellFollowers(w *hostWatch, in vrrp.Input) {
	for _, f := range slices.Clone(w.followers) {
		d.step(f, in)
	}
}

// sendQuestion asks a host. The silence of one that can't be asked says nothing: it has to
// prove anew that it answers.
func (d *Daemon) sendQuestion(w *hostWatch, broadcast bool) {
	q := Question{Link: w.link, Source: w.followers[0].source, Target: w.source, Broadcast: broadcast}
	if err := d.network.Ask(q); err != nil && w.core.Status().Proven {
		d.logBounded(w.source, "ask-failed", "the Active's host can't be asked whether it is there", "error", err)
		w.core = vrrp.NewHostWatch(d.now, w.every)
	}
}

// soonestQuestion is when the next host is to be asked; zero: never.
func (d *Daemon) soonestQuestion() (next time.Time) {
	for _, w := range d.watches {
		if deadline := w.core.Deadline(); next.IsZero() || deadline.Before(next) {
			next = deadline
		}
	}
	return next
}

// HostStatus is what is known of the host of an Active that a Backup follows.
type HostStatus struct {
	State      string    `json:"state"` // answers, silent, lost, unproven
	Since      time.Time `json:"since"`
	Answered   time.Time `json:"answered,omitzero"` // last
	Asked      uint64    `json:"asked"`             // questions
	Unanswered uint64    `json:"unanswered"`
}

// hostStatus is nil where nobody asks.
func (d *Daemon) hostStatus(w *hostWatch) *HostStatus {
	if w == nil {
		return nil
	}
	s := w.core.Status()
	return &HostStatus{
		State: hostWord(s), Since: d.wall(s.Since), Answered: d.wall(s.Answered), Asked: s.Asked, Unanswered: s.Unanswered,
	}
}

// hostWord: a host is unproven when it has not answered lately, so that its silence says
// nothing; silent, while it is asked again and again; lost, when it has not answered then.
func hostWord(s vrrp.HostStatus) string {
	switch {
	case s.Lost:
		return "lost"
	case !s.Proven:
		return "unproven"
	case s.Silent:
		return "silent"
	}
	return "answers"
}
