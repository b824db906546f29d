// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

// isolatedEnv marks the copy of a test binary that runs in a namespace of its own.
const isolatedEnv = "VIPD_LAB_ISOLATED"

// Main is TestMain for packages whose tests need the network. It runs the test
// binary again in a fresh network namespace with only lo, up, so that every
// goroutine of the tests is inside it and the host's network can't be touched.
// It also serves the probes' helper processes (see [Helper]).
//
// Without root it fails when CI=true; else it says in one line how to run the
// tests, and counts them as passed.
func Main(m *testing.M) {
	Helper()
	if os.Getenv(isolatedEnv) != "" {
		os.Exit(runIsolated(m))
	}
	if os.Geteuid() != 0 {
		os.Exit(withoutRoot(os.Stderr, os.Getenv("CI") == "true"))
	}
	os.Exit(isolate())
}

func runIsolated(m *testing.M) int {
	if err := loopbackUp(); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1
	}
	return m.Run()
}

// loopbackUp sets up lo where the calling thread is.
func loopbackUp() error {
	handle, err := netlink.NewHandle(syscall.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer handle.Close()
	return linkUp(handle, "lo")
}

func withoutRoot(out io.Writer, ci bool) int {
	verdict, status := "SKIPPED", 0
	if ci {
		verdict, status = "FAILED", 1
	}
	fmt.Fprintf(out, "%s: these tests need root for their network namespaces: sudo -E go test ./...\n", verdict)
	return status
}

// isolate runs this binary again, with the same arguments, in a new network
// namespace, and returns its exit status.
func isolate() int {
	runtime.LockOSThread() // Pdeathsig fires when the thread ends that started the child
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), isolatedEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab: run the tests in a network namespace:", err)
		return 1
	}
	return 0
}
