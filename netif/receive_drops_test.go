// SPDX-License-Identifier: Apache-2.0

package netif_test

import "testing"

// Nobody reads while many packets come: those for which there was no room are counted.
func TestLostPacketsAreCounted(t *testing.T) { eachFamily(t, testLostPacketsAreCounted) }

func testLostPacketsAreCounted(t *testing.T, f family) {
	w := newWorld(t)
	r := start(t, "eth0")
	s := f.speaker(t, w.peer, "eth0")
	const many = 20000
	r.mu.Lock() // the reader waits for it with its first packet
	for range many {
		s.say(t, "hello", f.group)
	}
	r.mu.Unlock()
	r.await(t, "most of them", func() bool { return len(r.packets) > 1000 })
	s.say(t, "bye", f.group)
	r.await(t, "the last one", func() bool { return string(r.packets[len(r.packets)-1].Payload) == "bye" })
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := 0
	for _, p := range r.packets {
		lost += int(p.Lost)
	}
	if lost == 0 || lost+len(r.packets) != many+1 {
		t.Errorf("%d packets arrived, %d were lost, of %d", len(r.packets), lost, many+1)
	}
}

// What has arrived, and was not told of yet, is seen.
func TestUnread(t *testing.T) { eachFamily(t, testUnread) }

func testUnread(t *testing.T, f family) {
	w := newWorld(t)
	r := start(t, "eth0")
	s := f.speaker(t, w.peer, "eth0")
	link, ipv4 := r.last(t, "eth0").Index, f.name == v4().name
	if r.Unread(link, ipv4) {
		t.Error("before anything came, something is unread")
	}
	r.mu.Lock() // the reader waits for it with its first packet
	for range 100 {
		s.say(t, "hello", f.group)
	}
	if !r.Unread(link, ipv4) || r.Unread(link, !ipv4) || r.Unread(link+1, ipv4) {
		t.Error("packets that lie there are not seen, or elsewhere")
	}
	r.mu.Unlock()
	r.await(t, "all of them", func() bool { return len(r.packets) == 100 })
	if r.Unread(link, ipv4) {
		t.Error("after all were told of, something is unread")
	}
}
