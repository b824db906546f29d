// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vipd/integration/lab"
)

// vrid is the virtual router's number everywhere.
const vrid = 51

// linkLocalVIP is what vipd puts in front of IPv6 addresses. keepalived drops adverts
// whose addresses are not its own.
const linkLocalVIP = "fe80::200:5eff:fe00:233/64"

// daemon is a VRRP daemon that can be given another priority.
type daemon interface {
	lab.VRRPDaemon
	Prioritise(priority uint8) error
}

// launcher starts a daemon on a host.
type launcher func(t *testing.T, h *lab.Host, priority uint8) (daemon, error)

// vipd is vipd with more lines of its router's configuration.
func vipd(vips []string, more ...string) launcher {
	return func(t *testing.T, h *lab.Host, priority uint8) (daemon, error) {
		d := &vipdDaemon{host: h, config: func(priority uint8) string {
			return fmt.Sprintf(`node: %s
api: %q
routers:
- name: web
  interface: %s
  vrid: %d
  priority: %d
  advert_interval: %v
  addresses: [%s]
  %s
`, h.Name(), filepath.Join(h.Dir, "vipd.sock"), lab.Interface, vrid, priority, interval,
				quoted(vips), strings.Join(more, "\n  "))
		}}
		if err := d.configure(priority); err != nil {
			return nil, err
		}
		var err error
		d.Vipd, err = lab.StartVipd(h.Namespace, program(), d.file(), filepath.Join(h.Dir, "vipd.log"))
		return d, err
	}
}

// quoted is what stands in a list of YAML.
func quoted(words []string) string { return `"` + strings.Join(words, `", "`) + `"` }

type vipdDaemon struct {
	*lab.Vipd
	host   *lab.Host
	config func(priority uint8) string
}

func (d *vipdDaemon) file() string { return filepath.Join(d.host.Dir, "vipd.yaml") }

func (d *vipdDaemon) configure(priority uint8) error {
	return os.WriteFile(d.file(), []byte(d.config(priority)), 0o600)
}

// Prioritise restarts vipd with another file.
func (d *vipdDaemon) Prioritise(priority uint8) error {
	if err := errors.Join(d.configure(priority), d.Stop()); err != nil {
		return err
	}
	return d.Restart()
}

// keepalived is keepalived with a version of VRRP and more lines of its instance's
// configuration. OWN and PEER in them stand for the nodes' IPv4 addresses.
func keepalived(version int, vips []string, more ...string) launcher {
	return func(t *testing.T, h *lab.Host, priority uint8) (daemon, error) {
		own, peer := "192.0.2.11", "192.0.2.12"
		if h.Name() == "lb2" {
			own, peer = peer, own
		}
		lines := strings.NewReplacer("OWN", own, "PEER", peer).Replace(strings.Join(more, "\n  "))
		d := &keepalivedDaemon{config: func(priority uint8) string {
			return fmt.Sprintf(`vrrp_instance web {
  state BACKUP
  interface %s
  virtual_router_id %d
  priority %d
  advert_int %v
  version %d
  %s
  virtual_ipaddress {
    %s
  }
}
`, lab.Interface, vrid, priority, interval.Seconds(), version, lines, strings.Join(vips, "\n    "))
		}}
		var err error
		d.Keepalived, err = lab.StartKeepalived(h.Namespace, h.Dir, d.config(priority))
		return d, err
	}
}

type keepalivedDaemon struct {
	*lab.Keepalived
	config func(priority uint8) string
}

// Prioritise has keepalived read another file.
func (d *keepalivedDaemon) Prioritise(priority uint8) error {
	if err := d.Configure(d.config(priority)); err != nil {
		return err
	}
	return d.Reload()
}

// frr is FRR, with VRRPv3 and the virtual MAC, as it always is.
func frr(vip string) launcher {
	return func(t *testing.T, h *lab.Host, priority uint8) (daemon, error) {
		if err := h.AddVirtualMAC(lab.Interface, vrid, vip); err != nil {
			return nil, err
		}
		address := netip.MustParsePrefix(vip).Addr()
		family := map[bool]string{true: "ip", false: "ipv6"}[address.Is4()]
		d := &frrDaemon{config: func(priority uint8) string {
			return fmt.Sprintf(`interface %s
 vrrp %d version 3
 vrrp %d priority %d
 vrrp %d advertisement-interval %d
 vrrp %d %s %s
`, lab.Interface, vrid, vrid, priority, vrid, interval.Milliseconds(), vrid, family, address)
		}}
		var err error
		d.FRR, err = lab.StartFRR(h.Namespace, h.Dir, d.config(priority))
		return d, err
	}
}

type frrDaemon struct {
	*lab.FRR
	config func(priority uint8) string
}

// Prioritise tells vrrpd, and changes its file, too.
func (d *frrDaemon) Prioritise(priority uint8) error {
	if err := d.Configure(d.config(priority)); err != nil {
		return err
	}
	_, err := d.Command("configure terminal", "interface "+lab.Interface, fmt.Sprintf("vrrp %d priority %d", vrid, priority))
	return err
}
