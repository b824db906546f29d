// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Make before break: the addresses stay until the next Active has them.

const ( // of one address
	hush   = 10*time.Millisecond + 100*time.Microsecond
	settle = 50*time.Millisecond + 100*time.Microsecond
)

func TestReleaseAfterTheNextActivesAdvert(t *testing.T) {
	g := active(t)
	g.step(Stop{})
	g.farewells()
	g.quiet(300 * time.Millisecond)
	g.want(heard(99, higher))
	g.quiet(hush / 2)
	g.want(heard(99, higher)) // its second does not put it off
	g.until(hush-hush/2, Silence{})
	g.quiet(settle / 2)
	g.want(heard(99, higher)) // nor its third
	g.until(settle-settle/2-hush, Own{false})
	g.quiet(time.Hour)
}

// An advert in the last moment of the wait for a next Active puts nothing off, and
// leaves no time for silence.
func TestReleaseDoesNotWaitForALateNextActive(t *testing.T) {
	g := active(t)
	g.step(Stop{})
	g.farewells()
	g.quiet(second + releaseMargin - 2*farewellGap - settle)
	g.want(heard(99, higher))
	g.until(settle, Own{false})
}

// The cable is pulled before it is silent: the addresses have gone, and that is all.
func TestReleaseCutShort(t *testing.T) {
	g := active(t)
	g.step(Stop{})
	g.farewells()
	g.want(heard(99, higher))
	g.want(Block{LinkDown}, Own{false})
	g.quiet(time.Hour)
}

// A silent router that is needed again answers again: Own says so. The silence that
// was due is not.
func TestTakeOverWhileSilent(t *testing.T) {
	g := active(t, every(MinInterval), prio(254))
	g.step(heardAt(255, higher, MinInterval))
	g.step(heardAt(0, higher, MinInterval))
	for _, e := range g.pass(second) {
		if e == (Silence{}) || e == (Own{false}) {
			t.Fatalf("%T as Active", e)
		}
	}
	g.state(Active)
}

// Nobody answers: an interval and 100 ms. Priority 0 is said thrice within 5 ms.
func TestReleaseWithoutANextActive(t *testing.T) {
	g := active(t)
	g.step(Stop{})
	g.until(2*time.Millisecond, Send{0})
	g.until(2*time.Millisecond, Send{0})
	g.until(1096*time.Millisecond, Own{false})
}

// A failed check leaves the node able to answer, so its addresses stay, too.
func TestReleaseAtAFailedCheck(t *testing.T) {
	g := active(t)
	g.want(Block{CheckFailed}, Send{0}, Transition{Active, Initialize, CheckFailed})
	g.farewells()
	g.until(second+releaseMargin-2*farewellGap, Own{false})
}

// The adverts of Backups that stop, too, are not the next Active's.
func TestReleaseIgnoresPriorityZero(t *testing.T) {
	g := active(t)
	g.step(Stop{})
	g.want(heard(0, higher))
	g.farewells()
	g.until(second+releaseMargin-2*farewellGap, Own{false})
}

// A second Stop, or maintenance on top, changes nothing.
func TestStopTwice(t *testing.T) {
	g := active(t)
	g.step(Stop{})
	g.want(Stop{})
	g.want(Block{Maintenance})
	g.farewells()
	g.until(second+releaseMargin-2*farewellGap, Own{false})
}

