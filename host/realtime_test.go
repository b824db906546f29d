// SPDX-License-Identifier: Apache-2.0

package host

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// steadyEnv marks the copy of the test binary that becomes real-time: the one with the
// tests stays as it is.
const steadyEnv = "VIPD_HOST_STEADY"

// ordinaryArgument marks the copy of the test binary that becomes another program.
const ordinaryArgument = "ordinary"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ordinaryArgument {
		fmt.Fprintln(os.Stderr, Ordinary(os.Args[2:]))
		os.Exit(1)
	}
	if os.Getenv(steadyEnv) == "" {
		os.Exit(m.Run())
	}
	if err := json.NewEncoder(os.Stdout).Encode(becomeSteady()); err != nil {
		os.Exit(1)
	}
}

// steady is what has become of a process.
type steady struct {
	Realtime, Scheduling string         // what was refused, and what became of it
	Threads              map[string]int // by policy:priority, as in sched(7)
	Memory               locked
}

// locked is what has become of a process's memory, in KiB.
type locked struct {
	Refused string
	Locked  int
	Filled  int         // by the locking
	Next    int         // of what was mapped after it: locked, too
	Kept    int         // of what was used and given back after it
	Limit   unix.Rlimit // RLIMIT_MEMLOCK, in bytes
}

// becomeSteady does what vipd does at its start, while threads come and go.
func becomeSteady() (s steady) {
	stop, enough := make(chan struct{}), make(chan struct{})
	defer close(stop)
	go breed(enough)
	hold(stop, 5)
	s.Realtime = text(Realtime())
	close(enough)
	hold(stop, 5)
	s.Scheduling, s.Threads = Scheduling(), policies()
	s.Memory = lock()
	return s
}

func lock() (l locked) {
	kept() // so that what the race detector keeps about this memory is there
	before := memory("VmRSS")
	l.Refused = text(LockMemory())
	l.Locked, l.Filled = memory("VmLck"), memory("VmRSS")-before
	l.Next = mapped(1<<20, "VmLck")
	l.Kept = kept()
	unix.Getrlimit(unix.RLIMIT_MEMLOCK, &l.Limit)
	return l
}

// breed starts threads, each of which ends at once, until stop is closed.
func breed(stop <-chan struct{}) {
	for {
		ended := make(chan struct{})
		go func() {
			runtime.LockOSThread() // the thread ends with the goroutine
			close(ended)
		}()
		select {
		case <-ended:
		case <-stop:
			return
		}
	}
}

// hold starts n threads that stay until stop is closed.
func hold(stop <-chan struct{}, n int) {
	for range n {
		started := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(started)
			<-stop
		}()
		<-started
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// policies counts this process's threads by policy and priority.
func policies() map[string]int {
	counts := map[string]int{}
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		stat, err := os.ReadFile("/proc/self/task/" + task.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(after) // from the third on: proc_pid_stat(5)
		counts[fields[41-3]+":"+fields[40-3]]++
	}
	return counts
}

// mapped is by how much a field grows when so many bytes are mapped, in KiB.
func mapped(size int, field string) int {
	before := memory(field)
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return 0
	}
	defer unix.Munmap(b)
	return memory(field) - before
}

// kept is how much of memory that was used and given back is still there, in KiB.
func kept() int {
	before := memory("VmRSS")
	garbage := make([]byte, 64<<20)
	for i := 0; i < len(garbage); i += os.Getpagesize() {
		garbage[i] = 1
	}
	runtime.KeepAlive(garbage)
	garbage = nil
	debug.FreeOSMemory()
	return memory("VmRSS") - before
}

// memory is a field of /proc/self/status, in KiB.
func memory(field string) (size int) {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), field+":")
	fmt.Sscan(after, &size)
	return size
}

// startSteady runs the copy, by way of a command in front of it.
func startSteady(t *testing.T, front ...string) (s steady) {
	t.Helper()
	words := append(front, "/proc/self/exe")
	if len(front) > 0 {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		words = append(front, self)
	}
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Env, cmd.Stderr = append(os.Environ(), steadyEnv+"=1"), os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		t.Fatalf("%v: %v: %s", words, err, out)
	}
	return s
}

func TestRealtime(t *testing.T) {
	refused := []string{"setpriv", "--bounding-set", "-sys_nice", "--", "prlimit", "--rtprio=0"}
	tests := map[string]struct {
		front      []string
		scheduling string
		policy     string // of all threads
		refused    string
	}{
		"of a root":                        {nil, "rr 50", "2:50", ""},
		"without permission":               {refused, "other", "0:0", "operation not permitted: it needs LimitRTPRIO=50"},
		"SCHED_FIFO by the administrator":  {[]string{"chrt", "-f", "20"}, "fifo 20", "1:20", ""},
		"SCHED_RR by the administrator":    {[]string{"chrt", "-r", "7"}, "rr 7", "2:7", ""},
		"SCHED_BATCH by the administrator": {[]string{"chrt", "-b", "0"}, "batch", "3:0", ""},
		"chosen, without permission":       {append([]string{"chrt", "-f", "20"}, refused...), "fifo 20", "1:20", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := startSteady(t, test.front...)
			if got.Scheduling != test.scheduling || (test.refused == "") != (got.Realtime == "") || !strings.Contains(got.Realtime, test.refused) {
				t.Errorf("%q, refused %q; want %q, refused %q", got.Scheduling, got.Realtime, test.scheduling, test.refused)
			}
			if len(got.Threads) != 1 || got.Threads[test.policy] < 10 {
				t.Errorf("threads by policy:priority %v, want all %s", got.Threads, test.policy)
			}
		})
	}
}

// A thread may be started by one that is not real-time yet, after the list was read.
func TestRealtimeMissesNoThread(t *testing.T) {
	for range 6 {
		if got := startSteady(t); len(got.Threads) != 1 {
			t.Fatalf("threads by policy:priority %v", got.Threads)
		}
	}
}

func TestLockMemory(t *testing.T) {
	got := startSteady(t).Memory
	if got.Refused != "" || got.Locked == 0 || got.Next == 0 {
		t.Errorf("%d KiB locked, %d of what came after, refused %q", got.Locked, got.Next, got.Refused)
	}
	const little = 16 << 10
	if got.Filled > little || got.Kept > little {
		t.Errorf("%d KiB filled by the locking; %d KiB of what was given back are still there", got.Filled, got.Kept)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil || got.Limit != limit {
		t.Errorf("RLIMIT_MEMLOCK is %v, was %v, %v", got.Limit, limit, err)
	}
}

func TestLockMemoryWithoutPermission(t *testing.T) {
	got := startSteady(t, "setpriv", "--bounding-set", "-ipc_lock", "--", "prlimit", "--memlock=65536:65536").Memory
	if !strings.Contains(got.Refused, "operation not permitted: set LimitMEMLOCK=infinity") || got.Locked != 0 {
		t.Errorf("%d KiB locked, refused %q", got.Locked, got.Refused)
	}
}
