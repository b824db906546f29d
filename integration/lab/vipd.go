// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// statusTimeout bounds one question for the status.
const statusTimeout = 5 * time.Second

// Vipd is a running vipd.
type Vipd struct {
	process
	config string
}

// StartVipd runs the binary in n with the config file and more flags of `vipd run`, its
// output in the file log, and waits until it answers `vipd status`. What outlives it is
// beside the config.
func StartVipd(n *Namespace, binary, config, log string, flags ...string) (*Vipd, error) {
	v := &Vipd{config: config}
	v.process = process{
		namespace: n,
		command:   append([]string{binary, "run", "--config", config, "--state", filepath.Dir(config)}, flags...),
		log:       log,
		ready:     func() bool { _, err := v.Status(); return err == nil },
	}
	return v, v.start()
}

// Command runs a command of vipd for the daemon, as "resign", "web", and returns
// what it says. The error has what it complains of.
func (v *Vipd) Command(ctx context.Context, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, v.command[0], append(args, "--config", v.config)...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := v.namespace.Start(cmd); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("vipd %s in %s: %w: %s", args[0], v.namespace.name, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.String(), nil
}

// Status is the JSON that `vipd status --json` prints, also when it exits with 1
// because a router is not well.
func (v *Vipd) Status() ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	out, err := v.Command(ctx, "status", "--json")
	if !json.Valid([]byte(out)) {
		return nil, fmt.Errorf("no JSON: %w", err)
	}
	return []byte(out), nil
}
