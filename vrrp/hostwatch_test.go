// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lookout is a HostWatch with a clock.
type lookout struct {
	t     *testing.T
	start time.Time
	now   time.Time
	watch *HostWatch
	// answers: the host answers each question at once.
	answers bool
}

const ms = time.Millisecond

func newLookout(t *testing.T, every time.Duration) *lookout {
	start := time.Unix(1000, 0)
	return &lookout{t: t, start: start, now: start, watch: NewHostWatch(start, every)}
}

// proven returns one whose host has answered just now.
func proven(t *testing.T, every time.Duration) *lookout {
	l := newLookout(t, every)
	l.answers = true
	l.pass(askFirst)
	l.answers = false
	l.start = l.now
	if !l.watch.Status().Proven {
		t.Fatal("not proven")
	}
	return l
}

// tick gives one Tick, and writes what is asked, with the time since the start.
func (l *lookout) tick() string {
	said := l.watch.Tick(l.now)
	if d := l.watch.Deadline(); !d.After(l.now) {
		l.t.Fatalf("after a Tick at %v the deadline is %v", l.now, d)
	}
	line := ""
	if said.Back {
		line += " back"
	}
	if said.Lost {
		line += " lost"
	}
	switch {
	case said.Ask && said.Broadcast:
		line += " all"
	case said.Ask:
		line += " ask"
	case said.Broadcast:
		l.t.Fatal("a broadcast of nothing")
	}
	if said.Ask && l.answers {
		l.watch.Answered(l.now)
	}
	if line == "" {
		return ""
	}
	return fmt.Sprintf(" %d:%s", l.now.Sub(l.start).Milliseconds(), line[1:])
}

// pass lets time go by, with a Tick at every deadline.
func (l *lookout) pass(d time.Duration) string {
	end := l.now.Add(d)
	line := ""
	for n := 0; !l.watch.Deadline().After(end); n++ {
		if n > 10000 {
			l.t.Fatalf("more than 10000 deadlines in %v", d)
		}
		if next := l.watch.Deadline(); next.After(l.now) {
			l.now = next
		}
		line += l.tick()
	}
	l.now = end
	return strings.TrimPrefix(line, " ")
}

// want lets time go by and compares what was asked.
func (l *lookout) want(d time.Duration, want string) {
	l.t.Helper()
	if diff := cmp.Diff(want, l.pass(d)); diff != "" {
		l.t.Fatalf("(-want +got):\n%s", diff)
	}
}

// aDoubt is the questions of a doubt that begins at that time.
func aDoubt(at int) string {
	var all []string
	for i := range questions {
		all = append(all, fmt.Sprintf("%d:%s", at+20*i, [...]string{"ask", "all"}[i%2]))
	}
	return strings.Join(all, " ")
}

// A host is asked when it has been followed for a moment, and then ever more rarely,
// until it answers.
func TestFirstQuestions(t *testing.T) {
	l := newLookout(t, 0)
	l.want(62*second, "100:all 300:all 700:all 1500:all 3100:all 6300:all 12700:all 25500:all 51100:all")
	l.want(60*second, "81100:all 111100:all")

	l.watch.Heard(l.now)
	if s := l.watch.Status(); s.Proven {
		t.Errorf("an advert is no answer: %+v", s)
	}

	l = newLookout(t, 0)
	l.answers = true
	l.want(91*second, "100:all 30100:ask 60100:ask 90100:ask")
	if s := l.watch.Status(); !s.Proven || s.Lost || s.Asked != 4 || s.Unanswered != 0 || s.Answered != l.start.Add(90100*ms) {
		t.Errorf("%+v", s)
	}
}

// In doubt it is asked ten times, and then it is lost: 200 ms after the doubt.
func TestLostAfterADoubt(t *testing.T) {
	l := proven(t, 0)
	l.pass(second)
	l.start = l.now
	l.watch.Doubt(l.now)
	l.want(HostPatience-1, aDoubt(0))
	if s := l.watch.Status(); !s.Proven || !s.Silent || s.Lost {
		t.Errorf("%+v", s)
	}
	// It is asked again, in case that was wrong.
	l.want(second, "200:lost all 400:all 800:all")
	s := l.watch.Status()
	if want := (HostStatus{Lost: true, Since: l.start.Add(HostPatience), Answered: s.Answered, Asked: 14, Unanswered: 12}); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
	l.watch.Doubt(l.now) // it is lost, and nothing new begins
	l.want(second, "1600:all")
}