// A preempted Active that is needed again before its addresses are gone.
func TestTakeOverWhileReleasing(t *testing.T) {
	g := active(t, every(MinInterval))
	g.step(heardAt(200, higher, MinInterval))
	g.until(hush, Silence{})
	g.until(ActiveDownInterval(100, MinInterval)-hush, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
	g.want(Owned{Held}, Announce{})
	for _, e := range g.pass(second) {
		if e == (Own{false}) {
			t.Fatal("the old release took the addresses away from the Active")
		}
	}
}

// The first advert is sent once more, in case it is lost; not where the next one
// is due anyway.
func TestFirstAdvertIsRepeated(t *testing.T) {
	for interval, want := range map[time.Duration]int{second: 2, 100 * time.Millisecond: 2, 90 * time.Millisecond: 1} {
		g := newRig(t, every(interval))
		g.step(Start{})
		sent := 0
		for _, e := range g.pass(ActiveDownInterval(100, interval) + interval - 1) {
			if _, ok := e.(Send); ok {
				sent++
			}
		}
		if sent != want {
			t.Errorf("at %v: %d adverts before the second interval, want %d", interval, sent, want)
		}
	}
}

// A healed split brain in which the winner speaks first: the loser says that it was
// there, or the winner could not know whom to tell.
func TestLoserSpeaksOnceMore(t *testing.T) {
	g := active(t)
	g.want(heard(200, higher), Send{100}, Transition{Active, Backup, HigherPriority})
	g = active(t, version2)
	g.want(as2(heard(200, higher)), Send{100}, Transition{Active, Backup, HigherPriority})
}

// Stopped while its addresses failed: nothing is waited for, and a later start is
// one.
func TestStopAfterAddressesFailed(t *testing.T) {
	g := active(t)
	g.step(Owned{Failed})
	g.farewells()
	g.want(Stop{})
	if d := g.router.Deadline(); !d.IsZero() {
		t.Errorf("waits until %v", d)
	}
	g.want(Start{}, Transition{Initialize, Backup, Started})
}

// Two Actives with one priority and one address would answer each other's
// adverts for ever, as fast as the wire allows; and anybody can forge one.
func TestAnswersAreRateLimited(t *testing.T) {
	g := active(t, noAnnouncements)
	sent := 0
	for range 1000 {
		g.pass(time.Millisecond)
		sent += len(g.step(heard(99, higher)))
	}
	if sent != answersPerInterval {
		t.Errorf("%d answers in one interval, want %d", sent, answersPerInterval)
	}
}

// One answer each tenth of an interval.
func TestAnswersPerInterval(t *testing.T) {
	g := active(t, noAnnouncements)
	g.want(heard(99, higher), Send{100})
	g.quiet(100*time.Millisecond - 1)
	g.want(heard(99, higher))
	g.quiet(1)
	g.want(heard(99, higher), Send{100})
}

// An owner that comes back at once answers anew.
func TestAnswersBeginAnew(t *testing.T) {
	g := active(t, prio(OwnerPriority), noAnnouncements)
	g.want(heard(99, higher), Send{255})
	g.step(Stop{})
	g.step(Start{})
	g.want(heard(99, higher), Send{255})
}

// Our address in another's advert tells nothing when the priority decides.
func TestSameSourceOfAnotherPriority(t *testing.T) {
	g := active(t, noAnnouncements)
	g.want(heard(99, own), Send{100})
}

// A healed split brain: hosts that followed the loser hear of the survivor, and
// hear it again after the loser has let go.
func TestAnnouncesAgainAtALosingAdvert(t *testing.T) {
	g := active(t)
	g.quiet(second / 2)
	g.want(heard(99, higher), Send{100}, Announce{})
	g.until(60*time.Millisecond, Announce{})
	g.until(190*time.Millisecond, Announce{})
	g.until(250*time.Millisecond, Send{100})
}

// At most two schedules an interval.
func TestAnnouncementsAreRateLimited(t *testing.T) {
	g := active(t, func(p *Params) { p.Announce = p.Announce[:1] })
	announced := 0
	for range 1000 {
		fx := append(g.pass(time.Millisecond), g.step(heard(99, higher))...)
		for _, e := range fx {
			if e == (Announce{}) {
				announced++
			}
		}
	}
	if announced != 2 {
		t.Errorf("%d announcements in one interval, want 2", announced)
	}
}

// An interval's jitter does not lose one.
func TestAnnouncementsEachInterval(t *testing.T) {
	g := active(t, func(p *Params) { p.Announce = p.Announce[:1] })
	g.want(heard(99, higher), Send{100}, Announce{})
	g.pass(second/2 - 1)
	g.want(heard(99, higher), Send{100})
	g.pass(second/10 + 1)
	g.want(heard(99, higher), Send{100}, Announce{})
	g.pass(second - time.Millisecond)
	g.want(heard(99, higher), Send{100}, Announce{})
	g.pass(second / 2)
	g.want(heard(99, higher), Send{100}, Announce{})
}

// Announcing what is not there yet makes a hole in the network.
func TestNothingIsAnnouncedBeforeTheAddressIsThere(t *testing.T) {
	g := newRig(t)
	g.step(Start{})
	for _, e := range append(g.pass(down100+second), g.step(heard(99, higher))...) {
		if e == (Announce{}) {
			t.Fatal("announced before Owned")
		}
	}
	g.want(Owned{Held}, Announce{})
}

// Nor when it was there in an earlier life.
func TestNothingIsAnnouncedBeforeTheAddressIsThereAgain(t *testing.T) {
	g := active(t)
	g.now = g.now.Add(3 * second)
	g.step(Woke{})
	for _, e := range append(g.pass(down100+second), g.step(heard(99, higher))...) {
		if e == (Announce{}) {
			t.Fatal("announced before Owned")
		}
	}
}

func TestAnnouncements(t *testing.T) {
	g := newRig(t, every(10*second), func(p *Params) { p.Refresh = 3 * second })
	g.step(Start{})
	g.pass(ActiveDownInterval(100, 10*second) + second)
	g.want(Owned{Held}, Announce{})
	g.until(60*time.Millisecond, Announce{})
	g.until(190*time.Millisecond, Announce{})
	g.until(3*second, Announce{})
	g.until(3*second, Announce{})
	g.want(Owned{Held}, Announce{}) // put back after somebody deleted them
	g.until(60*time.Millisecond, Announce{})
}

// A loop that was late makes up for nothing.
func TestLateAnnouncementsAreOne(t *testing.T) {
	g := newRig(t)
	g.step(Start{})
	g.pass(down100)
	g.step(Owned{Held})
	g.now = g.now.Add(900 * time.Millisecond)
	g.want(Tick{}, Send{100}, Announce{})
	g.quiet(99 * time.Millisecond)
}

// An Active without its addresses leaves, says why, and comes back.
func TestAddressesFail(t *testing.T) {
	g := active(t)
	g.step(Owned{Failed})
	if got := g.router.Status().Blocked; !cmp.Equal(got, []Reason{AddressFailed}) {
		t.Errorf("blocked %v", got)
	}
	g.farewells()
	g.until(30*second-2*farewellGap, Transition{Initialize, Backup, Started})
}

// A link that comes back meanwhile does not start a router whose addresses fail.
func TestAddressesFailAndTheLinkGoes(t *testing.T) {
	g := active(t)
	g.step(Owned{Failed})
	g.want(Block{LinkDown})
	g.want(Unblock{LinkDown})
	g.want(Block{LinkDown})
	g.quiet(2 * retryAddresses)
	g.want(Unblock{LinkDown}, Transition{Initialize, Backup, Started})
}

// Every reason must be gone before a router starts, and Stop is one too.
func TestBlockedByTwoReasons(t *testing.T) {
	g := newRig(t)
	g.want(Block{LinkDown})
	g.want(Block{AwaitingChecks})
	g.want(Start{})
	g.want(Unblock{LinkDown})
	if got := g.router.Status().Blocked; !cmp.Equal(got, []Reason{AwaitingChecks}) {
		t.Errorf("blocked %v", got)
	}
	g.want(Unblock{AwaitingChecks}, Transition{Initialize, Backup, Started})
	g.step(Stop{})
	g.want(Block{LinkDown})
	g.want(Unblock{LinkDown})
	g.want(Start{}, Transition{Initialize, Backup, Started})
	g.want(Start{})
}

// The kernel drops a lease only when its time is over, so adverts that went out
// in time mean that nobody has replaced us; otherwise somebody has.
func TestLeaseExpires(t *testing.T) {
	g := active(t)
	g.quiet(second / 2)
	g.want(Owned{Expired}, Own{true})
	g.now = g.now.Add(3 * second)
	g.want(Owned{Expired}, Transition{Active, Backup, LeaseExpired}, Own{false})
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// Just in time is in time.
func TestLeaseExpiresInTime(t *testing.T) {
	g := active(t)
	g.now = g.now.Add(3*second - 1)
	g.want(Owned{Expired}, Own{true})
	g.want(Woke{})
}

// What was learned as a Backup does not outlive the takeover.
func TestWokeWaitsByItsOwnInterval(t *testing.T) {
	g := newRig(t)
	g.step(Start{})
	g.step(heardAt(200, higher, 100*time.Millisecond))
	g.pass(down100 / 10)
	g.state(Active)
	g.now = g.now.Add(3 * second)
	g.want(Woke{}, Transition{Active, Backup, Overslept}, Own{false})
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// A daemon that slept hears who is Active now before it speaks.
func TestWoke(t *testing.T) {
	g := active(t)
	g.now = g.now.Add(5 * second)
	g.want(Woke{}, Transition{Active, Backup, Overslept}, Own{false})
	g.want(heard(99, higher))
	g.want(Tick{})
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// Resume: the addresses outlived a crash.

func TestResume(t *testing.T) {
	g := newRig(t)
	g.want(Resume{Age: 2749 * time.Millisecond}, Transition{Initialize, Active, Resumed}, Own{true})
	g.want(Owned{Held}) // nothing is announced before it is sure
	g.want(Priority{1})
	g.until(50*time.Millisecond, Send{1}, Announce{})
	g.until(60*time.Millisecond, Announce{})
}

// 500 ms is enough.
func TestResumeFrom500ms(t *testing.T) {
	g := newRig(t, every(500*time.Millisecond))
	g.want(Resume{Age: 1249 * time.Millisecond}, Transition{Initialize, Active, Resumed}, Own{true})
}

// An owner starts as the RFC says: it is asked by nobody.
func TestResumeFrom200msAfterAHandOff(t *testing.T) {
	g := newRig(t, every(200*time.Millisecond))
	g.want(Resume{Age: 349 * time.Millisecond, HandedOff: true}, Transition{Initialize, Active, Resumed}, Own{true})
	g.until(50*time.Millisecond, Send{100}, Announce{})
}

func TestNoResumeOfAnOwner(t *testing.T) {
	g := newRig(t, prio(OwnerPriority))
	g.want(Resume{Age: 0}, Own{false}, Transition{Initialize, Active, Owner}, Send{255}, Own{true})
}

// What was due in an earlier life is not due in this one.
func TestResumeAfterAStop(t *testing.T) {
	g := active(t)
	g.step(Priority{90})
	g.step(Stop{})
	g.pass(2 * second)
	g.want(Resume{Age: 0}, Transition{Initialize, Active, Resumed}, Own{true})
	g.want(Owned{Held})
	g.until(50*time.Millisecond, Send{90}, Announce{})
}

func TestNoResume(t *testing.T) {
	for _, tt := range []struct {
		name   string
		resume Resume
		change func(*Params)
	}{
		{"too late", Resume{Age: 2750 * time.Millisecond}, func(*Params) {}},
		{"too late after a hand-off", Resume{Age: 2750 * time.Millisecond, HandedOff: true}, func(*Params) {}},
		{"an age that can't be", Resume{Age: -1}, func(*Params) {}},
		{"sub-second adverts", Resume{}, every(490 * time.Millisecond)},
		{"no time after a hand-off", Resume{HandedOff: true}, every(190 * time.Millisecond)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, tt.change)
			g.want(tt.resume, Own{false}, Transition{Initialize, Backup, Started})
		})
	}
}

func TestResumeOfABlockedRouter(t *testing.T) {
	g := newRig(t)
	g.step(Block{LinkDown})
	g.want(Resume{Age: 0}, Own{false})
	g.want(Unblock{LinkDown}, Transition{Initialize, Backup, Started})
}

// Unknown verdicts hold back a router that starts, not one that resumes; and they
// change nothing when they come.
func TestResumeDoesNotAwaitChecks(t *testing.T) {
	g := newRig(t)
	g.step(Block{AwaitingChecks})
	g.want(Resume{Age: 0}, Transition{Initialize, Active, Resumed}, Own{true})
	g.want(Unblock{AwaitingChecks})
	g.until(resumeListen, Send{100}, Announce{})

	g = newRig(t)
	g.step(Block{AwaitingChecks})
	g.step(Resume{Age: 0})
	g.step(heard(200, higher))
	g.state(Backup)
	g.want(Unblock{AwaitingChecks})
}

// Nor is one begun where nobody can hear it.
func TestNoFarewellWhereNobodyHearsIt(t *testing.T) {
	for _, why := range []Reason{InterfaceMissing, LinkDown, NoSourceAddress} {
		g := active(t)
		g.want(Block{why}, Send{0}, Transition{Active, Initialize, why}, Own{false})
		g.quiet(time.Hour)
	}
}

// A farewell ends with a new start as Active.
func TestFarewellEndsWithAResume(t *testing.T) {
	g := active(t)
	g.step(Stop{})
	g.step(Block{NoSocket}) // ends the release
	g.step(Unblock{NoSocket})
	g.want(Resume{Age: 0}, Transition{Initialize, Active, Resumed}, Own{true})
	g.until(resumeListen, Send{100}, Announce{})
}

// The link goes while the farewell is being said.
func TestFarewellEndsWithTheLink(t *testing.T) {
	g := active(t)
	g.step(Stop{})
	g.want(Block{LinkDown}, Own{false})
	g.quiet(time.Hour)
}

func TestResumeIsLostToAnAdvert(t *testing.T) {
	g := newRig(t)
	g.step(Resume{Age: 0})
	g.quiet(49 * time.Millisecond)
	g.want(heard(50, lower), Transition{Active, Backup, ResumedTooLate}, Own{false})
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// That advert is the first which the Backup hears.
func TestResumeIsLostToAnAdvertThatCounts(t *testing.T) {
	g := newRig(t)
	g.step(Resume{Age: 0})
	g.step(heardAt(200, higher, 100*time.Millisecond))
	g.until(down100/10, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// The time before the crash counts for what a sleep may last.
func TestResumeThatSleeps(t *testing.T) {
	g := newRig(t)
	g.step(Resume{Age: 2500 * time.Millisecond})
	g.now = g.now.Add(500 * time.Millisecond)
	g.want(Woke{}, Transition{Active, Backup, Overslept}, Own{false})
}

func TestResumeIsLostToAnAnswer(t *testing.T) {
	g := newRig(t)
	g.step(Resume{Age: 0})
	g.want(Contested{}, Transition{Active, Backup, ResumedTooLate}, Own{false})
}

// The status says what a person wants to know.
func TestStatus(t *testing.T) {
	g := backup(t, 200)
	at := g.now
	g.pass(second)
	s := g.router.Status()
	if s.State != Backup || s.Reason != Started || s.Active.Source != higher || s.Active.Priority != 200 ||
		s.Active.Heard != at || s.Priority != 100 || s.TakeOver != at.Add(down100) || s.Owns {
		t.Errorf("status %+v", s)
	}
}

// The status is of now: what a state before has left is not in it.
func TestStatusAfterATransition(t *testing.T) {
	g := backup(t, 200)
	g.step(Priority{90})
	g.pass(5 * second)
	g.state(Active)
	s := g.router.Status()
	if !s.TakeOver.IsZero() || s.Active.Source.IsValid() || s.Priority != 90 ||
		s.Since != g.now.Add(ActiveDownInterval(90, second)-5*second) || s.Reason != ActiveDown {
		t.Errorf("status %+v", s)
	}
}

func TestCounters(t *testing.T) {
	g := backup(t, 200)
	g.step(heardAt(200, higher, 2*second)) // IntervalDiffers
	g.step(heard(0, higher))
	g.step(heard(200, higher)) // RejectOvertaken
	g.pass(2*skew100 + 20*time.Millisecond)
	g.step(Owned{Held})
	g.step(Stop{})
	g.pass(second)
	want := Counters{
		AdvertsSent: 2, AdvertsReceived: 3, PriorityZeroSent: 3, PriorityZeroReceived: 1, BecameActive: 1, Announced: 1,
	}
	want.Rejected[RejectOvertaken], want.Noticed[IntervalDiffers] = 1, 1
	if diff := cmp.Diff(want, g.router.Status().Counters); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Many IPv6 addresses cost the kernel time with the square of their number.
func TestAutoLeaseOfManyAddresses(t *testing.T) {
	for ipv6, want := range map[int]time.Duration{250: second, 500: 3 * second, 1000: 10 * second} {
		if got := AutoLease(100*time.Millisecond, ipv6); got != want {
			t.Errorf("%d addresses: %v, want %v", ipv6, got, want)
		}
	}
}

func TestAutoLease(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		MinInterval: second, 250 * time.Millisecond: second, 260 * time.Millisecond: 2 * second,
		second: 4 * second, MaxInterval: 164 * second,
	} {
		if got := AutoLease(interval, 100); got != want {
			t.Errorf("AutoLease(%v) = %v, want %v", interval, got, want)
		}
		if AutoLease(interval, 0) < ActiveDownInterval(1, interval) {
			t.Errorf("at %v the lease ends before a Backup takes over", interval)
		}
	}
}

// Programmer's errors do not pass.
func TestImpossibleTransitionsPanic(t *testing.T) {
	for name, f := range map[string]func(*Router){
		"to the same state": func(r *Router) { r.become(time.Time{}, Initialize, Started, nil) },
		"to no state":       func(r *Router) { r.become(time.Time{}, Active+1, Started, nil) },
		"unknown input":     func(r *Router) { r.Step(time.Time{}, nil, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(NewRouter(params()))
		})
	}
}

// Every value has a word of its own, and no two the same.
func TestWords(t *testing.T) {
	seen := map[string]bool{}
	once := func(word string) {
		t.Helper()
		if word == "invalid" || seen[word] {
			t.Errorf("word %q: none of its own", word)
		}
		seen[word] = true
	}
	for r := NoReason; r < numReasons; r++ {
		once(r.String())
	}
	for r := Accepted; r < NumRejects; r++ {
		once(r.String())
	}
	for n := range NumNotices {
		once(n.String())
	}
	for o := Held; o <= Added; o++ {
		once(o.String())
	}
	for s := Initialize; s <= Active; s++ {
		once(s.String())
	}
	for p := Releasing; p <= Resuming; p++ {
		once(p.String())
	}
	for v := Version3; v <= VersionBoth; v++ {
		once(v.String())
	}
	for _, invalid := range []string{
		(VersionBoth + 1).String(), numReasons.String(), NumRejects.String(), NumNotices.String(),
		(Added + 1).String(), (Active + 1).String(), (Resuming + 1).String(),
	} {
		if invalid != "invalid" {
			t.Errorf("a value outside the set is called %q", invalid)
		}
	}
	if Settled.String() != "" {
		t.Error("the settled phase needs no word")
	}
}
