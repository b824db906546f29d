// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// startTimeout bounds the wait until a program serves.
	startTimeout = 10 * time.Second
	// stopTimeout bounds the wait until a program that was asked to end has ended.
	stopTimeout = 10 * time.Second
	// pollInterval is the pace at which a condition is looked at that the system
	// sends no event for.
	pollInterval = 2 * time.Millisecond
	// logTailBytes is how much of a program's log goes into an error.
	logTailBytes = 4096
)

// process is a program in a namespace, with what it writes in a file. It may be
// started again after it ended.
type process struct {
	namespace *Namespace
	command   []string
	log       string
	ready     func() bool         // whether it serves; looked at often
	attr      syscall.SysProcAttr // as whom it runs

	cmd    *exec.Cmd
	wanted bool          // it has been started, and not been asked to end
	ended  chan struct{} // closed when cmd has ended
	err    error         // how; to be read after ended
}

// start starts the program and waits until it is ready.
func (p *process) start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	attr := p.attr
	cmd.SysProcAttr = &attr
	if err := p.namespace.Start(cmd); err != nil {
		return err
	}
	ended := make(chan struct{})
	p.cmd, p.ended, p.wanted = cmd, ended, true
	go func() {
		p.err = cmd.Wait()
		close(ended)
	}()
	if err := p.waitReady(); err != nil {
		return errors.Join(fmt.Errorf("%s in %s: %w; its log ends with:\n%s",
			p.name(), p.namespace.name, err, p.LogTail()), p.Kill())
	}
	return nil
}

func (p *process) name() string { return filepath.Base(p.command[0]) }

func (p *process) waitReady() error {
	deadline := time.Now().Add(startTimeout)
	for !p.ready() {
		select {
		case <-p.ended:
			return fmt.Errorf("ended at its start: %v", p.err)
		case <-time.After(pollInterval):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("does not serve after %v", startTimeout)
		}
	}
	return nil
}

// Log is the file that the program's output goes to.
func (p *process) Log() string { return p.log }

// Wanted tells whether the program shall run: it was started, and not asked to end
// since. One that has crashed by itself is still wanted.
func (p *process) Wanted() bool { return p.wanted }

// Ended is closed when the program, as last started, has ended.
func (p *process) Ended() <-chan struct{} { return p.ended }

// Kill ends the program by SIGKILL, as a crash would, and waits for its end. A
// program that has ended already is no error.
func (p *process) Kill() error { return p.signal(syscall.SIGKILL) }

// Stop asks the program to end by SIGTERM and waits for its end. A program that
// has ended already is no error.
func (p *process) Stop() error { return p.signal(syscall.SIGTERM) }

// Restart starts the program again after it has ended, and waits until it serves.
func (p *process) Restart() error {
	select {
	case <-p.ended:
		return p.start()
	default:
		return fmt.Errorf("%s in %s has not ended", p.name(), p.namespace.name)
	}
}

func (p *process) signal(signal syscall.Signal) error {
	p.wanted = false
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %v to %s in %s: %w", signal, p.name(), p.namespace.name, err)
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopTimeout):
		return fmt.Errorf("%s in %s has not ended %v after %v", p.name(), p.namespace.name, stopTimeout, signal)
	}
}

// LogTail is the last lines of the log, or why it can't be read.
func (p *process) LogTail() string {
	tail, err := readTail(p.log)
	if err != nil {
		return err.Error()
	}
	return tail
}

// readTail reads the last whole lines of a file, at most logTailBytes.
func readTail(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	start := max(0, info.Size()-logTailBytes)
	tail, err := io.ReadAll(io.NewSectionReader(file, start, logTailBytes))
	if _, rest, found := bytes.Cut(tail, []byte("\n")); start > 0 && found {
		tail = rest
	}
	return string(tail), err
}
