// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

// startProxy runs a proxy with its backend on a host.
func startProxy(t *testing.T, h *Host) *HAProxy {
	t.Helper()
	_, err := StartBackend(h.Namespace)
	labtest.Must(t, err)
	proxy, err := StartProxy(h.Namespace, h.Dir)
	labtest.Must(t, err)
	return proxy
}

func startConversations(t *testing.T, n *Namespace, server string, count int, period time.Duration) *Conversations {
	t.Helper()
	c, err := StartConversations(n, netip.MustParseAddrPort(server), count, period)
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, c.Stop()) })
	return c
}

func TestConversations(t *testing.T) {
	const count, period = 20, 50 * time.Millisecond
	s := layOut(t)
	startProxy(t, s.LB1)
	for _, server := range []string{"192.0.2.11:80", "192.0.2.11:8000", "[2001:db8::11]:80", "[2001:db8::11]:8000"} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			c := startConversations(t, s.Client.Namespace, server, count, period)
			if got := c.Servers(); len(got) != 1 || got["lb1"] != count {
				t.Errorf("servers %v", got)
			}
			start := time.Now()
			labtest.Await(t, func() error {
				answered := 0
				for _, s := range c.Spells(start) {
					answered += s.Answered
				}
				if due := int(time.Since(start)/period) * count; answered < 200 {
					return fmt.Errorf("%d answers of %d", answered, due)
				} else if answered > due+2*count {
					t.Fatalf("%d answers of %d: the pace is wrong", answered, due)
				}
				return nil
			})
			if worst := Worst(c.Spells(start)); worst <= 0 || worst > time.Second || len(c.Broken()) > 0 {
				t.Errorf("worst %v, broken %v", worst, c.Broken())
			}
		})
	}
}

// Each that breaks is told once, with who had it and why.
func TestConversationsBreak(t *testing.T) {
	t.Parallel()
	const count = 20
	s := layOut(t)
	proxy := startProxy(t, s.LB1)
	c := startConversations(t, s.Client.Namespace, "192.0.2.11:8000", count, 10*time.Millisecond)
	before := time.Now()
	labtest.Must(t, proxy.Kill())
	labtest.Await(t, func() error {
		if broken := c.Broken(); len(broken) != count {
			return fmt.Errorf("%d are broken, want %d", len(broken), count)
		}
		return nil
	})
	for _, b := range c.Broken() {
		if b.Server != "lb1" || b.At.Before(before) || b.Reason != "EOF" && b.Reason != "connection reset by peer" && b.Reason != "broken pipe" {
			t.Errorf("%+v", b)
		}
	}
	after := time.Now()
	labtest.Await(t, func() error {
		if n := len(c.Spells(after)); n < 3 {
			return fmt.Errorf("%d spells", n)
		}
		return nil
	})
	if spells := c.Spells(after); Worst(spells[1:]) != 0 {
		t.Errorf("the broken ones still wait: %v", spells)
	}
}

// One without an answer counts before it is given up.
func TestConversationsWait(t *testing.T) {
	t.Parallel()
	s := layOut(t)
	startProxy(t, s.LB1)
	c := startConversations(t, s.Client.Namespace, "192.0.2.11:8000", 1, 10*time.Millisecond)
	labtest.Must(t, s.LB1.Cable.Cut(true))
	labtest.Await(t, func() error {
		if worst := Worst(c.Spells(time.Time{})); worst < time.Second {
			return fmt.Errorf("worst %v", worst)
		}
		return nil
	})
	labtest.Await(t, func() error {
		broken := c.Broken()
		if len(broken) != 1 {
			return fmt.Errorf("broken %v", broken)
		}
		if broken[0].Waited < answerPatience || broken[0].Reason != "i/o timeout" {
			t.Errorf("%+v", broken)
		}
		return nil
	})
}

func TestConversationMistakes(t *testing.T) {
	s := layOut(t)
	_, err := StartHAProxy(s.LB1.Namespace, s.LB1.Dir) // it upgrades nothing
	labtest.Must(t, err)
	for name, row := range map[string]struct {
		server string
		count  int
		period time.Duration
	}{
		"nobody":    {"192.0.2.11:81", 1, time.Second},
		"no echo":   {"192.0.2.11:80", 1, time.Second},
		"none":      {"192.0.2.11:80", 0, time.Second},
		"too often": {"192.0.2.11:80", 1, time.Microsecond},
	} {
		_, err := StartConversations(s.Client.Namespace, netip.MustParseAddrPort(row.server), row.count, row.period)
		if err == nil || !strings.Contains(err.Error(), row.server) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
