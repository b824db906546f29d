// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"vipd/config"
	"vipd/integration/lab/labtest"
)

// settings are some with an end of each range.
func settings() []Setting {
	return []Setting{
		{Routers: 1, VIPs: 1, Interval: 10 * time.Millisecond, RealTime: true},
		{Routers: 1000, VIPs: 1, Interval: time.Second},
		{Routers: 251, VIPs: 200, Interval: time.Second},
		{Routers: 1, VIPs: 1000, Interval: 100 * time.Millisecond},
		{Routers: 1, VIPs: 1000, IPv6: true, Interval: time.Second},
	}
}

// Each setting is a valid configuration with all its addresses, for both daemons.
func TestConfig(t *testing.T) {
	for _, s := range settings() {
		file, problems := config.Parse("vipd.yaml", []byte(s.vipdConfig("lb1", "/run/vipd.sock", 200)))
		if problems.Failed() {
			t.Fatalf("%v: %v", s, problems)
		}
		c, err := file.For("lb1")
		labtest.Must(t, err)
		held := 0
		for _, r := range c.Routers {
			held += len(r.Families[0].Held)
		}
		if s.IPv6 {
			held -= s.Routers // the link-local ones
		}
		if len(c.Routers) != s.Routers || held != s.Total() {
			t.Errorf("%v: vipd has %d routers with %d addresses", s, len(c.Routers), held)
		}
		text := s.keepalivedConfig(200)
		if n := strings.Count(text, "vrrp_instance "); n != s.Routers {
			t.Errorf("%v: keepalived has %d routers", s, n)
		}
		if open, closed := strings.Count(text, "{\n"), strings.Count(text, "}\n"); open != closed {
			t.Errorf("%v: %d blocks begin, %d end", s, open, closed)
		}
		if excluded := strings.Contains(text, "virtual_ipaddress_excluded"); excluded != (s.VIPs > s.advertised()) {
			t.Errorf("%v: addresses that are not advertised: %v", s, excluded)
		}
		if got := strings.Contains(text, "vrrp_rt_priority"); got != s.RealTime {
			t.Errorf("%v: real-time: %v", s, got)
		}
	}
}

// What the addresses and VRIDs on the wire are is known again.
func TestPlaces(t *testing.T) {
	for _, s := range settings() {
		seen := map[netip.Addr]bool{}
		for i := range s.Total() {
			lan, _ := s.place(i / s.VIPs)
			address := s.vip(i)
			if got, ok := s.index(lan, address.AsSlice()); got != i || !ok || seen[address] {
				t.Fatalf("%v: address %d is %v, that is %d, %v", s, i, address, got, ok)
			}
			seen[address] = true
		}
		for r := range s.Routers {
			if got, ok := s.router(s.place(r)); got != r || !ok {
				t.Fatalf("%v: router %d is %d, %v", s, r, got, ok)
			}
		}
		for name, address := range map[string]string{
			"a node's own": "10.1.0.11", "beyond the last": "10.9.255.255", "of another family": "2001:db9::1",
			"link-local": "fe80::200:5eff:fe00:201",
		} {
			if i, ok := s.index(0, netip.MustParseAddr(address).AsSlice()); ok {
				t.Errorf("%v: the address %s, %s, is %d", s, address, name, i)
			}
		}
		for _, vrid := range []uint8{0, 251} {
			if r, ok := s.router(0, vrid); ok {
				t.Errorf("%v: VRID %d is router %d", s, vrid, r)
			}
		}
	}
}

func TestString(t *testing.T) {
	for want, s := range map[string]Setting{
		"1 router, 10ms, real-time":    settings()[0],
		"1000 routers, 1s":             settings()[1],
		"251 routers, 200 VIPs, 1s":    settings()[2],
		"1 router, 1000 IPv6 VIPs, 1s": settings()[4],
	} {
		if got := s.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	s := Setting{Interval: time.Second}
	for name, tt := range map[string]struct{ got, want time.Duration }{
		"stop": {s.Skew(), 609 * time.Millisecond}, "kill": {s.Silence(Worse), 3609 * time.Millisecond},
		"return": {s.Silence(Better), 3218 * time.Millisecond},
	} {
		if tt.got.Truncate(time.Millisecond) != tt.want {
			t.Errorf("%s: %v, want %v", name, tt.got, tt.want)
		}
	}
}
