// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// NamedProgram makes a link in dir to a program that is found in PATH, for those who look
// for a process by its name, and see those of all hosts: started by the link's path, the
// process has its name, of at most 15 bytes.
func NamedProgram(dir, program, name string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", err
	}
	link := filepath.Join(dir, name)
	return link, os.Symlink(path, link)
}

// Workers are the processes that the program has started itself.
func (p *Program) Workers() ([]int, error) { return children(p.PID()) }

// KillAll ends by SIGKILL all that is left of the program, after its end too: a master
// that was killed leaves its workers behind.
func (p *Program) KillAll() error {
	if err := syscall.Kill(-p.PID(), syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill %s in %s and its workers: %w", p.name(), p.namespace.name, err)
	}
	return p.Kill()
}
