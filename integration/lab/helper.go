// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

const (
	helperEnv = "VIPD_LAB_HELPER"
	// maxLine bounds what is read of one line from a helper, in bytes.
	maxLine = 4096
)

// Helper is called first in the main function, or TestMain (by [Main]), of each
// program that uses probes. Those run as copies of the program, so that the whole
// process is in the client's namespace. In such a copy Helper does the work and
// exits; else it does nothing.
func Helper() {
	name := os.Getenv(helperEnv)
	if name == "" {
		return
	}
	if err := help(name, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s helper: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func help(name string, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%d arguments, want one", len(args))
	}
	stop := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin) // ends when the parent closes it, or ends
		close(stop)
	}()
	samples := newSampleWriter(os.Stdout)
	defer samples.flush()
	switch name {
	case "http":
		return probeHTTP(args[0], samples, stop)
	case "udp":
		return probeUDP(args[0], samples, stop)
	case "echo":
		return serveEcho(args[0], os.Stdout, stop)
	case "backend":
		return serveBackend(args[0], os.Stdout, stop)
	case "conversations":
		return converse(args[0], os.Stdout, stop)
	case "download":
		return download(args[0], os.Stdout, stop)
	}
	return fmt.Errorf("no such helper")
}

// helper is a running copy of this program: it reads nothing, says what it has to
// say line by line, and ends when its standard input is closed.
type helper struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner // at most maxLine each; to be read to their end
	ended chan struct{}  // closed by wait
	err   error          // how it ended; to be read after ended
}

func startHelper(n *Namespace, name, arg string) (*helper, error) {
	if os.Getenv(helperEnv) != "" {
		return nil, fmt.Errorf("this is a helper itself: its main function must call lab.Helper first")
	}
	cmd := exec.Command("/proc/self/exe", arg)
	cmd.Env = append(os.Environ(), helperEnv+"="+name)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.Start(cmd); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, maxLine)
	return &helper{cmd: cmd, stdin: stdin, lines: lines, ended: make(chan struct{})}, nil
}

// wait collects the helper after its last line. One whose lines can't be read, or
// were no use, is ended.
func (h *helper) wait(failed error) {
	if failed == nil {
		failed = h.lines.Err()
	}
	if failed != nil {
		h.cmd.Process.Kill()
	}
	h.err = h.cmd.Wait()
	if failed != nil {
		h.err = failed
	}
	close(h.ended)
}

// Stop ends the helper, after what it has begun is done: at most a second.
func (h *helper) Stop() error {
	h.stdin.Close()
	select {
	case <-h.ended:
	case <-time.After(stopTimeout):
		h.cmd.Process.Kill()
		<-h.ended
	}
	return h.err
}
