// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vipd/host"
)

// scriptOf makes a script of root's in a shell.
func scriptOf(t *testing.T, text string, arguments ...string) Script {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return Script{Command: append([]string{path}, arguments...)}
}

// runOnce runs a script once, as Run does.
func runOnce(t *testing.T, s Script, timeout time.Duration) Result {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := Check{Name: "web", Interval: time.Hour, Timeout: timeout, Kind: s, Runner: host.Runner{}}
	var res Result
	c.Run(ctx, func(r Result) { res = r; cancel() })
	return res
}

func TestScript(t *testing.T) {
	// It has left the group when it opens the FIFO.
	const leaver = `f=$(mktemp -u); mkfifo $f; setsid sh -c "echo here >$f; exec sleep 8" & cat $f; rm $f`
	const all = "id -u; id -g; id -G | tr ' ' '\n' | sort -n"
	tests := map[string]struct {
		text, user, group string
		ok                bool
		detail            string
	}{
		"exit 0":                     {"exit 0", "", "", true, ""},
		"exit 0, and says so":        {"echo 3 sessions; echo all well", "", "", true, "3 sessions all well"},
		"exit 1":                     {"exit 1", "", "", false, "exit status 1"},
		"exit 2, and says why":       {"echo no backend >&2; exit 2", "", "", false, "exit status 2: no backend"},
		"a signal":                   {"kill -9 $$", "", "", false, "signal: killed"},
		"both outputs, in order":     {"echo a; echo b >&2; echo c; exit 1", "", "", false, "exit status 1: a b c"},
		"a terminal's sequence":      {`printf '\033[2J\007'; exit 1`, "", "", false, "exit status 1: ?[2J?"},
		"its directory":              {"pwd", "", "", true, "/"},
		"its environment":            {"env -u PWD -u SHLVL -u _ env | sort", "", "", true, scriptPath + " VIPD_CHECK=web"},
		"no input":                   {"read x; echo $?", "", "", true, "1"},
		"arguments without a shell":  {`echo "$# $1"`, "", "", true, "2 $(id) *"},
		"root":                       {"id -u", "", "", true, "0"},
		"another user, with groups":  {all, "nobody", "", true, "65534 65534 65534"},
		"another user, by number":    {all, "65534", "", true, "65534 65534 65534"},
		"a user without an entry":    {"id -u; id -g; id -G", "4711", "12", true, "4711 12 12"},
		"another group only":         {"id -u; id -g; id -G", "", "65534", true, "0 65534 65534"},
		"a group by name":            {"id -u; id -g", "nobody", "daemon", true, "65534 1"},
		"a user that is none":        {"exit 0", "nobody-at-all", "", false, "user: unknown user nobody-at-all"},
		"a group that is none":       {"exit 0", "", "nobody-at-all", false, "group: unknown group nobody-at-all"},
		"a number without a group":   {"exit 0", "4711", "", false, "user 4711 is not in this host's list of users: it needs a group"},
		"what it leaves holds on":    {"sleep 600 & exit 0", "", "", true, ""},
		"what leaves the group, too": {leaver, "", "", true, "here"},
		"nothing in it":              {"", "", "", true, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := scriptOf(t, test.text, "$(id) *", "b")
			if err := os.Chmod(filepath.Dir(filepath.Dir(s.Command[0])), 0o755); err != nil { // for the other users
				t.Fatal(err)
			}
			s.User, s.Group = test.user, test.group
			r := runOnce(t, s, 10*time.Second)
			if r.OK != test.ok || r.Detail != test.detail {
				t.Errorf("OK %v, %q; want %v, %q", r.OK, r.Detail, test.ok, test.detail)
			}
			if r.Took > 5*time.Second {
				t.Errorf("took %v", r.Took)
			}
		})
	}
}

