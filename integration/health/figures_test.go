// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	// rare is the interval of a check whose probes are to play no part.
	rare = 30 * time.Second
	// told is how soon after a death the other node must know, of 99 deaths in 100.
	told = 5 * time.Millisecond
)

// TestKill kills HAProxy again and again, and measures how soon the lower priority is on
// the wire.
func TestKill(t *testing.T) {
	t.Parallel()
	b := newBench(t, haproxy)
	s := b.serve(t, startHAProxy, "haproxyk")
	b.run(t, paces{100 * time.Millisecond, rare})
	var took []time.Duration
	for i := range times(20, 200) {
		worker, killed := s.worker(t), time.Now()
		labtest.Must(t, syscall.Kill(worker, syscall.SIGKILL))
		took = append(took, b.firstLowered(t, killed).Sub(killed))
		s.revive(t)
		b.askAnew(t, rare+time.Duration((i+1)%2)*time.Second)
		b.settle(t)
	}
	slices.Sort(took)
	figure := fmt.Sprintf("HAProxy killed %d times, checked every %v: the lower priority is on the wire after %s ms in the median, %s ms of 99 in 100, %s ms at most.\n",
		len(took), rare, ms(percentile(took, 50)), ms(percentile(took, 99)), ms(took[len(took)-1]))
	t.Log(figure)
	if limit := map[bool]time.Duration{true: told, false: atOnce}[document() != ""]; percentile(took, 99) > limit {
		t.Errorf("limit %v: %v", limit, took)
	}
	put(t, "kills", figure)
}

// percentile is the time that p in 100 do not exceed. The times are in their order.
func percentile(times []time.Duration, p int) time.Duration {
	return times[(len(times)*p+99)/100-1]
}

// firstLowered waits for the first advert with a lower priority.
func (b *bench) firstLowered(t *testing.T, after time.Time) time.Time {
	t.Helper()
	p, err := b.capture.Wait(labtest.Patient(t), func(p lab.Packet) bool { return lowered(p, 0, after) })
	labtest.Must(t, err)
	return p.Time
}

// askAnew has lb1's check begin anew: it would wait for its interval, else.
func (b *bench) askAnew(t *testing.T, every time.Duration) {
	t.Helper()
	b.lb1.configure(t, b.lb1.config(b.kinds, paces{100 * time.Millisecond, every}))
	_, err := b.lb1.Command(labtest.Patient(t), "reload", "--socket", b.lb1.socket())
	labtest.Must(t, err)
}

// TestWedged stops HAProxy's worker again and again, each time at another phase of the
// check.
func TestWedged(t *testing.T) {
	t.Parallel()
	b := newBench(t, haproxy)
	s := b.serve(t, startHAProxy, "haproxyw")
	b.run(t, paces{100 * time.Millisecond, interval})
	var took []time.Duration
	n := times(5, 50)
	for i := range n {
		<-time.After(interval * time.Duration(i) / time.Duration(n))
		stopped := time.Now()
		s.signalWorker(syscall.SIGSTOP)(t)
		took = append(took, b.firstLowered(t, stopped).Sub(stopped))
		s.signalWorker(syscall.SIGCONT)(t)
		b.settle(t)
	}
	slices.Sort(took)
	figure := fmt.Sprintf("HAProxy wedged %d times: the lower priority is on the wire after %s ms; the bound is (interval + timeout) × fall = %s ms.\n",
		n, spread(took), ms(slow))
	t.Log(figure)
	if worst := took[n-1]; worst > slow+noise {
		t.Errorf("after %v, limit %v", worst, slow)
	}
	put(t, "wedged", figure)
}

// put writes a figure into the document, if it is to be.
func put(t *testing.T, place, text string) {
	t.Helper()
	if document() != "" {
		labtest.Must(t, lab.Fill(document(), place, text))
	}
}
