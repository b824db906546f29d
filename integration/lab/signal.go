// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"os"
	"syscall"
)

// PID is the process id of the program as last started.
func (p *process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal and does not wait for what comes of it. After SIGTERM the
// program is no longer wanted.
func (p *process) Signal(signal syscall.Signal) error {
	p.wanted = p.wanted && signal != syscall.SIGTERM
	if err := p.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("send %v to %s in %s: %w", signal, p.name(), p.namespace.name, err)
	}
	return nil
}

// Exit waits for the end of the program, as last started, and tells how it ended.
func (p *process) Exit() *os.ProcessState {
	<-p.ended
	return p.cmd.ProcessState
}