func TestCredential(t *testing.T) {
	tests := map[string]struct {
		user, group string
		want        *syscall.Credential
	}{
		"as this process":           {"", "", nil},
		"a user has its own groups": {"nobody", "", &syscall.Credential{Uid: 65534, Gid: 65534, Groups: []uint32{65534}}},
		"a group comes to those":    {"nobody", "daemon", &syscall.Credential{Uid: 65534, Gid: 1, Groups: []uint32{65534}}},
		"a group alone":             {"", "daemon", &syscall.Credential{Uid: 0, Gid: 1}},
		"numbers":                   {"4711", "4712", &syscall.Credential{Uid: 4711, Gid: 4712}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := credential(test.user, test.group)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

// Each is a failure at once, without a run, and says what to do.
func TestScriptThatMayNotRun(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	tests := map[string]struct {
		change func(path string) error
		want   string
	}{
		"missing":                {os.Remove, "no such file or directory"},
		"writable for others":    {func(p string) error { return os.Chmod(p, 0o757) }, "is writable for everybody: want root only"},
		"in an unsafe directory": {func(p string) error { return os.Chmod(filepath.Dir(p), 0o777) }, "is writable for everybody: want root only"},
		"somebody else's":        {func(p string) error { return os.Chown(p, 65534, 65534) }, "belongs to user 65534: want root"},
		"not executable":         {func(p string) error { return os.Chmod(p, 0o644) }, "is not executable"},
		"no program":             {func(p string) error { return os.WriteFile(p, []byte("\x7fELF"), 0o755) }, "exec format error"},
		"without interpreter":    {func(p string) error { return os.WriteFile(p, []byte("#!/no/such\n"), 0o755) }, "no such file or directory"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := scriptOf(t, "touch "+ran)
			if err := test.change(s.Command[0]); err != nil {
				t.Fatal(err)
			}
			demand(t, runOnce(t, s, 10*time.Second), test.want)
			if _, err := os.Stat(ran); err == nil {
				t.Error("it ran")
			}
		})
	}
}

// The limit is the whole group's, whatever the script ignores.
func TestScriptIsKilledWithItsGroup(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	s := scriptOf(t, "trap '' TERM INT HUP\nsleep 600 & sleep 600 | sleep 600 & echo $$ $! >"+pids+".new; mv "+pids+".new "+pids+"\nwait; wait; sleep 600")
	r := runOnce(t, s, 500*time.Millisecond)
	demand(t, r, "no answer within 500ms")
	if r.Took > 2*time.Second {
		t.Errorf("took %v", r.Took)
	}
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(string(text)) {
		pid, _ := strconv.Atoi(field)
		until(t, "the end of process "+field, func() bool {
			_, err := host.Processes{}.Name(pid)
			return errors.Is(err, syscall.ESRCH)
		})
	}
}

// A success leaves nothing behind either, or a probe a second would fill the host.
func TestScriptLeavesNothing(t *testing.T) {
	left := filepath.Join(t.TempDir(), "left")
	demand(t, runOnce(t, scriptOf(t, "sleep 600 & echo $! >"+left), 10*time.Second), "")
	pid, err := readPIDFile(left)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "its end", func() bool {
		_, err := host.Processes{}.Name(pid)
		return errors.Is(err, syscall.ESRCH)
	})
}

// What it prints is bounded, and a full pipe does not stop it.
func TestScriptOutputIsBounded(t *testing.T) {
	r := runOnce(t, scriptOf(t, "head -c 1000000 /dev/zero | tr '\\0' x; exit 3"), 10*time.Second)
	if want := "exit status 3: x"; !strings.HasPrefix(r.Detail, want) || len(r.Detail) != maxDetail {
		t.Errorf("%d bytes, %.40q", len(r.Detail), r.Detail)
	}
	demand(t, runOnce(t, scriptOf(t, "exec cat /dev/zero"), 300*time.Millisecond), "no answer within 300ms")
}

// stuck is a Runner whose programs end when release is closed, whatever ctx says.
type stuck struct {
	release chan struct{}
	runs    atomic.Int32
}

func (s *stuck) Run(context.Context, []string, []string, *syscall.Credential) ([]byte, error) {
	s.runs.Add(1)
	<-s.release
	return nil, nil
}

// A script that can't be killed holds up neither the check nor its end, and no other
// is started beside it.
func TestScriptThatCannotBeKilled(t *testing.T) {
	script := scriptOf(t, "exit 0")
	synctest.Test(t, func(t *testing.T) {
		runner := &stuck{release: make(chan struct{})}
		c := Check{Name: "x", Interval: time.Second, Timeout: time.Second, Kind: script, Runner: runner}
		ctx, cancel := context.WithTimeout(t.Context(), 4200*time.Millisecond)
		defer cancel()
		time.AfterFunc(3800*time.Millisecond, func() { close(runner.release) })
		start := time.Now()
		var got []string
		c.Run(ctx, func(r Result) { got = append(got, fmt.Sprintf("%v %v %s", time.Since(start), r.OK, r.Detail)) })
		want := []string{
			"1.5s false no answer within 1s",
			"1.5s false the last probe has not ended yet",
			"2.5s false the last probe has not ended yet",
			"3.5s false the last probe has not ended yet",
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || runner.runs.Load() != 1 {
			t.Errorf("%d runs\ngot  %q\nwant %q", runner.runs.Load(), got, want)
		}
	})
}

// crowded is a Runner on a host that is at a limit of its processes.
type crowded struct{}

func (crowded) Run(context.Context, []string, []string, *syscall.Credential) ([]byte, error) {
	return nil, fmt.Errorf("start /x: %w", syscall.EAGAIN)
}

// That is not the service's fault.
func TestScriptWithoutAProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := Check{Name: "x", Interval: time.Hour, Timeout: time.Minute, Kind: scriptOf(t, "exit 0"), Runner: crowded{}}
	c.Run(ctx, func(r Result) {
		cancel()
		if !r.Unmade || r.Detail != "not asked: start /x: resource temporarily unavailable" {
			t.Errorf("%+v", r)
		}
	})
}

// denied is a Runner that may not become another user.
type denied struct{}

func (denied) Run(context.Context, []string, []string, *syscall.Credential) ([]byte, error) {
	return nil, fmt.Errorf("start /x: %w", syscall.EPERM)
}

func TestScriptWithoutThePermission(t *testing.T) {
	for user, want := range map[string]string{
		"":       "start /x: operation not permitted",
		"nobody": "start /x: operation not permitted: to run it as another user needs CAP_SETUID, CAP_SETGID and CAP_KILL",
	} {
		s := scriptOf(t, "exit 0")
		s.User = user
		p := s.prober(&Check{Runner: denied{}})
		if err := p.Probe(t.Context()); err == nil || err.Error() != want {
			t.Errorf("as %q: %v, want %s", user, err, want)
		}
	}
}

// The end of the check ends the script.
func TestScriptEndsWithItsCheck(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	c := Check{Name: "x", Interval: time.Hour, Timeout: time.Minute, Kind: scriptOf(t, "echo $$ >"+pidFile+"; sleep 600"), Runner: host.Runner{}}
	go func() {
		defer close(done)
		c.Run(ctx, func(r Result) { t.Errorf("reported %+v", r) })
	}()
	var pid int
	until(t, "the script to run", func() (ok bool) {
		pid, _ = readPIDFile(pidFile)
		return pid != 0
	})
	cancel()
	<-done
	if _, err := (host.Processes{}).Name(pid); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d goes on: %v", pid, err)
	}
}
