// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// hiddenProcess names, in the environment of this test program run anew, a process that
// it must not be able to look at.
const hiddenProcess = "VIPD_TEST_HIDDEN_PROCESS"

// As vipd in its unit on a host with hidepid: root without CAP_SYS_PTRACE may not look at
// root with it. (It may, whatever its capabilities, as a member of the group gid=, root.)
func TestHiddenProcess(t *testing.T) {
	if pid, err := strconv.Atoi(os.Getenv(hiddenProcess)); err == nil {
		testHidden(t, pid)
		return
	}
	const script = `mount -t proc -o hidepid=2,gid=4711 proc /proc &&
		exec setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace "$0" -test.run '^TestHiddenProcess$' -test.v`
	cmd := exec.Command("unshare", "--mount", "sh", "-c", script, os.Args[0])
	cmd.Env = append(os.Environ(), hiddenProcess+"="+strconv.Itoa(sleeper(t).Pid))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
}

func testHidden(t *testing.T, pid int) {
	p := Processes{}
	_, name := p.Name(pid)
	_, title := p.Title(pid)
	_, user := p.User(pid)
	for what, err := range map[string]error{"name": name, "title": title, "user": user} {
		if !errors.Is(err, unix.EACCES) {
			t.Errorf("%s: %v, want EACCES", what, err)
		}
	}
	if children, err := p.Children(pid); err != nil || len(children) > 0 {
		t.Errorf("children: %v, %v", children, err)
	}
	if _, err := p.Name(os.Getpid()); err != nil {
		t.Errorf("its own name: %v", err)
	}
	if _, err := p.Name(maxPID); !errors.Is(err, unix.ESRCH) {
		t.Errorf("the name of none: %v, want ESRCH", err)
	}
}
