// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Keepalived is the real one: a parent process, and a child that speaks VRRP.
type Keepalived struct {
	process
	config   string
	pidFiles [2]string // the parent's and the child's
}

// StartKeepalived runs keepalived in n with the text of a config file, its files in
// the existing directory dir, and waits until it takes part in VRRP.
func StartKeepalived(n *Namespace, dir, config string) (*Keepalived, error) {
	k := &Keepalived{
		config:   filepath.Join(dir, "keepalived.conf"),
		pidFiles: [2]string{filepath.Join(dir, "keepalived.pid"), filepath.Join(dir, "vrrp.pid")},
	}
	k.process = process{
		namespace: n,
		command: []string{"keepalived", "--dont-fork", "--log-console", "--log-detail",
			"--use-file", k.config, "--pid", k.pidFiles[0], "--vrrp_pid", k.pidFiles[1]},
		log:   filepath.Join(dir, "keepalived.log"),
		ready: func() bool { return hears(n) },
	}
	if err := k.Configure(config); err != nil {
		return nil, err
	}
	return k, k.start()
}

// Configure replaces the text of the config file, for the next Restart or Reload.
func (k *Keepalived) Configure(config string) error {
	return os.WriteFile(k.config, []byte(config), 0o600)
}

// Reload has the config file read again, and does not wait for it.
func (k *Keepalived) Reload() error { return k.Signal(syscall.SIGHUP) }

// Worker is the process id of the child that speaks VRRP.
func (k *Keepalived) Worker() (int, error) {
	text, err := os.ReadFile(k.pidFiles[1])
	if err != nil {
		return 0, fmt.Errorf("find keepalived's child in %s: %w", k.namespace.name, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("find keepalived's child in %s: %w", k.namespace.name, err)
	}
	return pid, nil
}

// Kill ends all of keepalived's processes by SIGKILL. What it has configured stays.
// When its parent alone dies, its child cleans up.
func (k *Keepalived) Kill() error { return k.killGroup() }

// Restart starts keepalived again after it has ended, and waits until it takes part.
func (k *Keepalived) Restart() error {
	for _, file := range k.pidFiles { // a killed child whom nobody has collected counts as running
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return k.process.Restart()
}
