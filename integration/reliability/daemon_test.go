// SPDX-License-Identifier: Apache-2.0

package reliability_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	vrid     = 51
	interval = time.Second // between adverts
	// restartPause is what a supervisor takes to start a daemon again.
	restartPause = 200 * time.Millisecond
)

// settings are what the events change in a node's configuration.
type settings struct {
	priority uint8
	vips     []string
	broken   bool // it names an interface that is not there
}

// daemon is what speaks VRRP on a node.
type daemon interface {
	lab.VRRPDaemon
	// Crash kills what speaks VRRP; it is started again within a second.
	Crash() error
	// Upgrade replaces the program as its package does.
	Upgrade(ctx context.Context) error
	// Reload has a running daemon follow other settings, by its file; one that has
	// ended is started again. Those that are broken must not be followed.
	Reload(ctx context.Context, s settings) error
	// Worker is the process that speaks VRRP.
	Worker() (int, error)
}

// subject is a daemon whose reliability is measured.
type subject struct {
	name   string
	launch func(h *lab.Host, s settings) (daemon, error)
	// late is how many more probes a busy machine may cost: between the frames that move
	// the virtual MAC in the switch, the old node hears of nothing any more.
	late int
}

var (
	vipd       = subject{"vipd", launchVipd(), 0}
	virtualMAC = subject{"vipd, virtual MAC", launchVipd("virtual_mac: true"), 20}
	keepalived = subject{"keepalived 2.2.7", launchKeepalived, 0}
)

// signal sends a signal to what speaks VRRP.
func signal(d daemon, s syscall.Signal) error {
	pid, err := d.Worker()
	if err != nil {
		return err
	}
	return syscall.Kill(pid, s)
}

type vipdDaemon struct {
	*lab.Vipd
	host *lab.Host
	more []string // lines of its router
}

func launchVipd(more ...string) func(*lab.Host, settings) (daemon, error) {
	return func(h *lab.Host, s settings) (daemon, error) {
		d := &vipdDaemon{host: h, more: more}
		if err := d.configure(s); err != nil {
			return nil, err
		}
		var err error
		d.Vipd, err = lab.StartVipd(h.Namespace, program(), d.file(), filepath.Join(h.Dir, "vipd.log"))
		return d, err
	}
}

func (d *vipdDaemon) file() string   { return filepath.Join(d.host.Dir, "vipd.yaml") }
func (d *vipdDaemon) socket() string { return filepath.Join(d.host.Dir, "vipd.sock") }

func (d *vipdDaemon) configure(s settings) error {
	addresses := s.vips
	if s.broken {
		addresses = append([]string{"{address: 192.0.2.250/24, interface: eth9}"}, addresses...)
	}
	return os.WriteFile(d.file(), fmt.Appendf(nil, `node: %s
api: %q
routers:
- name: web
  interface: %s
  vrid: %d
  priority: %d
  advert_interval: %v
  addresses: [%s]
  %s
`, d.host.Name(), d.socket(), lab.Interface, vrid, s.priority, interval,
		strings.Join(addresses, ", "), strings.Join(d.more, "\n  ")), 0o600)
}

func (d *vipdDaemon) Worker() (int, error) { return d.PID(), nil }

func (d *vipdDaemon) Crash() error {
	if err := d.Kill(); err != nil {
		return err
	}
	<-time.After(restartPause)
	return d.Restart()
}

func (d *vipdDaemon) Upgrade(ctx context.Context) error {
	if _, err := d.Command(ctx, "handoff"); err != nil {
		return err
	}
	<-time.After(restartPause)
	return d.Restart()
}

func (d *vipdDaemon) Reload(ctx context.Context, s settings) error {
	if err := d.configure(s); err != nil {
		return err
	}
	said, err := d.Command(ctx, "reload", "--socket", d.socket())
	if s.broken && err == nil {
		return fmt.Errorf("a broken file is followed: %s", said)
	}
	if s.broken {
		return nil
	}
	return err
}

// ordered is a command to the better node's vipd.
func ordered(args ...string) action {
	return func(t *testing.T, b *bench) error {
		d := b.lb1.daemon.(*vipdDaemon)
		_, err := d.Command(labtest.Patient(t), append(args, "--socket", d.socket())...)
		return err
	}
}

type keepalivedDaemon struct {
	*lab.Keepalived
}

func launchKeepalived(h *lab.Host, s settings) (daemon, error) {
	k, err := lab.StartKeepalived(h.Namespace, h.Dir, keepalivedConfig(s))
	return keepalivedDaemon{k}, err
}

func keepalivedConfig(s settings) string {
	config := instance("web", lab.Interface, vrid, s.priority, s.vips)
	if s.broken {
		config += instance("more", "eth9", vrid+1, s.priority, []string{"192.0.2.250/24"})
	}
	return config
}

func instance(name, ifname string, vrid, priority uint8, vips []string) string {
	return fmt.Sprintf(`vrrp_instance %s {
  state BACKUP
  interface %s
  virtual_router_id %d
  priority %d
  advert_int %v
  version 3
  virtual_ipaddress {
    %s
  }
}
`, name, ifname, vrid, priority, interval.Seconds(), strings.Join(vips, "\n    "))
}

// Crash kills the child; keepalived itself starts another.
func (d keepalivedDaemon) Crash() error { return signal(d, syscall.SIGKILL) }

func (d keepalivedDaemon) Upgrade(context.Context) error {
	return errors.Join(d.Stop(), d.Restart())
}

func (d keepalivedDaemon) Reload(_ context.Context, s settings) error {
	if err := d.Configure(keepalivedConfig(s)); err != nil {
		return err
	}
	select {
	case <-d.Ended():
		return d.Restart()
	default:
		return d.Keepalived.Reload()
	}
}
