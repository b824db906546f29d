// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vipd/bench/figure"
	"vipd/integration/lab"
)

const (
	vrid = 51
	// reloadTimeout bounds the wait for vipd's answer to a reload.
	reloadTimeout = 10 * time.Second
)

// daemon is what speaks VRRP on a node.
type daemon interface {
	lab.VRRPDaemon
	// reload has the daemon serve these addresses from now on.
	reload(vips []string) error
}

// node is a load balancer.
type node struct {
	*lab.Host
	priority uint8
	haproxy  *lab.HAProxy // nil: there is none
	daemon   daemon
}

// haproxyName is what the node's HAProxy is called in the process table, which all
// nodes of all sites share. It has 15 bytes at most, and "haproxy" in it, as vipd wants.
func (n *node) haproxyName() string {
	site := filepath.Base(filepath.Dir(n.Dir)) // ends with a random number
	return "haproxy" + strings.TrimPrefix(n.Name(), "lb") + "-" + site[len(site)-min(len(site), 6):]
}

// launch starts a daemon on the node.
func (n *node) launch(d figure.Daemon, program string, s setting) error {
	if d == figure.Keepalived {
		return n.launchKeepalived(s)
	}
	v := &vipd{node: n, setting: s}
	if err := v.configure(s.vips()); err != nil {
		return err
	}
	var err error
	if v.Vipd, err = lab.StartVipd(n.Namespace, program, v.file(), filepath.Join(n.Dir, "vipd.log")); err != nil {
		return err
	}
	n.daemon = v
	return nil
}

func (n *node) launchKeepalived(s setting) (err error) {
	k := &keepalived{node: n, setting: s}
	if k.Keepalived, err = lab.StartKeepalived(n.Namespace, n.Dir, k.config(s.vips())); err != nil {
		return err
	}
	n.daemon = k
	return nil
}

type vipd struct {
	*lab.Vipd
	node    *node
	setting setting
}

func (v *vipd) file() string   { return filepath.Join(v.node.Dir, "vipd.yaml") }
func (v *vipd) socket() string { return filepath.Join(v.node.Dir, "vipd.sock") }

func (v *vipd) configure(vips []string) error {
	return os.WriteFile(v.file(), []byte(v.config(vips)), 0o600)
}

func (v *vipd) config(vips []string) string {
	s := v.setting
	text := fmt.Sprintf(`node: %s
api: %q
routers:
- name: web
  interface: %s
  vrid: %d
  priority: %d
  advert_interval: %v
  virtual_mac: %v
  addresses: [%s]
`, v.node.Name(), v.socket(), lab.Interface, vrid, v.node.priority, s.interval, s.virtualMAC, quoted(vips))
	if s.hostProbe != "" {
		text += "  " + s.hostProbe + "\n"
	}
	if h := v.node.haproxy; h != nil {
		text += fmt.Sprintf("  checks: [haproxy]\nchecks:\n- name: haproxy\n  damping: off\n  %s\n", h.Check())
	}
	return text
}

func quoted(vips []string) string { return `"` + strings.Join(vips, `", "`) + `"` }

func (v *vipd) reload(vips []string) error {
	if err := v.configure(vips); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), reloadTimeout)
	defer cancel()
	_, err := v.Command(ctx, "reload", "--socket", v.socket())
	return err
}

type keepalived struct {
	*lab.Keepalived
	node    *node
	setting setting
}

func (k *keepalived) config(vips []string) string {
	s := k.setting
	tracked, tracks := k.tracker()
	if s.virtualMAC {
		tracks += "  use_vmac\n"
	}
	return fmt.Sprintf(`global_defs {
  script_user root
}
%svrrp_instance web {
  state BACKUP
  interface %s
  virtual_router_id %d
  priority %d
  advert_int %v
  version 3
%s  virtual_ipaddress {
    %s
  }
}
`, tracked, lab.Interface, vrid, k.node.priority, s.interval.Seconds(), tracks, strings.Join(vips, "\n    "))
}

// tracker is how keepalived watches HAProxy: a block, and what an instance says of it.
func (k *keepalived) tracker() (block, use string) {
	name := k.node.haproxyName()
	switch k.setting.tracker {
	case script:
		return fmt.Sprintf("vrrp_script haproxy {\n  script \"/usr/bin/killall -0 %s\"\n  interval 1\n}\n", name),
			"  track_script {\n    haproxy\n  }\n"
	case process:
		return fmt.Sprintf("vrrp_track_process haproxy {\n  process %s\n}\n", name),
			"  track_process {\n    haproxy\n  }\n"
	}
	return "", ""
}

// reload does not wait for what comes of it: keepalived does not tell.
func (k *keepalived) reload(vips []string) error {
	if err := k.Configure(k.config(vips)); err != nil {
		return err
	}
	return k.Reload()
}
