// SPDX-License-Identifier: Apache-2.0

package vrrp

import "time"

const (
	// questions are asked in a doubt, askGap apart, before a silent host is lost: at 20 %
	// loss one round trip in three fails, ten in a row once in 27000 times.
	questions = 10
	askGap    = 20 * time.Millisecond
	// HostPatience is how long a doubt takes.
	HostPatience = questions * askGap

	// answerTime is what a host has to answer a question that was asked without doubt.
	answerTime = 40 * time.Millisecond
	// askLate is how late a Tick may be at most for silence to say anything: after more, an
	// answer may lie unread in the socket.
	askLate = 40 * time.Millisecond
	// signOfLife is for how long after an advert or an answer nobody need ask.
	signOfLife = 50 * time.Millisecond

	// askFirst is how long after its first advert a host is asked: whoever forges adverts
	// from many addresses does not make us flood the link. Until it answers, the time to
	// the next question doubles each time, up to askAgain.
	askFirst = 100 * time.Millisecond
	askAgain = 30 * time.Second
	// proofLife is how long after its last answer a host's silence means something: two
	// questions in a row may be lost.
	proofLife = 3 * askAgain
)

// HostWatch asks whether one host, an address on an interface, is there: for all
// routers that follow an Active there. It is told what is heard and when, and says
// what to ask; who sends the question by ARP or ND is somebody else. The host's kernel
// answers, not its daemon, so that a busy or dead daemon is no reason for silence.
// It is not safe for concurrent use.
//
// A host is lost only if it is proven: it has answered before, lately. The silence of
// one that never answers (behind a firewall, with arp_ignore) says nothing.
type HostWatch struct {
	every time.Duration // 0: on doubt only

	next  time.Time     // of the next question, or of what follows from the last one
	idle  time.Time     // of the next question that no doubt asks
	pause time.Duration // before the one after it
	sign  time.Time     // the last advert or answer
	proof time.Time     // until then silence means something

	awaited bool // asked without doubt, and silence is the beginning of one
	doubted bool
	asked   int // questions in this doubt

	back   bool // to be told: it is there again
	open   bool // the last question has no answer
	status HostStatus
}

// Asking is what a HostWatch wants.
type Asking struct {
	// Ask: a question shall be asked now.
	Ask bool
	// Broadcast: everybody shall be asked, because the host's hardware address is not
	// known, or may have changed.
	Broadcast bool
	// Lost: the host does not answer any more: HostLost, for all who follow it. It is
	// said once.
	Lost bool
	// Back: the host that was lost is there: HostBack, for all who follow it. It is said
	// once.
	Back bool
}

// HostStatus is what a HostWatch knows, for people.
type HostStatus struct {
	Proven     bool      // it has answered lately: silence would mean something
	Lost       bool      // it does not answer any more, and no advert comes
	Since      time.Time // of Proven and Lost
	Silent     bool      // in doubt: it is asked again and again
	Answered   time.Time // last; zero: never
	Asked      uint64    // questions
	Unanswered uint64    // of them, before the next one was asked
}

// NewHostWatch begins to watch a host whose advert has come. every is the time
// between questions, 50 ms to 1 s; 0: only on doubt, and every 30 s for the proof.
func NewHostWatch(now time.Time, every time.Duration) *HostWatch {
	first := now.Add(askFirst)
	return &HostWatch{
		every: every, next: first, idle: first, pause: askFirst, sign: now,
		status: HostStatus{Since: now},
	}
}

// Doubt says that a router's advert is overdue. Nothing new begins while the host is
// in doubt, or lost; nor while somebody else hears it.
func (w *HostWatch) Doubt(now time.Time) {
	if w.doubted || w.status.Lost {
		return
	}
	w.doubted, w.next = true, now
	if quiet := w.sign.Add(signOfLife); quiet.After(now) {
		w.next = quiet
	}
}

// Heard says that an advert came from the host, for whichever router.
func (w *HostWatch) Heard(now time.Time) {
	w.alive(now, w.status.Proven)
}

// Answered says that the host has answered a question.
func (w *HostWatch) Answered(now time.Time) {
	w.proof, w.pause, w.open = now.Add(proofLife), askAgain, false
	w.status.Answered = now
	w.idle = now.Add(w.period())
	w.alive(now, true)
}

// alive ends a doubt, and takes a loss back.
func (w *HostWatch) alive(now time.Time, proven bool) {
	w.sign, w.next = now, w.idle
	w.doubted, w.awaited, w.asked = false, false, 0
	w.back = w.back || w.status.Lost
	w.judge(now, proven, false)
}

// period is between questions to a host that is proven.
func (w *HostWatch) period() time.Duration {
	if w.every > 0 {
		return w.every
	}
	return askAgain
}

// judge notes what is thought of the host.
func (w *HostWatch) judge(now time.Time, proven, lost bool) {
	if w.status.Proven != proven || w.status.Lost != lost {
		w.status.Proven, w.status.Lost, w.status.Since = proven, lost, now
	}
}

// Tick says that time has passed; it comes after the news of a turn, so that what has
// come in time counts. It says what is to be done now.
func (w *HostWatch) Tick(now time.Time) Asking {
	said := Asking{Back: w.back}
	w.back = false
	if now.Before(w.next) {
		return said
	}
	if !now.Before(w.proof) {
		w.judge(now, false, w.status.Lost)
	}
	switch late := now.Sub(w.next) > askLate; {
	case w.awaited, w.doubted && late:
		w.doubted, w.awaited, w.asked = true, false, 0
	case w.asked == questions:
		said.Lost = w.conclude(now)
	}
	said.Ask, said.Broadcast = true, w.ask(now)
	return said
}

// conclude ends a doubt in which nobody answered. The silence of a host that is not
// proven says nothing. That of one that is, is used up: if it is heard again it is a
// host that does not answer, until it does.
func (w *HostWatch) conclude(now time.Time) (lost bool) {
	lost = w.status.Proven
	if lost {
		w.pause, w.proof = askFirst, time.Time{}
		w.judge(now, false, true)
	}
	w.doubted, w.asked = false, 0
	return lost
}

// ask counts a question, and reports whether it goes to everybody.
func (w *HostWatch) ask(now time.Time) (broadcast bool) {
	w.status.Asked++
	if w.open {
		w.status.Unanswered++
	}
	w.open = true
	if w.doubted {
		w.asked++
		w.next = w.next.Add(askGap) // ten small delays shall not add up
		if w.next.Before(now) || w.asked == questions {
			w.next = now.Add(askGap) // the last one has its time to be answered
		}
		return w.asked%2 == 0
	}
	return w.askIdly(now)
}

// askIdly is to ask without doubt: whoever answers is asked once a period, and whoever
// does not, ever more rarely.
func (w *HostWatch) askIdly(now time.Time) (broadcast bool) {
	if w.every > 0 && w.status.Proven {
		w.idle = now.Add(w.every)
		w.awaited, w.next = true, now.Add(answerTime)
		return false
	}
	w.pause = min(2*w.pause, askAgain)
	w.idle = now.Add(w.pause)
	w.next = w.idle
	return !w.status.Proven
}

// Deadline is when the next Tick is due. There is always one.
func (w *HostWatch) Deadline() time.Time {
	if w.back {
		return w.sign // now
	}
	return w.next
}

// Status returns what is known of the host.
func (w *HostWatch) Status() HostStatus {
	s := w.status
	s.Silent = w.asked > 0
	return s
}
