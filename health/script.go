// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

const (
	// scriptPath is the PATH of scripts: that of Debian's root.
	scriptPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	// killPatience is how long the end of a killed script is waited for. It takes
	// some milliseconds, unless the kernel holds on to it or killing was refused.
	killPatience = 500 * time.Millisecond
)

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

// scriptProber is a script and its last run.
type scriptProber struct {
	Script
	runner Runner
	env    []string
	last   <-chan ran // nil: none that has not ended
}

// ran is what came of one run.
type ran struct {
	output []byte
	err    error
}

// Probe runs the script, unless the last one has not ended yet.
func (s *scriptProber) Probe(ctx context.Context) error {
	if !s.lastHasEnded() {
		return errors.New("the last run was killed and has not ended yet")
	}
	as, err := s.prepare()
	if err != nil {
		return err
	}
	ended := make(chan ran, 1)
	s.last = ended
	go func() {
		output, err := s.runner.Run(ctx, s.Command, s.env, as)
		ended <- ran{output, err}
	}()
	return s.await(ctx)
}

func (s *scriptProber) lastHasEnded() bool {
	if s.last == nil {
		return true
	}
	select {
	case <-s.last:
		s.last = nil
		return true
	default:
		return false
	}
}

// await waits for the end of the run; once it has been killed, not for long.
func (s *scriptProber) await(ctx context.Context) error {
	var patience <-chan time.Time
	for done := ctx.Done(); ; {
		select {
		case run := <-s.last:
			s.last = nil
			return s.verdict(run)
		case <-done:
			done, patience = nil, time.After(killPatience)
		case <-patience:
			return ctx.Err()
		}
	}
}

// verdict says what an exit status and an output come to.
func (s *scriptProber) verdict(r ran) error {
	said := strings.Join(strings.Fields(string(r.output)), " ")
	switch {
	case r.err == nil && said == "":
		return nil
	case r.err == nil:
		return remark{text: said}
	case errors.Is(r.err, syscall.EPERM) && s.User+s.Group != "":
		return fmt.Errorf("%w: to run it as another user needs CAP_SETUID, CAP_SETGID and CAP_KILL", r.err)
	case said == "":
		return r.err
	}
	return fmt.Errorf("%w: %s", r.err, said)
}
