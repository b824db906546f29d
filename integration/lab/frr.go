// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	frrPrograms = "/usr/lib/frr/"
	// frrCrashes is where a FRR program makes a directory NAME.PID for the logs of a
	// crash, and removes it when it is asked to end.
	frrCrashes = "/var/tmp/frr/"
)

// FRR is the real one: vrrpd, and zebra, through which it sets its macvlans up and
// down (see [Namespace.AddVirtualMAC]).
type FRR struct {
	zebra, vrrpd *process
	dir          string
}

// StartFRR runs zebra and vrrpd in n with the text of vrrpd's config file, their
// files in the existing directory dir, and waits until vrrpd takes part in VRRP. They
// run as the user frr, to whom dir is given; all may search the directories above.
func StartFRR(n *Namespace, dir, config string) (*FRR, error) {
	attr, err := frrAttr()
	if err != nil {
		return nil, fmt.Errorf("start FRR in %s: %w", n.name, err)
	}
	f := &FRR{dir: dir}
	f.zebra = f.program(n, "zebra", os.DevNull, attr, f.listens)
	f.vrrpd = f.program(n, "vrrpd", f.configFile(), attr, func() bool { return hears(n) })
	if err := os.Chown(dir, int(attr.Credential.Uid), int(attr.Credential.Gid)); err != nil {
		return nil, err
	}
	if err := f.Configure(config); err != nil {
		return nil, err
	}
	return f, f.start()
}

// frrAttr starts a program as the user frr with the capabilities that FRR would keep
// of root's. One that changes its user itself would not end with us: the kernel then
// forgets the signal that it is to get.
func frrAttr() (attr syscall.SysProcAttr, err error) {
	frr, err := user.Lookup("frr")
	if err != nil {
		return attr, err
	}
	groups, err := frr.GroupIds()
	if err != nil {
		return attr, err
	}
	var ids []uint32
	for _, text := range append([]string{frr.Uid, frr.Gid}, groups...) {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return attr, fmt.Errorf("the ids of the user frr: %w", err)
		}
		ids = append(ids, uint32(id))
	}
	attr.Credential = &syscall.Credential{Uid: ids[0], Gid: ids[1], Groups: ids[2:]}
	attr.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_SYS_ADMIN, unix.CAP_SETUID, unix.CAP_SETGID}
	return attr, nil
}

func (f *FRR) program(n *Namespace, name, config string, attr syscall.SysProcAttr, ready func() bool) *process {
	return &process{
		namespace: n,
		command: []string{frrPrograms + name, "--config_file", config, "--log", "stdout", "--log-level", "debug",
			"--socket", f.zebraSocket(), "--vty_socket", f.dir, "--vty_port", "0", "--pid_file", filepath.Join(f.dir, name+".pid")},
		log:   filepath.Join(f.dir, name+".log"),
		ready: ready,
		attr:  attr,
	}
}

func (f *FRR) configFile() string  { return filepath.Join(f.dir, "vrrpd.conf") }
func (f *FRR) zebraSocket() string { return filepath.Join(f.dir, "zserv.api") }

// listens tells whether zebra serves its clients.
func (f *FRR) listens() bool { return accepts(f.zebra.namespace, "unix", f.zebraSocket()) }

// Configure replaces the text of vrrpd's config file, for the next Restart.
func (f *FRR) Configure(config string) error {
	return os.WriteFile(f.configFile(), []byte(config), 0o644)
}

func (f *FRR) start() error {
	if err := f.zebra.start(); err != nil {
		return err
	}
	if err := f.vrrpd.start(); err != nil {
		return errors.Join(err, f.end(f.zebra.Kill))
	}
	return nil
}

// Stop asks vrrpd, then zebra, to end, and waits for it.
func (f *FRR) Stop() error { return f.end(f.vrrpd.Stop, f.zebra.Stop) }

// Kill ends both by SIGKILL. The macvlans stay as they are.
func (f *FRR) Kill() error { return f.end(f.vrrpd.Kill, f.zebra.Kill) }

func (f *FRR) end(each ...func() error) error {
	var errs []error
	for _, end := range each {
		errs = append(errs, end())
	}
	for _, p := range []*process{f.vrrpd, f.zebra} {
		if p.cmd != nil {
			errs = append(errs, os.RemoveAll(fmt.Sprintf("%s%s.%d", frrCrashes, p.name(), p.PID())))
		}
	}
	return errors.Join(errs...)
}

// Restart starts both again after they have ended.
func (f *FRR) Restart() error {
	select {
	case <-f.vrrpd.ended:
		return f.start()
	default:
		return fmt.Errorf("vrrpd in %s has not ended", f.vrrpd.namespace.name)
	}
}

// LogTail is the last lines of both logs, zebra's first.
func (f *FRR) LogTail() string { return f.zebra.LogTail() + f.vrrpd.LogTail() }

// Command gives vrrpd commands by vtysh, as "configure terminal", "interface eth0",
// "vrrp 51 priority 150", and returns what it says.
func (f *FRR) Command(lines ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	args := []string{"--vty_socket", f.dir, "-d", "vrrpd"}
	for _, line := range lines {
		args = append(args, "-c", line)
	}
	out, err := exec.CommandContext(ctx, "vtysh", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("vtysh %q: %w: %s", lines, err, out)
	}
	return string(out), nil
}
