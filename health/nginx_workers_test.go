// SPDX-License-Identifier: Apache-2.0

package health

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nginxProcess is a process of an nginx, with this title and these children.
func nginxProcess(title string, child ...int) *process {
	p := newProcess("nginx")
	p.title, p.child = title, child
	return p
}

func TestNginxWorkers(t *testing.T) {
	const (
		master  = "nginx: master process /usr/sbin/nginx -g daemon off;"
		worker  = "nginx: worker process"
		leaving = "nginx: worker process is shutting down"
	)
	served := "http://" + serveTCP(t, says("HTTP/1.1 200 OK\r\n\r\n")) + "/"
	well := nginxProcess(worker)
	gone := nginxProcess(leaving)
	tests := map[string]struct {
		file, old string // what the PID file and the one with .oldbin hold; "": missing
		procs     processes
		want      string // the failure
		sure      bool
		master    int
	}{
		"a worker":                       {"1", "", processes{1: nginxProcess(master, 10), 10: well}, "", false, 1},
		"under another name":             {"1", "", processes{1: nginxProcess("angie: master process angie", 10), 10: nginxProcess("angie: worker process")}, "", false, 1},
		"no worker":                      {"1", "", processes{1: nginxProcess(master)}, "nginx master 1 has no worker", false, 1},
		"a worker that has ended":        {"1", "", processes{1: nginxProcess(master, 10, 11), 10: nginxProcess("")}, "nginx master 1 has no worker", false, 1},
		"a cache manager alone":          {"1", "", processes{1: nginxProcess(master, 10), 10: nginxProcess("nginx: cache manager process")}, "nginx master 1 has no worker", false, 1},
		"a reload":                       {"1", "", processes{1: nginxProcess(master, 10, 11), 10: gone, 11: well}, "", false, 1},
		"a reload, just forked":          {"1", "", processes{1: nginxProcess(master, 10, 11), 10: gone, 11: nginxProcess(master)}, "", false, 1},
		"all are shutting down":          {"1", "", processes{1: nginxProcess(master, 10, 11), 10: gone, 11: gone}, "nginx master 1 is stopping: its workers are shutting down", true, 1},
		"the worker is hidden":           {"1", "", processes{1: nginxProcess(master, 10), 10: nginxProcess("hidden")}, "", false, 1},
		"the master's title is hidden":   {"1", "", processes{1: nginxProcess("hidden")}, "", false, 1},
		"one process for all":            {"1", "", processes{1: nginxProcess("nginx")}, "", false, 1},
		"between rename and write":       {"", "1", processes{1: nginxProcess(master, 10), 10: well}, "", false, 1},
		"the second one starts":          {"2", "1", processes{1: nginxProcess(master, 10, 2), 10: well, 2: nginxProcess(master)}, "", false, 1},
		"both serve":                     {"2", "1", processes{1: nginxProcess(master, 10, 2), 10: well, 2: nginxProcess(master, 20), 20: well}, "", false, 2},
		"the first one quits":            {"2", "1", processes{1: nginxProcess(master, 10, 2), 10: gone, 2: nginxProcess(master, 20), 20: well}, "", false, 2},
		"the second one quits":           {"2", "1", processes{1: nginxProcess(master, 10, 2), 10: well, 2: nginxProcess(master, 20), 20: gone}, "", false, 1},
		"the second one is dead":         {"2", "1", processes{1: nginxProcess(master, 10), 10: well}, "", false, 1},
		"both quit":                      {"2", "1", processes{1: nginxProcess(master, 10), 10: gone, 2: nginxProcess(master, 20), 20: gone}, "nginx master 2 is stopping", true, 2},
		"the second dead, the first has": {"2", "1", processes{1: nginxProcess(master, 10), 10: gone}, "nginx master 1 is stopping", true, 1},
		"an .oldbin of the past":         {"2", "1", processes{1: newProcess("bash")}, "master in ", false, 0},
		"neither file":                   {"", "", processes{}, "nginx.pid: no such file", false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{"nginx.pid": test.file, "nginx.pid.oldbin": test.old} {
				if text != "" {
					write(t, dir, file, text)
				}
			}
			n := &nginx{Nginx: Nginx{filepath.Join(dir, "nginx.pid"), HTTP{URL: served}}, processes: test.procs}
			err := n.Probe(t.Context())
			if got := fmt.Sprint(err); (err == nil) != (test.want == "") || err != nil && !strings.Contains(got, test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if _, isSure := errors.AsType[sure](err); isSure != test.sure {
				t.Errorf("sure: %v", isSure)
			}
			if n.process() != test.master {
				t.Errorf("found process %d, want %d", n.process(), test.master)
			}
		})
	}
}

// With hidepid not even the master's name can be read: the GET decides.
func TestNginxHiddenMaster(t *testing.T) {
	served := "http://" + serveTCP(t, says("HTTP/1.1 200 OK\r\n\r\n")) + "/"
	n := &nginx{Nginx: Nginx{write(t, t.TempDir(), "nginx.pid", "1"), HTTP{URL: served}}, processes: hiding{}}
	if err := n.Probe(t.Context()); err != nil || n.process() != 0 {
		t.Errorf("%v, process %d", err, n.process())
	}
	n.HTTP.URL = "http://127.0.0.1:1/"
	if err := n.Probe(t.Context()); err == nil {
		t.Error("nobody serves, and it passes")
	}
}

// hiding is a host whose processes may not be looked at.
type hiding struct{ processes }

func (hiding) Name(int) (string, error) { return "", fmt.Errorf("name: %w", syscall.EACCES) }

// The second master is dead, and the first one takes .oldbin away while it is looked for.
func TestNginxSuffixGoes(t *testing.T) {
	file := write(t, t.TempDir(), "nginx.pid", "2")
	write(t, filepath.Dir(file), "nginx.pid.oldbin", "1")
	served := "http://" + serveTCP(t, says("HTTP/1.1 200 OK\r\n\r\n")) + "/"
	n := &nginx{Nginx: Nginx{file, HTTP{URL: served}}, processes: renaming{processes{1: newProcess("nginx")}, file}}
	if err := n.Probe(t.Context()); err != nil || n.process() != 1 {
		t.Errorf("%v, process %d", err, n.process())
	}
}

// renaming is a host on which the PID file gets its name back when a dead process is
// looked for.
type renaming struct {
	processes
	file string
}

func (r renaming) Name(pid int) (string, error) {
	if r.processes[pid] == nil {
		if err := os.Rename(r.file+".oldbin", r.file); err != nil {
			return "", err
		}
	}
	return r.processes.Name(pid)
}

// Its only worker has died, and the master starts another one while it is looked at.
func TestNginxStartsAWorker(t *testing.T) {
	served := "http://" + serveTCP(t, says("HTTP/1.1 200 OK\r\n\r\n")) + "/"
	procs := processes{1: nginxProcess("nginx: master process nginx"), 10: nginxProcess("nginx: worker process")}
	n := &nginx{Nginx: Nginx{write(t, t.TempDir(), "nginx.pid", "1"), HTTP{URL: served}}, processes: starting{procs}}
	if err := n.Probe(t.Context()); err != nil {
		t.Error(err)
	}
}

// starting is a host on which process 1 starts 10 when it is asked for its children.
type starting struct{ processes }

func (s starting) Children(pid int) ([]int, error) {
	children, err := s.processes.Children(pid)
	s.processes[1].child = []int{10}
	return children, err
}