// The silence of a host that never answers says nothing.
func TestUnprovenIsNotLost(t *testing.T) {
	l := newLookout(t, 0)
	l.pass(second)
	l.watch.Doubt(l.now)
	l.want(HostPatience, aDoubt(1000)+" 1200:all")
	if s := l.watch.Status(); s.Proven || s.Lost || s.Silent {
		t.Errorf("%+v", s)
	}
}

// What it answered long ago does not count, either.
func TestProofGrowsOld(t *testing.T) {
	l := proven(t, 0)
	l.want(proofLife-1, "30000:ask 60000:ask")
	if !l.watch.Status().Proven {
		t.Error("unproven after two questions without an answer")
	}
	l.watch.Doubt(l.now)
	l.pass(HostPatience)
	if s := l.watch.Status(); s.Proven || s.Lost {
		t.Errorf("the proof ends in the doubt: %+v", s)
	}
	l.answers = true
	l.pass(askAgain)
	if s := l.watch.Status(); !s.Proven {
		t.Errorf("it answers again: %+v", s)
	}
}

// One answer ends the doubt, and so does one advert, at any moment of it.
func TestADoubtEnds(t *testing.T) {
	for name, alive := range map[string]func(*HostWatch, time.Time){
		"answer": (*HostWatch).Answered, "advert": (*HostWatch).Heard,
	} {
		for after := ms; after < HostPatience; after += 30 * ms {
			t.Run(fmt.Sprintf("%s after %v", name, after), func(t *testing.T) {
				l := proven(t, 0)
				l.pass(second)
				l.watch.Doubt(l.now)
				l.pass(after)
				alive(l.watch, l.now)
				l.want(second, "")
				if s := l.watch.Status(); s.Lost || s.Silent || !s.Proven {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

// While a doubt is under way, nothing new begins.
func TestASecondDoubt(t *testing.T) {
	l := proven(t, 0)
	l.pass(second)
	l.start = l.now
	got := ""
	for range 39 {
		l.watch.Doubt(l.now)
		got += " " + l.pass(5*ms)
	}
	if got, want := strings.Join(strings.Fields(got), " "), aDoubt(0); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	l.watch.Doubt(l.now)
	l.want(5*ms, "200:lost all")
}

// A thousand routers follow this Active, and now and then an advert is lost: whoever
// was heard a moment ago need not be asked.
func TestNoDoubtOfWhomOthersHear(t *testing.T) {
	l := proven(t, 0)
	for range 100 {
		l.pass(30 * ms)
		l.watch.Doubt(l.now)
		l.pass(10 * ms)
		l.watch.Heard(l.now)
	}
	if s := l.watch.Status(); s.Asked != 1 {
		t.Errorf("%d questions", s.Asked-1)
	}
	// Nobody hears it any more: the doubt begins when that is sure.
	l.start = l.now
	l.pass(30 * ms)
	l.watch.Doubt(l.now)
	l.want(300*ms, aDoubt(50)+" 250:lost all")
}

// Doubts that others end do not put off the question that the proof needs.
func TestDoubtsKeepTheProof(t *testing.T) {
	l := proven(t, 0)
	l.answers = true
	for range 1100 {
		l.pass(60 * ms)
		l.watch.Doubt(l.now)
		l.watch.Heard(l.now.Add(ms))
	}
	if s := l.watch.Status(); s.Asked != 3 || !s.Proven {
		t.Errorf("%+v", s)
	}
}

// All the time: a question each period, and silence begins the doubt.
func TestContinuous(t *testing.T) {
	l := proven(t, 100*ms)
	l.answers = true
	l.want(450*ms, "100:ask 200:ask 300:ask 400:ask")
	l.answers = false
	l.want(289*ms, "500:ask "+aDoubt(540))
	l.answers = true
	l.want(110*ms, "740:lost all 740:back 840:ask")
}

// An answer that comes late, but in time, and an advert begin no doubt.
func TestContinuousAndSlow(t *testing.T) {
	for name, tt := range map[string]struct {
		alive func(*HostWatch, time.Time)
		want  string // the next question: a period after the answer, or after the last one
	}{
		"answer": {(*HostWatch).Answered, "239:ask"}, "advert": {(*HostWatch).Heard, "200:ask"},
	} {
		t.Run(name, func(t *testing.T) {
			l := proven(t, 100*ms)
			l.want(139*ms, "100:ask")
			tt.alive(l.watch, l.now)
			l.want(100*ms, tt.want)
			if s := l.watch.Status(); s.Silent || s.Lost {
				t.Fatalf("%+v", s)
			}
		})
	}
}

// A host that never answers is not asked all the time.
func TestContinuousInVain(t *testing.T) {
	newLookout(t, 100*ms).want(10*second, "100:all 300:all 700:all 1500:all 3100:all 6300:all")
}

// A doubt of a router in between begins at once.
func TestContinuousAndADoubt(t *testing.T) {
	l := proven(t, second)
	l.pass(500 * ms)
	l.watch.Doubt(l.now)
	l.want(HostPatience, aDoubt(500)+" 700:lost all")

	l = proven(t, second)
	l.pass(second) // a question is open
	l.watch.Doubt(l.now)
	l.want(HostPatience, aDoubt(1000)+" 1200:lost all")
}

// A daemon that is late concludes nothing from silence: the answer may lie unread. The
// doubt begins anew.
func TestLateDaemonConcludesNothing(t *testing.T) {
	for asked := 1; asked <= questions; asked++ {
		l := proven(t, 0)
		l.pass(second)
		l.watch.Doubt(l.now)
		l.pass(time.Duration(asked-1) * askGap)
		l.now = l.watch.Deadline().Add(askLate + 1)
		l.start = l.now
		l.want(HostPatience-1, aDoubt(0))
		l.want(1, "200:lost all")
	}
	for late, want := range map[time.Duration]bool{40 * ms: true, 41 * ms: false} {
		l := proven(t, 0)
		l.pass(second)
		l.watch.Doubt(l.now)
		l.pass(HostPatience - 1)
		l.now = l.watch.Deadline().Add(late)
		if got := l.tick(); strings.Contains(got, "lost") != want {
			t.Errorf("late by %v: %q", late, got)
		}
	}
}

// It wakes long after its question, without any doubt: that is none.
func TestLateDaemonWithoutADoubt(t *testing.T) {
	l := proven(t, 100*ms)
	l.pass(100 * ms)
	l.now = l.now.Add(second)
	l.start = l.now
	l.want(HostPatience, aDoubt(0)+" 200:lost all")

	l = proven(t, 0)
	l.now = l.now.Add(askAgain + second)
	l.start = l.now
	l.want(askAgain, "0:ask 30000:ask")
}

// What is lost is there again with an answer or an advert, which is said once.
func TestBack(t *testing.T) {
	for name, alive := range map[string]func(*HostWatch, time.Time){
		"answer": (*HostWatch).Answered, "advert": (*HostWatch).Heard,
	} {
		t.Run(name, func(t *testing.T) {
			l := proven(t, 0)
			l.pass(second)
			l.watch.Doubt(l.now)
			l.pass(HostPatience)
			l.start = l.now
			alive(l.watch, l.now)
			alive(l.watch, l.now)
			if d := l.watch.Deadline(); d.After(l.now) {
				t.Errorf("it is told in %v", d.Sub(l.now))
			}
			l.want(ms, "0:back")
			if s := l.watch.Status(); s.Lost || s.Since != l.start {
				t.Errorf("%+v", s)
			}
		})
	}
}

// An Active that is heard and does not answer is none whose silence says anything, until
// it answers.
func TestSilenceIsUsedUp(t *testing.T) {
	l := proven(t, 0)
	l.pass(second)
	l.watch.Doubt(l.now)
	l.pass(HostPatience)
	l.watch.Heard(l.now)
	for range 10 {
		l.pass(second)
		l.watch.Doubt(l.now)
		l.pass(HostPatience)
		if s := l.watch.Status(); s.Lost || s.Proven {
			t.Fatalf("%+v", s)
		}
		l.watch.Heard(l.now)
	}
	l.watch.Answered(l.now)
	l.pass(second)
	l.watch.Doubt(l.now)
	l.pass(HostPatience)
	if s := l.watch.Status(); !s.Lost {
		t.Errorf("it has answered, and is silent again: %+v", s)
	}
}

// Ticks that are a little late each do not put off the end by all of it: the last question
// alone has its whole time from when it was asked.
func TestLatenessDoesNotAddUp(t *testing.T) {
	const late = 5 * ms
	l := proven(t, 0)
	l.pass(signOfLife)
	begin := l.now
	l.watch.Doubt(l.now)
	for range questions {
		if said := l.watch.Tick(l.now); !said.Ask || said.Lost {
			t.Fatalf("%v after the doubt: %+v", l.now.Sub(begin), said)
		}
		l.now = l.watch.Deadline().Add(late)
	}
	said, took := l.watch.Tick(l.now), l.now.Sub(begin)
	if want := HostPatience + 2*late; !said.Lost || took != want {
		t.Errorf("lost: %v, after %v; want after %v", said.Lost, took, want)
	}
}
