// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
)

const victimEnv = "VIPD_LAB_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victimEnv) != "" {
		victim()
	}
	Main(m)
}

func newNamespace(t *testing.T, name string) *Namespace {
	t.Helper()
	n, err := NewNamespace(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// namespaceOf reads which network namespace a thread or process is in.
func namespaceOf(t *testing.T, path string) string {
	t.Helper()
	id, err := os.Readlink(path)
	labtest.Must(t, err)
	return id
}

func TestMainIsolates(t *testing.T) {
	ours, parents := namespaceOf(t, "/proc/self/ns/net"), namespaceOf(t, fmt.Sprintf("/proc/%d/ns/net", os.Getppid()))
	if ours == parents {
		t.Fatalf("the tests run in the namespace %s of their parent", ours)
	}
}

func TestWithoutRoot(t *testing.T) {
	for ci, want := range map[bool]struct {
		word   string
		status int
	}{true: {"FAILED", 1}, false: {"SKIPPED", 0}} {
		var out strings.Builder
		if status := withoutRoot(&out, ci); status != want.status || !strings.Contains(out.String(), want.word) {
			t.Errorf("CI=%v: status %d, %q", ci, status, &out)
		}
	}
}

// The goroutine that makes a namespace may be running on any thread, the main one
// too; more namespaces than processors visit them all.
func TestNamespacesLeaveTheProcessWhereItIs(t *testing.T) {
	before := namespaceOf(t, "/proc/self/ns/net")
	seen := map[string]bool{before: true}
	for range 4 * runtime.NumCPU() {
		n := newNamespace(t, "n")
		labtest.Must(t, n.Do(func() error {
			id, err := os.Readlink("/proc/thread-self/ns/net")
			seen[id] = true
			return err
		}))
	}
	if want := 4*runtime.NumCPU() + 1; len(seen) != want {
		t.Errorf("%d different namespaces, want %d", len(seen), want)
	}
	if after := namespaceOf(t, "/proc/self/ns/net"); after != before {
		t.Errorf("the process moved from %s to %s", before, after)
	}
}

func TestMainThreadIsNotTaken(t *testing.T) {
	// Only a goroutine that an init function locked can be sure to be on the main
	// thread, so this asks the namespace's thread instead.
	for range 20 {
		n := newNamespace(t, "n")
		labtest.Must(t, n.Do(func() error {
			if unix.Gettid() == unix.Getpid() {
				t.Error("the namespace is on the main thread")
			}
			return nil
		}))
	}
}

func TestNamespaceHasOnlyLoopbackUp(t *testing.T) {
	n := newNamespace(t, "lb1")
	links, err := n.Handle().LinkList()
	labtest.Must(t, err)
	if len(links) != 1 || links[0].Attrs().Name != "lo" || links[0].Attrs().RawFlags&unix.IFF_UP == 0 {
		t.Errorf("links %v, want lo, up", links)
	}
}

func TestDoOfAClosedNamespace(t *testing.T) {
	n := newNamespace(t, "lb1")
	labtest.Must(t, n.Close())
	labtest.Must(t, n.Close())
	if err := n.Do(func() error { return nil }); err == nil {
		t.Error("no error")
	}
}

func TestDoOfAFunctionThatEndsItsGoroutine(t *testing.T) {
	n := newNamespace(t, "lb1")
	if err := n.Do(func() error { runtime.Goexit(); return nil }); err == nil {
		t.Error("no error")
	}
	if err := n.Do(func() error { return nil }); err == nil {
		t.Error("the namespace outlived its goroutine")
	}
}

func TestStartRunsInside(t *testing.T) {
	n := newNamespace(t, "lb1")
	cmd := exec.Command("readlink", "/proc/self/ns/net")
	var out strings.Builder
	cmd.Stdout = &out
	labtest.Must(t, n.Start(cmd))
	labtest.Must(t, cmd.Wait())
	labtest.Must(t, n.Do(func() error {
		if want := namespaceOf(t, "/proc/thread-self/ns/net"); strings.TrimSpace(out.String()) != want {
			t.Errorf("the program ran in %s, want %s", out.String(), want)
		}
		return nil
	}))
}

func TestCloseEndsPrograms(t *testing.T) {
	n := newNamespace(t, "lb1")
	cmd := exec.Command("sleep", "1000")
	labtest.Must(t, n.Start(cmd))
	labtest.Must(t, n.Close())
	waitEnd(t, cmd.Process.Pid)
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the program ended with %v", err)
	}
}

// victim is a process that makes a site, starts programs in it and says their
// process ids. Those of others start processes and change their user by themselves.
func victim() {
	var s *Site
	var k *Keepalived
	var f *FRR
	sleep := exec.Command("sleep", "1000")
	for _, step := range []func() error{
		func() (err error) { s, err = NewSite(); return err },
		func() error { return s.Client.Start(sleep) },
		func() (err error) {
			k, err = StartKeepalived(s.LB1.Namespace, s.LB1.Dir, keepalivedConfig(VIP4, 100, ""))
			return err
		},
		func() error { return s.LB2.AddVirtualMAC(Interface, 51, VIP4) },
		func() (err error) {
			f, err = StartFRR(s.LB2.Namespace, s.LB2.Dir, frrConfig(VIP4, 200))
			return err
		},
	} {
		if err := step(); err != nil {
			panic(err)
		}
	}
	child, err := os.ReadFile(k.pidFiles[1])
	if err != nil {
		panic(err)
	}
	fmt.Println(sleep.Process.Pid, k.PID(), f.zebra.PID(), f.vrrpd.PID(), strings.TrimSpace(string(child)))
	sleep.Wait()
}

func TestNothingOutlivesAKilledProcess(t *testing.T) {
	dir, err := os.MkdirTemp("", "vipd-victim-") // unlike the test's own it can be searched by FRR
	labtest.Must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	labtest.Must(t, os.Chmod(dir, 0o711))
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), victimEnv+"=1", "TMPDIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	labtest.Must(t, err)
	labtest.Must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	labtest.Must(t, err)
	labtest.Must(t, cmd.Process.Kill())
	cmd.Wait()
	pids := strings.Fields(line)
	if len(pids) != 5 {
		t.Fatalf("the victim says %q", line)
	}
	for _, text := range pids {
		pid, err := strconv.Atoi(text)
		labtest.Must(t, err)
		waitEnd(t, pid)
	}
}

// waitEnd waits until the process has ended.
func waitEnd(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return
	}
	labtest.Must(t, err)
	defer unix.Close(fd)
	ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(labtest.Patience.Milliseconds()))
	labtest.Must(t, err)
	if ready == 0 {
		t.Fatalf("process %d is still there", pid)
	}
}
