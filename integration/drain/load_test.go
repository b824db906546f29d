// SPDX-License-Identifier: Apache-2.0

package drain_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	webPort = 80
	// exchangePeriod is how often each conversation exchanges a message.
	exchangePeriod = 50 * time.Millisecond
)

// modes are those of the proxy.
var modes = []struct {
	name string
	port uint16
}{{"http", webPort}, {"tcp", lab.TCPPort}}

// talk is conversations with one address, through the proxy in one mode.
type talk struct {
	*lab.Conversations
	family, mode string
	count        int
}

// load is what clients do meanwhile: they talk, and connect anew all the time.
type load struct {
	talks  []*talk
	probes []*lab.Probe // of each address
	begun  time.Time
}

// begin begins as many conversations with each address in each mode.
func (s *site) begin(t *testing.T, each int) *load {
	t.Helper()
	l := &load{}
	for _, vip := range vips {
		for _, mode := range modes {
			c, err := lab.StartConversations(s.Client.Namespace, netip.AddrPortFrom(vip.Addr(), mode.port), each, exchangePeriod)
			labtest.Must(t, err)
			l.talks = append(l.talks, &talk{c, family(vip), mode.name, each})
		}
		p, err := lab.StartHTTPProbe(s.Client.Namespace, netip.AddrPortFrom(vip.Addr(), webPort))
		labtest.Must(t, err)
		l.probes = append(l.probes, p)
	}
	l.begun = time.Now()
	return l
}

func family(vip netip.Prefix) string {
	if vip.Addr().Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// goOn waits until each has told of some more tenths of a second.
func (l *load) goOn(t *testing.T, spells int) {
	t.Helper()
	now := time.Now()
	labtest.Await(t, func() error {
		for _, c := range l.talks {
			if n := len(c.Spells(now)); n < spells {
				return fmt.Errorf("%d tenths of a second, want %d", n, spells)
			}
		}
		return nil
	})
}

// served waits until new connections reach a node, and no other one any more.
func (l *load) served(t *testing.T, by *node) {
	t.Helper()
	now := time.Now()
	for _, p := range l.probes {
		_, err := p.Wait(labtest.Patient(t), now, func(samples []lab.Sample) bool {
			const row = 20 // a tenth of a second
			last := lab.Servers(samples)
			return len(last) > 0 && last[len(last)-1].Server == by.Host.Name() && last[len(last)-1].Answers >= row
		})
		labtest.Must(t, err)
	}
}

// end ends the load.
func (l *load) end(t *testing.T) {
	t.Helper()
	for _, c := range l.talks {
		labtest.Must(t, c.Stop())
	}
	for _, p := range l.probes {
		labtest.Must(t, p.Stop())
	}
}

// stayed demands that all conversations began with a node, and none is broken.
func (l *load) stayed(t *testing.T, on *node) {
	t.Helper()
	for _, c := range l.talks {
		broken := c.Broken()
		if got := c.Servers(); got[on.Host.Name()] != c.count || len(broken) > 0 {
			t.Errorf("%s, %s mode: servers %v, %d broken, first %+v", c.family, c.mode, got, len(broken), broken[:min(1, len(broken))])
		}
	}
}

// broken counts the conversations that are.
func (l *load) broken() (broken int) {
	for _, c := range l.talks {
		broken += len(c.Broken())
	}
	return broken
}

// worst is the longest exchange between two moments.
func (c *talk) worst(from, to time.Time) time.Duration {
	spells := c.Spells(from)
	for i, s := range spells {
		if s.End.After(to) {
			spells = spells[:i+1]
			break
		}
	}
	return lab.Worst(spells)
}

// table has a line for each kind of conversation and of new connections. The load was
// calm until the first switchover.
func (l *load) table(switchovers int, first, last time.Time) string {
	var b strings.Builder
	b.WriteString("| client | connections | switchovers | broken | worst exchange before, ms | worst exchange during, ms |\n|---|---|---|---|---|---|\n")
	for _, c := range l.talks {
		fmt.Fprintf(&b, "| %s, %s mode | %d | %d | %d | %s | %s |\n", c.family, c.mode, c.count, switchovers, len(c.Broken()),
			milliseconds(c.worst(l.begun, first)), milliseconds(c.worst(first, last)))
	}
	b.WriteString("\n| client | new connections | failed |\n|---|---|---|\n")
	for i, p := range l.probes {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", family(vips[i]), len(p.Samples(first)), lab.Lost(p.Samples(first), first, last))
	}
	return b.String()
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }
