// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"vipd/integration/lab/labtest"
)

const programEnv = "VIPD_LAB_TEST_PROGRAM"

func TestWithProgram(t *testing.T) {
	t.Setenv(programEnv, "")
	var program string
	status, err := withProgram(programEnv, "vipd/cmd/vipd", func() int {
		program = os.Getenv(programEnv)
		labtest.Must(t, exec.Command(program, "version").Run())
		return 7
	})
	labtest.Must(t, err)
	if status != 7 {
		t.Errorf("status %d, want that of the tests", status)
	}
	if _, err := os.Stat(filepath.Dir(program)); !os.IsNotExist(err) {
		t.Errorf("%s is left over: %v", program, err)
	}
}

func TestWithProgramThatDoesNotBuild(t *testing.T) {
	status, err := withProgram(programEnv, "vipd/nonexistent", func() int { return 0 })
	if err == nil || status == 0 {
		t.Errorf("status %d, error %v", status, err)
	}
}

func TestSignal(t *testing.T) {
	h, err := StartHAProxy(newNamespace(t, "lb1"), t.TempDir())
	labtest.Must(t, err)
	labtest.Must(t, syscall.Kill(h.PID(), 0))
	labtest.Must(t, h.Signal(syscall.SIGINT))
	if h.Exit().Exited() && h.Exit().ExitCode() == 0 {
		t.Errorf("ended by %v, want by the signal", h.Exit())
	}
	if h.Signal(syscall.SIGINT) == nil {
		t.Error("a signal to a program that has ended: no error")
	}
}
