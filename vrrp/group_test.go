// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// band is a group of two routers, the second over IPv6, with a clock.
type band struct {
	t     *testing.T
	now   time.Time
	group *Group
	four  *Router
	six   *Router
}

func newBand(t *testing.T, change ...func(*Params)) *band {
	b := &band{t: t, now: time.Unix(1000, 0)}
	b.four = NewRouter(params(change...))
	b.six = NewRouter(params(append(change, ipv6)...))
	b.group = NewGroup(b.four, b.six)
	b.step(0, Source{own})
	b.step(1, Source{own6})
	return b
}

// step gives an input, and returns the effects in a line: "0:send(100) 1:own".
func (b *band) step(member int, in Input) string {
	b.t.Helper()
	line := ""
	for _, e := range b.group.Step(b.now, member, in, nil) {
		line += fmt.Sprintf(" %d:%s", e.Member, effectWord(e.Effect))
	}
	if _, tick := in.(Tick); tick {
		if d := b.group.Deadline(); !d.IsZero() && !d.After(b.now) {
			b.t.Fatalf("after a Tick at %v the deadline is %v", b.now, d)
		}
	}
	if active := b.four.state == Active; active != (b.six.state == Active) {
		b.t.Fatalf("one is %v, the other %v", b.four.state, b.six.state)
	}
	if line == "" {
		return ""
	}
	return line[1:]
}

func (b *band) want(member int, in Input, want string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.step(member, in)); diff != "" {
		b.t.Fatalf("%T%+v (-want +got):\n%s", in, in, diff)
	}
}

// pass lets time go by, with a Tick at every deadline, and returns the effects.
func (b *band) pass(d time.Duration) string {
	b.t.Helper()
	end, line := b.now.Add(d), ""
	for n := 0; ; n++ {
		next := b.group.Deadline()
		if next.IsZero() || next.After(end) {
			break
		}
		if n > 1000 {
			b.t.Fatalf("more than 1000 deadlines in %v", d)
		}
		b.now = next
		if fx := b.step(0, Tick{}); fx != "" {
			line += fx + ";"
		}
	}
	b.now = end
	return line
}

func (b *band) until(d time.Duration, want string) {
	b.t.Helper()
	if fx := b.pass(d - 1); fx != "" {
		b.t.Fatalf("before %v: %s", d, fx)
	}
	if diff := cmp.Diff(want+";", b.pass(1)); diff != "" {
		b.t.Fatalf("after %v (-want +got):\n%s", d, diff)
	}
}

// activeBand has its addresses, and all announcements behind it.
func activeBand(t *testing.T, change ...func(*Params)) *band {
	b := newBand(t, change...)
	b.step(0, Start{})
	b.pass(5 * second)
	b.step(0, Owned{Held})
	b.step(1, Owned{Held})
	b.pass(5 * second)
	if b.four.state != Active {
		t.Fatal("not active")
	}
	return b
}

const bothTakeOver = "0:backup→active(active-down) 0:send(100) 0:own 1:backup→active(active-down) 1:send(100) 1:own"

func TestGroupTakesOverTogether(t *testing.T) {
	b := newBand(t)
	b.want(0, Start{}, "0:initialize→backup(started) 1:initialize→backup(started)")
	b.pass(second)
	b.want(0, heard(200, higher), "")
	b.until(down100, bothTakeOver) // when the last timer is out
}

// One family's adverts are lost: nothing moves.
func TestGroupLosesOneFamily(t *testing.T) {
	b := newBand(t)
	b.step(0, Start{})
	for range 20 {
		if fx := b.pass(second); fx != "" {
			t.Fatal(fx)
		}
		b.want(0, heard(200, higher), "")
	}
	b.until(down100, bothTakeOver) // and the other one's, at last
}

// The Active gives one member up, and says nothing of the other: its host is asked at
// once, and if nobody answers that is enough.
func TestGroupDoubtsWhoIsSilent(t *testing.T) {
	b := newBand(t, probing)
	b.step(0, Start{})
	b.step(0, heard(200, higher))
	b.step(1, heard6(200, higher6))
	b.pass(100 * time.Millisecond)
	b.want(0, heard(0, higher), "1:doubt")
	b.want(0, heard(0, higher), "") // said once more
	b.pass(HostPatience)
	b.want(1, HostLost{higher6}, "")
	b.until(skew100, "0:backup→active(active-stopped) 0:send(100) 0:own 0:follow() 1:backup→active(active-host-lost) 1:send(100) 1:own 1:follow()")
}

