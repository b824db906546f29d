// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/vishvananda/netlink"

	"vipd/api"
	"vipd/integration/lab"
)

// node is one load balancer.
type node struct {
	host     *lab.Host
	web      *lab.HAProxy
	vipd     *lab.Vipd
	priority uint8
	interval string

	hit bool // something is wrong with it; guarded by the run
}

func (n *node) name() string { return n.host.Name() }

func (n *node) file() string { return filepath.Join(n.host.Dir, "vipd.yaml") }

func (n *node) socket() string { return filepath.Join(n.host.Dir, "vipd.sock") }

// config is vipd's configuration file. The service may fail at any rate.
func (n *node) config(priority uint8, more string) string {
	return fmt.Sprintf(`node: %s
api: %q
routers:
- name: web
  interface: %s
  vrid: %d
  priority: %d
  advert_interval: %s
  addresses: [%v, "%v"%s]
  checks: [web]
checks:
- name: web
  damping: off
  %s
`, n.name(), n.socket(), lab.Interface, vrid, priority, n.interval, vip4, vip6, more, n.web.Check())
}

// configure writes the configuration file.
func (n *node) configure(text string) error { return os.WriteFile(n.file(), []byte(text), 0o600) }

// reload writes the configuration file, and has it read. The file may be one that does
// not say where the daemon's socket is.
func (n *node) reload(ctx context.Context, text string) error {
	if err := n.configure(text); err != nil {
		return err
	}
	return n.command(ctx, "reload", "--socket", n.socket())
}

// command runs a command of vipd.
func (n *node) command(ctx context.Context, args ...string) error {
	_, err := n.vipd.Command(ctx, args...)
	return err
}

// no tells whether a command has said no: that is an answer.
func no(err error) bool {
	exit := (*exec.ExitError)(nil)
	return errors.As(err, &exit) && exit.ExitCode() == 1
}

// look tells what is not as it should be on a node that serves, or that does not.
func (n *node) look(ctx context.Context, serves bool) error {
	for _, vip := range []netip.Prefix{vip4, vip6} {
		found, err := n.host.Addresses(vip.Addr())
		if err != nil {
			return err
		}
		if (len(found) > 0) != serves {
			return fmt.Errorf("has %v: %v", vip.Addr(), found)
		}
	}
	status, _, err := api.Status(ctx, n.socket())
	if err != nil {
		return err
	}
	for _, r := range status.Routers {
		if (r.State == "active") != serves || (r.State == "backup") == serves || r.Phase != "" {
			return fmt.Errorf("is in the state %s %s (%s, %v)", r.State, r.Phase, r.Reason, r.Blocked)
		}
		if r.Priority != n.priority {
			return fmt.Errorf("has the priority %d", r.Priority)
		}
	}
	return nil
}

// owns tells whether the node has the IPv4 VIP.
func (n *node) owns() bool {
	found, err := n.host.Addresses(vip4.Addr())
	return err == nil && len(found) > 0
}

// deleteVIP does what `ip addr del` does. A VIP that is not there is none to delete.
func (n *node) deleteVIP() error {
	found, err := n.host.Addresses(vip4.Addr())
	if err != nil || len(found) == 0 {
		return err
	}
	link, err := n.link()
	if err != nil {
		return err
	}
	return n.host.Handle().AddrDel(link, &found[0])
}

// setLink sets the node's interface up or down.
func (n *node) setLink(up bool) error {
	link, err := n.link()
	if err != nil {
		return err
	}
	if up {
		return n.host.Handle().LinkSetUp(link)
	}
	return n.host.Handle().LinkSetDown(link)
}

func (n *node) link() (netlink.Link, error) { return n.host.Handle().LinkByName(lab.Interface) }
