// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// scriptPath is the PATH of scripts: that of Debian's root.
const scriptPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Script is the check by a program of the administrator's: exit status 0 is a
// success, anything else is a failure, and so is a program that has not ended within
// the timeout; it is killed then, with all its process group. Its environment is a
// PATH and VIPD_CHECK, the name of the check. What it prints becomes the Detail.
type Script struct {
	// Command is the program, an absolute path, and its arguments; no shell is in
	// between. Required.
	Command []string
	// User and Group are whom it runs as, by name or number. Default: as this
	// process; of a given User the user's own group.
	User, Group string
}

// Verify says what keeps the script from being run on this host: it is missing,
// somebody other than root could have replaced it, or there is no such user or group.
// Only the program itself is looked at, not what it starts or is started by, such as
// an interpreter.
func (s Script) Verify() error {
	_, err := s.prepare()
	return err
}

// prepare verifies the script, and returns whom it runs as.
func (s Script) prepare() (*syscall.Credential, error) {
	if err := verify(s.Command[0]); err != nil {
		return nil, err
	}
	return credential(s.User, s.Group)
}

func (s Script) prober(c *Check) Prober {
	return &scriptProber{Script: s, runner: c.Runner, env: []string{scriptPath, "VIPD_CHECK=" + c.Name}}
}

// scriptProber is a script and the means to run it.
type scriptProber struct {
	Script
	runner Runner
	env    []string
}

// Probe runs the script.
func (s *scriptProber) Probe(ctx context.Context) error {
	as, err := s.prepare()
	if err != nil {
		return err
	}
	output, err := s.runner.Run(ctx, s.Command, s.env, as)
	return s.verdict(output, err)
}

// verdict says what an exit status and an output come to.
func (s *scriptProber) verdict(output []byte, err error) error {
	said := strings.Join(strings.Fields(string(output)), " ")
	switch {
	case err == nil && said == "":
		return nil
	case err == nil:
		return remark{text: said}
	case errors.Is(err, syscall.EAGAIN): // fork(2): a limit of processes
		return shortage{err}
	case errors.Is(err, syscall.EPERM) && s.User+s.Group != "":
		return fmt.Errorf("%w: to run it as another user needs CAP_SETUID, CAP_SETGID and CAP_KILL", err)
	case said == "":
		return err
	}
	return fmt.Errorf("%w: %s", err, said)
}
