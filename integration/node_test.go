// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/vishvananda/netlink"

	"vipd/api"
	"vipd/daemon"
	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// node is one load balancer.
type node struct {
	host *lab.Host
	web  lab.WebServer
	vipd *lab.Vipd
}

// newNode makes a node of a host: a web server runs on it, and vipd is configured.
func newNode(t *testing.T, host *lab.Host, e election, web string) *node {
	t.Helper()
	n := &node{host: host}
	var err error
	n.web, err = lab.StartWebServer(web, host.Namespace, host.Dir)
	labtest.Must(t, err)
	t.Cleanup(func() { n.web.Kill() })
	n.configure(t, n.config(e, ifname))
	return n
}

func (n *node) configFile() string { return filepath.Join(n.host.Dir, "vipd.yaml") }

func (n *node) socket() string { return filepath.Join(n.host.Dir, "vipd.sock") }

// config is vipd's configuration. The checks are frequent, so that a service that
// is back is soon believed; its death does not wait for them, and may be repeated.
func (n *node) config(e election, ifname string) string {
	return fmt.Sprintf(`node: %s
api: %q
routers:
- name: web
  interface: %s
  vrid: 51
  priority: {lb1: %d, lb2: %d}
  advert_interval: %v
  addresses: [%v]
  checks: [web]
checks:
- name: web
  %s
  interval: 200ms
  timeout: 200ms
  damping: off
`, n.host.Name(), n.socket(), ifname, e.better, e.other, e.interval, vip, n.web.Check())
}

func (n *node) configure(t *testing.T, config string) {
	t.Helper()
	labtest.Must(t, os.WriteFile(n.configFile(), []byte(config), 0o600))
}

func (n *node) startVipd(t *testing.T) {
	t.Helper()
	n.startVipdBy(t, program())
}

// startVipdBy starts vipd by way of a program that takes vipd's arguments.
func (n *node) startVipdBy(t *testing.T, program string) {
	t.Helper()
	log := filepath.Join(n.host.Dir, "vipd.log")
	var err error
	n.vipd, err = lab.StartVipd(n.host.Namespace, program, n.configFile(), log)
	labtest.Must(t, err)
	t.Cleanup(func() {
		n.vipd.Kill()
		if t.Failed() {
			t.Logf("the log of vipd on %s ends with:\n%s", n.host.Name(), n.vipd.LogTail())
		}
	})
}

// status asks the daemon.
func (n *node) status() (daemon.Status, error) {
	status, _, err := api.Status(context.Background(), n.socket())
	return status, err
}

// router is the state of the node's only router.
func (n *node) router() (daemon.RouterStatus, error) {
	status, err := n.status()
	if err != nil {
		return daemon.RouterStatus{}, err
	}
	if len(status.Routers) != 1 {
		return daemon.RouterStatus{}, fmt.Errorf("has %d routers", len(status.Routers))
	}
	return status.Routers[0], nil
}

// is tells whether the router is in a state, without a phase.
func (n *node) is(state string) error {
	r, err := n.router()
	if err == nil && (r.State != state || r.Phase != "") {
		err = fmt.Errorf("is in the state %s %s (%s, %v), want %s", r.State, r.Phase, r.Reason, r.Blocked, state)
	}
	return err
}

// look tells what is wrong with a node that has the VIP, or has not.
func (n *node) look(has bool) error {
	owns, err := n.owns()
	if err != nil {
		return err
	}
	if owns != has {
		return fmt.Errorf("has the VIP: %v, want %v", owns, has)
	}
	if n.vipd == nil || !n.vipd.Wanted() {
		return nil
	}
	status, err := n.status()
	if err != nil {
		return err
	}
	for _, r := range status.Routers {
		if (r.State == "active") != has || r.Phase != "" {
			return fmt.Errorf("is in the state %s %s", r.State, r.Phase)
		}
	}
	for _, c := range status.Checks {
		if (c.Verdict == "pass") != n.web.Wanted() {
			return fmt.Errorf("has a check that says %s: %s", c.Verdict, c.Detail)
		}
	}
	return nil
}

func (n *node) owns() (bool, error) {
	found, err := n.addresses()
	return len(found) > 0, err
}

// addresses are those with the VIP's number on the node's interfaces.
func (n *node) addresses() ([]netlink.Addr, error) { return n.host.Addresses(vip.Addr()) }

// address is the node's own.
func (n *node) address() netip.Addr { return networks[n.host.Name()].Addr() }

func (n *node) mac(t *testing.T) net.HardwareAddr {
	t.Helper()
	link, err := n.host.Handle().LinkByName(ifname)
	labtest.Must(t, err)
	return link.Attrs().HardwareAddr
}

// answer is what a command said, and its exit code.
type answer struct {
	code           int
	stdout, stderr string
}

// command runs vipd on the node, for an answer.
func (n *node) command(t *testing.T, args ...string) answer {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(labtest.Patient(t), program(), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	labtest.Must(t, n.host.Start(cmd))
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || !exit.Exited()) {
		t.Fatalf("vipd %v: %v", args, err)
	}
	return answer{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// logged tells whether vipd's log has a text.
func logged(n *node, text string) error {
	log, err := os.ReadFile(n.vipd.Log())
	if err == nil && !bytes.Contains(log, []byte(text)) {
		err = fmt.Errorf("no %q in the log", text)
	}
	return err
}

// nftables lists the packet filter, with its handles: a table that was made again
// has another.
func (n *node) nftables(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(labtest.Patient(t), "nft", "-a", "list", "ruleset")
	cmd.Stdout = &out
	labtest.Must(t, n.host.Start(cmd))
	labtest.Must(t, cmd.Wait())
	return out.String()
}
