// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/bench/figure"
	"vipd/integration/lab"
)

// Node is a load balancer with one of the daemons, or none.
type Node struct {
	*lab.Namespace
	*lab.Program // the daemon as last started

	setting  Setting
	priority uint8
	dir      string
	vipd     string // the program
}

// Start starts a daemon, and does not wait for anything.
func (n *Node) Start(d figure.Daemon) error {
	command, err := n.command(d)
	if err != nil {
		return err
	}
	n.Program, err = lab.StartProgram(n.Namespace, filepath.Join(n.dir, string(d)+".log"), command...)
	return err
}

// command writes the configuration, and is what to run.
func (n *Node) command(d figure.Daemon) ([]string, error) {
	if d == figure.Keepalived {
		config := filepath.Join(n.dir, "keepalived.conf")
		pids := []string{filepath.Join(n.dir, "keepalived.pid"), filepath.Join(n.dir, "vrrp.pid")}
		for _, file := range pids { // a killed child whom nobody has collected counts as running
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
		return []string{"keepalived", "--dont-fork", "--log-console", "--use-file", config, "--pid", pids[0], "--vrrp_pid", pids[1]},
			os.WriteFile(config, []byte(n.setting.keepalivedConfig(n.priority)), 0o600)
	}
	config := filepath.Join(n.dir, "vipd.yaml")
	return []string{n.vipd, "run", fmt.Sprintf("--realtime=%t", n.setting.RealTime), "--config", config, "--state", n.dir},
		os.WriteFile(config, []byte(n.setting.vipdConfig(n.Name(), filepath.Join(n.dir, "vipd.sock"), n.priority)), 0o600)
}

// clear ends the daemon and removes the virtual addresses that it has left.
func (n *Node) clear() error {
	if n.Program != nil {
		if err := n.Kill(); err != nil {
			return err
		}
	}
	all, err := n.Handle().AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("list the addresses of %s: %w", n.Name(), err)
	}
	for _, a := range all {
		if ip, _ := netip.AddrFromSlice(a.IP); !n.virtual(ip.Unmap()) {
			continue
		}
		link := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: a.LinkIndex}}
		err := n.Handle().AddrDel(link, &a)
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) { // its lease has just ended
			return fmt.Errorf("remove %v of %s: %w", a.IPNet, n.Name(), err)
		}
	}
	return nil
}

// virtual tells whether an address is one of the setting's.
func (n *Node) virtual(ip netip.Addr) bool {
	for lan := range n.setting.lans() {
		if i, ok := n.setting.index(lan, ip.AsSlice()); ok && n.setting.vip(i) == ip {
			return true
		}
	}
	return false
}
