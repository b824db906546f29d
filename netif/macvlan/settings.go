// SPDX-License-Identifier: Apache-2.0

package macvlan

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ErrSetting: a setting of the whole host (net.ipv4.conf.all) overrules the link's,
// and ARP would go wrong.
var ErrSetting = errors.New("a setting of the host is in the way")

// hostLimits are the largest values of conf.all with which the link's own ones work:
// the kernel takes the larger of both.
var hostLimits = []struct {
	name     string
	most     int
	ipv4Only bool
}{
	{"arp_ignore", 1, false}, // 2 and 8 answer too little, 3 too much
	{"arp_filter", 0, true},
	{"proxy_arp", 0, false},
}

func (l Link) checkHost() error {
	for _, limit := range hostLimits {
		value, err := read(ipv4("all", limit.name))
		if err != nil {
			return err
		}
		if value > limit.most && !(limit.ipv4Only && l.IPv6) {
			return fmt.Errorf("%w: net.ipv4.conf.all.%s is %d, must be at most %d",
				ErrSetting, limit.name, value, limit.most)
		}
	}
	return nil
}

type setting struct {
	path  string
	value int
}

// configure makes the link's own settings. The package comment has the reasons. An
// IPv6 link has those for ARP as well: it would answer for the node's addresses.
func (l Link) configure() error {
	settings := []setting{
		{ipv4(l.Name, "arp_ignore"), 1},
		{ipv4(l.Name, "arp_announce"), 2},
		{ipv4(l.Name, "arp_filter"), 0},
		{ipv4(l.Name, "proxy_arp"), 0},
		{ipv4(l.Name, "rp_filter"), 2},
		{ipv4(l.Name, "promote_secondaries"), 1},
	}
	for _, s := range settings {
		if err := write(s.path, s.value); err != nil {
			return err
		}
	}
	if err := inherit(ipv4(l.Parent, "forwarding"), ipv4(l.Name, "forwarding")); err != nil {
		return err
	}
	if l.IPv6 {
		return l.configureIPv6()
	}
	err := write(ipv6(l.Name, "disable_ipv6"), 1)
	if errors.Is(err, os.ErrNotExist) { // the kernel has no IPv6
		return nil
	}
	return err
}

func (l Link) configureIPv6() error {
	settings := []setting{
		{ipv6(l.Name, "addr_gen_mode"), 1}, // before IPv6 is on
		{ipv6(l.Name, "accept_ra"), 0},
		{ipv6(l.Name, "autoconf"), 0},
		{ipv6(l.Name, "disable_ipv6"), 0},
	}
	for _, s := range settings {
		if err := write(s.path, s.value); err != nil {
			return err
		}
	}
	return inherit(ipv6(l.Parent, "forwarding"), ipv6(l.Name, "forwarding"))
}

func ipv4(ifname, name string) string { return "/proc/sys/net/ipv4/conf/" + ifname + "/" + name }

func ipv6(ifname, name string) string { return "/proc/sys/net/ipv6/conf/" + ifname + "/" + name }

func inherit(from, to string) error {
	value, err := read(from)
	if err != nil {
		return err
	}
	return write(to, value)
}

// read's and write's errors name the file.
func read(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	value, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	return value, nil
}

// write leaves alone what is right already: in a container /proc/sys may be read-only.
func write(path string, value int) error {
	if current, err := read(path); err != nil || current == value {
		return err
	}
	return os.WriteFile(path, []byte(strconv.Itoa(value)), 0)
}