// Both are given up: nobody need be asked any more.
func TestGroupDoubtsNobodyWhoHasSaidIt(t *testing.T) {
	b := newBand(t, probing)
	b.step(0, Start{})
	b.step(0, heard(200, higher))
	b.step(1, heard6(200, higher6))
	b.want(0, heard(0, higher), "1:doubt")
	b.want(1, heard6(0, higher6), "")
}

func TestGroupDoubtsNobodyWithoutProbe(t *testing.T) {
	b := newBand(t)
	b.step(0, Start{})
	b.step(0, heard(200, higher))
	b.step(1, heard6(200, higher6))
	b.want(0, heard(0, higher), "")
}

func TestGroupLeavesTogetherAtALostElection(t *testing.T) {
	b := activeBand(t)
	b.want(0, heard(101, higher), "0:send(100) 0:active→backup(higher-priority) 1:send(0) 1:active→backup(group-left)")
	b.want(1, heard6(101, higher6), "")
	if fx := b.pass(settle + settlePerAddress); fx != "0:silence;1:silence;0:disown;1:disown;" {
		t.Errorf("then %q", fx)
	}
}

func TestGroupLeavesTogetherAtAFault(t *testing.T) {
	b := activeBand(t)
	b.want(1, Block{LinkDown}, "1:send(0) 1:active→initialize(link-down) 1:disown 0:send(0) 0:active→initialize(group-member)")
	b.want(0, Block{LinkDown}, "0:disown")
	b.want(1, Unblock{LinkDown}, "")
	b.want(0, Unblock{LinkDown}, "0:initialize→backup(started) 1:initialize→backup(started)")
}

// Both families have a reason; the last one gone starts both.
func TestGroupFaultsOfBoth(t *testing.T) {
	b := newBand(t)
	b.want(0, Block{LinkDown}, "")
	b.want(1, Block{NoSourceAddress}, "")
	b.want(0, Start{}, "")
	b.want(0, Unblock{LinkDown}, "")
	b.want(1, Unblock{NoSourceAddress}, "1:initialize→backup(started) 0:initialize→backup(started)")
}

// One effective priority, the lowest.
func TestGroupPriority(t *testing.T) {
	b := activeBand(t)
	b.want(0, Priority{50}, "0:send(50) 1:send(50)")
	b.want(1, Priority{70}, "")
	b.want(0, Priority{100}, "0:send(70) 1:send(70)")
	b.want(1, Priority{100}, "0:send(100) 1:send(100)")
}

// The families' addresses disagree about a tie: the first member decides, so that
// not both nodes leave.
func TestGroupTie(t *testing.T) {
	b := activeBand(t)
	b.want(0, heard(100, lower), "0:send(100) 0:announce")
	b.want(1, heard6(100, higher6), "1:send(100) 1:announce")
	b.want(1, heard6(101, higher6), "1:send(100) 1:active→backup(higher-priority) 0:send(0) 0:active→backup(group-left)")
}

// The first member decides its own tie by the RFC.
func TestGroupTieOfTheFirst(t *testing.T) {
	b := activeBand(t)
	b.want(0, heard(100, lower), "0:send(100) 0:announce")
	b.want(0, heard(100, higher), "0:send(100) 0:active→backup(higher-address) 1:send(0) 1:active→backup(group-left)")
}

// A first member that has just become Active can't know yet whether it hears anybody;
// after Active_Down_Interval it does.
func TestGroupTieAfterTheTakeover(t *testing.T) {
	b := newBand(t)
	b.step(0, Start{})
	b.until(down100, bothTakeOver)
	b.want(1, heard6(100, higher6), "1:send(100)")
	b.pass(down100 - 1)
	b.want(1, heard6(100, higher6), "1:send(100)")
	b.now = b.now.Add(1)
	b.want(1, heard6(100, higher6), "1:send(100) 1:active→backup(higher-address) 0:send(0) 0:active→backup(group-left)")
}

