// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/config"
)

// crowd is a daemon with many routers, 250 on each interface, on a network that takes
// everything and says nothing.
type crowd struct {
	*stage
	adverts []Packet // an advert for each router, from another node
}

func newCrowd(t testing.TB, n int) *crowd {
	t.Helper()
	var yaml strings.Builder
	yaml.WriteString("routers:\n")
	for i := range n {
		fmt.Fprintf(&yaml, "- {name: r%d, interface: eth%d, vrid: %d, priority: 100, addresses: [10.%d.%d.1/24], advert_interval: 1s}\n",
			i, i/250, i%250+1, i/250, i%250)
	}
	f, problems := config.Parse("test.yaml", []byte(yaml.String()))
	if f == nil {
		t.Fatal(problems)
	}
	c, err := f.For("lb1")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{now: time.Unix(5000, 0), wake: make(chan struct{}, 1)}
	s.d = New(c, "test", deafNetwork{s}, s, slog.New(slog.DiscardHandler))
	s.d.turn(nil)
	for i := range (n + 249) / 250 {
		s.link(Link{
			Name: fmt.Sprintf("eth%d", i), Index: i + 2, MTU: 1500, Up: true, ListeningIPv4: true,
			Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.11/24")},
		})
	}
	all := &crowd{stage: s}
	for i := range n {
		p := advert(uint8(i%250+1), 200)
		p.Link = i/250 + 2
		all.adverts = append(all.adverts, p)
	}
	return all
}

// deafNetwork is a network that nobody looks at.
type deafNetwork struct{ *stage }

func (deafNetwork) Send([]Datagram, func(int, error)) {}
func (deafNetwork) Set(string, Want)                  {}
func (deafNetwork) Unread(int, bool) bool             { return false }
func (deafNetwork) Renew(string)                      {}
func (deafNetwork) Announce(string, ...netip.Addr)    {}

// batches counts, on a network that nobody looks at, what leaves together.
type batches struct {
	deafNetwork
	said    map[string]int // by key: adverts so far
	sizes   []int
	order   []string // of adverts
	tooSoon []string // keys whose addresses were set before an advert has left
}

func (b *batches) Send(batch []Datagram, _ func(int, error)) {
	b.sizes = append(b.sizes, len(batch))
	for _, d := range batch {
		vrid := int(d.Payload[1])
		key := fmt.Sprintf("r%d/ipv4", (d.Link-2)*250+vrid-1)
		b.said[key]++
		b.order = append(b.order, key)
	}
}

func (b *batches) Set(key string, w Want) {
	if w.Present && b.said[key] == 0 {
		b.tooSoon = append(b.tooSoon, key)
	}
}

// Many routers that take over, or stop, at once do so in batches: each one's advert goes
// before its addresses are set, and a batch is not so large that the first one waits
// long.
func TestManyAtOnce(t *testing.T) {
	all := newCrowd(t, 300)
	network := &batches{deafNetwork: deafNetwork{all.stage}, said: map[string]int{}}
	all.d.network = network
	all.pass(5 * time.Second)
	if got, want := network.sizes[:5], []int{64, 64, 64, 64, 44}; !slices.Equal(got, want) {
		t.Errorf("took over in batches of %v, want %v", got, want)
	}
	if len(network.tooSoon) > 0 {
		t.Errorf("addresses are set before an advert has left: %v", network.tooSoon)
	}
	network.sizes = nil
	all.d.stop()
	if got, want := network.sizes, []int{64, 64, 64, 64, 44}; !slices.Equal(got, want) {
		t.Errorf("stopped in batches of %v, want %v", got, want)
	}
}

// Each advert of many that are due at once has its place among them: else its distance to
// the next one would be as uncertain as all of them take.
func TestAdvertsKeepTheirOrder(t *testing.T) {
	all := newCrowd(t, 300)
	network := &batches{deafNetwork: deafNetwork{all.stage}, said: map[string]int{}}
	all.d.network = network
	all.pass(5 * time.Second)
	network.order = nil
	all.pass(2 * time.Second)
	first, second := network.order[:300], network.order[300:]
	if !slices.Equal(first, second) {
		t.Errorf("adverts in the order\n%v\nthen\n%v", first, second)
	}
}

// What a received advert costs must not depend on how many routers there are.
func BenchmarkBackup(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			all := newCrowd(b, n)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				all.now = all.now.Add(time.Second / time.Duration(n))
				all.d.PostPacket(all.adverts[i%n])
				all.d.turn(nil)
			}
		})
	}
}

// What an advert that is due costs must not, either.
func BenchmarkActive(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			all := newCrowd(b, n)
			all.pass(5 * time.Second)
			for _, r := range all.d.routers {
				all.post(event{holding: &Holding{Key: r.families[0].key, Held: true}})
			}
			all.pass(10 * time.Second)
			b.ReportAllocs()
			for b.Loop() {
				all.now = all.armed
				all.d.turn(nil)
			}
			b.ReportMetric(float64(n), "routers/turn")
		})
	}
}
