// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"vipd/vrrp"
)

// Scenario runs a script and returns what happened. A command is a line:
//
//	lan a b c [family=46] [seed=7]     the nodes; first of all
//	start a [prio=150] [interval=1s] [preempt=off] [preempt-delay=5s] [start-delay=5s]
//	        [handover=rfc] [probe=on-doubt|100ms] [check=lowest|fault|30] [rfc=yes]
//	run 4s
//	stop a, crash a, handoff a, freeze a, thaw a, pause a, wake a, unplug a, plug a
//	late a 700ms                       the loop wakes that much later, at most
//	fail a, die a, recover a           the service; die: its process ends
//	break a, mend a                    setting addresses fails
//	mute a, unmute a                   the kernel answers no questions
//	maintain a, resume a
//	resign a, reclaim a
//	cut a>b [4|6], cut a-b, heal a-b   one direction, or both
//	loss 5, dup 5, delay 2ms           percent of the packets; at most
//	lose a 2                           the next adverts of a
//
// start gives a node its configuration, the default ones where none is given; a
// node that runs is reloaded. The trace has the commands and what they lead to;
// adverts that say the same as the one before are left out. The error is that of
// the script, or the first violation of an invariant.
func Scenario(lines string) (trace string, err error) {
	s := &script{}
	for i, line := range strings.Split(lines, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := s.do(words); err != nil {
			return s.trace.String(), fmt.Errorf("line %d: %s: %w", i+1, line, err)
		}
	}
	return s.trace.String(), nil
}

// script is a scenario that is running.
type script struct {
	w     *world
	trace strings.Builder
}

func (s *script) do(words []string) error {
	if words[0] == "lan" {
		return s.lan(words[1:])
	}
	if s.w == nil || len(words) < 2 {
		return fmt.Errorf("no lan, or no argument")
	}
	if words[0] != "run" {
		s.w.trace.add(entry{at: s.w.now, text: "— " + strings.Join(words, " ")})
	}
	var err error
	violation := s.w.guard(func() { err = s.command(words[0], words[1], words[2:]) })
	if violation != nil {
		return violation
	}
	return err
}

// lan makes the world: with fixed delays, so that a trace is easy to read.
func (s *script) lan(words []string) error {
	seed, families := uint64(0), []family{ipv4}
	var names []string
	for _, word := range words {
		switch key, value, option := strings.Cut(word, "="); {
		case !option:
			names = append(names, word)
		case key == "seed":
			seed, _ = strconv.ParseUint(value, 10, 64)
		case key == "family" && value == "6":
			families = []family{ipv6}
		case key == "family" && value == "46":
			families = []family{ipv4, ipv6}
		default:
			return fmt.Errorf("unknown option %q", word)
		}
	}
	if len(names) == 0 || len(names) > maxNodes {
		return fmt.Errorf("%d nodes, not 1–%d", len(names), maxNodes)
	}
	s.w = newWorld(seed)
	s.w.setFamilies(families...)
	s.w.setSlow(fastest)
	for i, name := range names {
		s.w.add(name, byte(11+i), byte(11+i)).adding = time.Millisecond
	}
	s.w.trace.sink = func(e entry) { s.trace.WriteString(e.String() + "\n") }
	return nil
}

// command does what is about the world, or about one node.
func (s *script) command(verb, object string, rest []string) error {
	w := s.w
	switch verb {
	case "run", "delay":
		d, err := time.ParseDuration(object)
		if verb == "run" {
			w.run(d)
		} else {
			w.setSlow(d)
		}
		return err
	case "loss", "dup":
		rate, err := strconv.Atoi(object)
		if verb == "loss" {
			w.lan.loss = percent(rate)
		} else {
			w.lan.dup = percent(rate)
		}
		return err
	case "cut", "heal":
		return s.cut(object, rest, verb == "cut")
	}
	n := s.node(object)
	if n == nil {
		return fmt.Errorf("no node %q", object)
	}
	switch verb {
	case "start":
		return s.start(n, rest)
	case "lose":
		return s.lose(n, rest)
	case "late":
		return s.late(n, rest)
	}
	return s.happen(n, verb)
}