// If the first member's family is cut, the other one's tie counts.
func TestGroupTieWithoutTheFirst(t *testing.T) {
	b := activeBand(t)
	b.pass(down100)
	b.want(1, heard6(100, higher6), "1:send(100) 1:active→backup(higher-address) 0:send(0) 0:active→backup(group-left)")
}

// An advert beside the timer gets one family out of step, for no longer than until
// the next one.
func TestGroupAdvertsStayTogether(t *testing.T) {
	b := activeBand(t, noAnnouncements)
	b.pass(second)
	b.pass(400 * time.Millisecond)
	b.want(0, heard(0, higher), "0:send(100)")
	for range 3 {
		if fx := b.pass(second); fx != "0:send(100) 1:send(100);" {
			t.Errorf("then %q", fx)
		}
	}
}

// Each keeps its interval.
func TestGroupOfTwoIntervals(t *testing.T) {
	b := newBand(t)
	b.six.params.Interval = 2 * second
	b.step(0, Start{})
	b.pass(10 * second)
	if b.four.state != Active {
		t.Fatal("not active")
	}
	sent := b.six.Status().Counters.AdvertsSent
	b.pass(20 * second)
	if got := b.six.Status().Counters.AdvertsSent - sent; got != 10 {
		t.Errorf("%d adverts in 20 s, want 10", got)
	}
}

func TestGroupStops(t *testing.T) {
	b := activeBand(t)
	b.want(0, Stop{}, "0:send(0) 0:active→initialize(stopped) 1:send(0) 1:active→initialize(stopped)")
}

// An address of one family can't be set: both leave, and both come back.
func TestGroupAddressFails(t *testing.T) {
	b := activeBand(t)
	b.want(1, Owned{Failed}, "1:send(0) 1:active→initialize(address-failed) 1:disown 0:send(0) 0:active→initialize(group-member)")
	b.pass(2 * second)
	if fx := b.pass(retryAddresses - 2*second); fx != "1:initialize→backup(started) 0:initialize→backup(started);" {
		t.Errorf("then %q", fx)
	}
}

func TestGroupResumes(t *testing.T) {
	b := newBand(t)
	b.want(0, Resume{Age: second}, "0:initialize→active(resumed) 0:own 1:initialize→active(resumed) 1:own")
	b.until(resumeListen, "0:send(100) 0:announce 1:send(100) 1:announce")
}

// A verdict that is awaited holds no group back that resumes.
func TestGroupResumesWithoutVerdicts(t *testing.T) {
	b := newBand(t)
	b.step(1, Block{AwaitingChecks})
	b.want(0, Resume{Age: second}, "0:initialize→active(resumed) 0:own 1:initialize→active(resumed) 1:own")
	b.want(1, Unblock{AwaitingChecks}, "")
	b.until(resumeListen, "0:send(100) 0:announce 1:send(100) 1:announce")
}

// All or none.
func TestGroupDoesNotResumeByHalf(t *testing.T) {
	b := newBand(t)
	b.step(1, Block{NoSourceAddress})
	b.want(0, Resume{Age: second}, "0:disown 1:disown")
}

func TestGroupLosesItsResume(t *testing.T) {
	b := newBand(t)
	b.step(0, Resume{Age: second})
	b.want(1, heard6(50, higher6), "1:active→backup(resumed-too-late) 1:disown 0:active→backup(group-left) 0:disown")
}

func TestGroupOversleeps(t *testing.T) {
	b := activeBand(t)
	b.now = b.now.Add(5 * second)
	b.want(0, Woke{}, "0:active→backup(overslept) 0:disown 1:active→backup(overslept) 1:disown")
}

// Deadlines are acted on by Tick alone, and by nobody alone.
func TestGroupTakesOverByTick(t *testing.T) {
	b := newBand(t)
	b.step(0, Start{})
	b.pass(second)
	b.want(0, heard(200, higher), "")
	b.now = b.now.Add(down100 - 1)
	b.want(0, Tick{}, "") // one member's timer is out
	b.now = b.now.Add(1)
	b.want(0, Source{own}, "")
	b.want(0, Tick{}, bothTakeOver)
}
