// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"os/exec"
)

// Busy are programs that only compute, as fast as they can.
type Busy struct {
	host    *Namespace // which ends them, too
	started []*exec.Cmd
}

// StartBusy starts so many.
func StartBusy(programs int) (*Busy, error) {
	host, err := NewNamespace("busy")
	if err != nil {
		return nil, err
	}
	b := &Busy{host: host}
	for range programs {
		cmd := exec.Command("sh", "-c", "while :; do :; done")
		if err := host.Start(cmd); err != nil {
			return nil, errors.Join(err, b.Stop())
		}
		b.started = append(b.started, cmd)
	}
	return b, nil
}

// Stop ends them.
func (b *Busy) Stop() error {
	var errs []error
	for _, cmd := range b.started {
		errs = append(errs, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	}
	b.started = nil
	return errors.Join(append(errs, b.host.Close())...)
}