func (s *script) node(name string) *node {
	for _, n := range s.w.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// happen is what simply happens to a node.
func (s *script) happen(n *node, verb string) error {
	switch verb {
	case "stop":
		n.stop()
	case "crash":
		n.crash()
	case "handoff":
		n.handOff()
	case "freeze", "thaw":
		n.freeze(verb == "freeze")
	case "pause", "wake":
		n.pause(verb == "pause")
	case "unplug", "plug":
		n.setLink(verb == "plug")
	case "fail", "die", "recover":
		if len(n.serving) == 0 {
			return fmt.Errorf("%s has no check", n.name)
		}
		n.serve(0, verb == "recover", verb == "die")
	case "break", "mend":
		n.addFails = verb == "break"
	case "mute", "unmute":
		n.mute = verb == "mute"
	case "maintain", "resume":
		n.maintain(verb == "maintain")
	case "resign":
		n.input(0, vrrp.Resign{})
	case "reclaim":
		n.input(0, vrrp.Reclaim{})
	default:
		return fmt.Errorf("unknown command %q", verb)
	}
	return nil
}

// cut cuts or heals a>b or a-b, of one family or all.
func (s *script) cut(link string, rest []string, cut bool) error {
	mask := uint8(both)
	if len(rest) > 0 {
		mask = map[string]uint8{"4": 1, "6": 2}[rest[0]]
	}
	from, to, oneWay := strings.Cut(link, ">")
	if !oneWay {
		from, to, _ = strings.Cut(link, "-")
	}
	a, b := s.node(from), s.node(to)
	if a == nil || b == nil {
		return fmt.Errorf("no link %q", link)
	}
	s.w.cutOff(a.id, b.id, mask, cut)
	if !oneWay {
		s.w.cutOff(b.id, a.id, mask, cut)
	}
	return nil
}

// lose loses the next adverts of a node.
func (s *script) lose(n *node, rest []string) error {
	if len(rest) != 1 {
		return fmt.Errorf("how many?")
	}
	left, err := strconv.Atoi(rest[0])
	last := time.Duration(-1)
	s.w.lan.tamper = func(from, _ *node, _ uint8) (time.Duration, bool) {
		if from == n && s.w.now != last {
			last = s.w.now
			left--
		}
		return 0, from == n && left >= 0
	}
	return err
}

// late has the loop of a node wake late.
func (s *script) late(n *node, rest []string) error {
	if len(rest) != 1 {
		return fmt.Errorf("how late?")
	}
	d, err := time.ParseDuration(rest[0])
	n.lag(d)
	return err
}

// start configures a node and starts it, or reloads it.
func (s *script) start(n *node, options []string) error {
	c := spec{priority: uint8(254 - n.id), interval: time.Second, preempt: true}
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		if err := c.set(key, value); err != nil {
			return err
		}
	}
	if n.daemon != nil {
		n.reload(c)
		return nil
	}
	n.configure(c)
	n.start()
	return nil
}

func (s *spec) set(key, value string) (err error) {
	switch key {
	case "prio":
		var priority int
		priority, err = strconv.Atoi(value)
		s.priority = uint8(priority)
	case "interval":
		s.interval, err = time.ParseDuration(value)
	case "preempt-delay":
		s.preemptDelay, err = time.ParseDuration(value)
	case "start-delay":
		s.startDelay, err = time.ParseDuration(value)
	case "preempt":
		s.preempt = value != "off"
	case "handover":
		s.handover = map[string]vrrp.Handover{"rfc": vrrp.HandoverRFC, "fast": vrrp.HandoverFast}[value]
	case "probe":
		s.probe = value != "off"
		if s.probe && value != "on-doubt" {
			s.every, err = time.ParseDuration(value)
		}
	case "rfc":
		s.rfc = value == "yes"
	case "check":
		var less int
		if value != "lowest" && value != "fault" {
			less, err = strconv.Atoi(value)
		}
		s.penalties = append(s.penalties, penalty{less: less, fault: value == "fault"})
	default:
		err = fmt.Errorf("unknown option %q", key)
	}
	return err
}
