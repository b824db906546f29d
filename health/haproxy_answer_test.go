// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHAProxyAnswers(t *testing.T) {
	const info = "Name: HAProxy\nVersion: 2.6.12\nPid: 812\nStopping: 0\n\n"
	stopping := strings.Replace(info, "Stopping: 0", "Stopping: 1", 1)
	tests := map[string]struct {
		talk func(net.Conn)
		want string
	}{
		"show info":                    {says(info), ""},
		"HAProxy Enterprise":           {says(strings.Replace(info, "HAProxy", "hapee-lb", 1)), ""},
		"the connection stays open":    {repeats(info, "", 20*time.Millisecond), ""},
		"a master passes it on":        {master(info), ""},
		"no Pid is no failure":         {says("Name: HAProxy\n\n"), ""},
		"nor one that is no number":    {says("Name: HAProxy\nPid: \xff-1e9\n\n"), ""},
		"stopping":                     {says(stopping), "HAProxy process 812 is stopping"},
		"stopping, with a successor":   {inTurn(stopping, info), ""},
		"a slow successor":             {inTurn(stopping, stopping, stopping, stopping, info), ""},
		"slow, with a successor":       {slowly(150*time.Millisecond, inTurn(stopping, info)), ""},
		"too slow to be sure":          {slowly(250*time.Millisecond, says(stopping)), "no answer within 300ms"},
		"another program":              {says("Name: nginx\nPid: 1\n\n"), `not HAProxy's show info: "Name: nginx\nPid: 1\n"`},
		"a name within another line":   {says("x: Name: HAProxy\n\n"), "not HAProxy's show info"},
		"a blank line":                 {says("\n"), "not HAProxy's show info"},
		"binary junk":                  {says("\x00\xff\x1b[2J\n\n"), `not HAProxy's show info: "\x00\xff\x1b[2J\n"`},
		"nothing":                      {silent, "no answer within 300ms"},
		"closed at once":               {says(""), "connection closed before the answer's end"},
		"closed within the answer":     {says("Name: HAProxy\nPid: 812\n"), "connection closed before the answer's end"},
		"lines without an end":         {repeats("Name: HAProxy\n", "x: y\n", 0), "answer of more than 64 KiB"},
		"a line without an end":        {repeats("Name: HAProxy\n", strings.Repeat("A", 4096), 0), "answer of more than 64 KiB"},
		"drip":                         {repeats("Name: HAProxy\n", "A", 20*time.Millisecond), "no answer within 300ms"},
		"junk, then too long a drip":   {repeats("?\n\n", "A", 0), "not HAProxy's show info"},
		"a second question unanswered": {inTurn("Unknown command\n\n"), "no answer within 300ms"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := probeOnce(t, HAProxy{Socket: serveUnix(t, test.talk)})
			demand(t, r, test.want)
			if r.Sure != (name == "stopping") {
				t.Errorf("sure: %v", r.Sure)
			}
		})
	}
}

// master answers as HAProxy's master does: to `show info` with its help.
func master(info string) func(net.Conn) {
	return func(conn net.Conn) {
		switch hears(conn) {
		case "@1 show info\n":
			io.WriteString(conn, info)
		case "show proc\n":
			io.WriteString(conn, "#<PID> <type> <reloads>\n4 master 0\n# workers\n5 worker 0\n\n")
		default:
			io.WriteString(conn, "Unknown command, but maybe one of the following ones is a better match:\n\n")
		}
		silent(conn)
	}
}

func TestHAProxySocket(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.sock")
	demand(t, probeOnce(t, HAProxy{Socket: none}), none+": no such file or directory")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	demand(t, probeOnce(t, HAProxy{Socket: file}), file+": connection refused")
	long := "/" + strings.Repeat("x", 120) // sun_path holds 108
	demand(t, probeOnce(t, HAProxy{Socket: long}), "invalid argument")
}

// masterLab is a master's socket that can be opened and closed.
type masterLab struct {
	socket string
	procs  processes // 4 is the master, 5 its worker
	h      *haproxy
}

func newMasterLab(t *testing.T) *masterLab {
	l := &masterLab{
		socket: filepath.Join(t.TempDir(), "master.sock"),
		procs:  processes{4: newProcess("haproxy"), 5: newProcess("haproxy")},
	}
	l.h = &haproxy{HAProxy: HAProxy{Socket: l.socket}, processes: l.procs}
	return l
}

func (l *masterLab) open(t *testing.T) (closed func()) {
	t.Helper()
	listener, err := net.Listen("unix", l.socket)
	if err != nil {
		t.Fatal(err)
	}
	go accept(listener, master("Name: HAProxy\nPid: 5\n\n"))
	return func() { listener.Close() }
}

// probe demands the result of one probe; want as in demand.
func (l *masterLab) probe(t *testing.T, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	start := time.Now()
	err := l.h.Probe(ctx)
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	if time.Since(start) > patience/2 {
		t.Error("it waited for nothing")
	}
}

func TestHAProxyMasterLoadsItselfAnew(t *testing.T) {
	l := newMasterLab(t)
	closed := l.open(t)
	l.probe(t, "")
	closed()
	reopened := make(chan func(), 1)
	time.AfterFunc(50*time.Millisecond, func() { reopened <- l.open(t) })
	l.probe(t, "")
	(<-reopened)()
}

func TestHAProxyMasterDies(t *testing.T) {
	l := newMasterLab(t)
	closed := l.open(t)
	l.probe(t, "")
	closed()
	time.AfterFunc(50*time.Millisecond, func() { close(l.procs[4].ended) })
	l.probe(t, "no such file or directory")
}

func TestHAProxyMasterHasNoWorker(t *testing.T) {
	l := newMasterLab(t)
	closed := l.open(t)
	l.probe(t, "")
	closed()
	listener, err := net.Listen("unix", l.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go accept(listener, says("Can't find the target PID matching the prefix '@1'.\n\n"))
	l.probe(t, "not HAProxy's show info")
}

// A death behind a master is one when the master has no worker any more, and may be a
// reload as long as it says nothing.
func TestHAProxyDeathBehindAMaster(t *testing.T) {
	l := newMasterLab(t)
	closed := l.open(t)
	l.probe(t, "")
	closed()
	r := runner{Check: &Check{Name: "x"}, prober: l.h, died: 5}
	for _, row := range []struct {
		err  error
		sure bool
	}{
		{errors.New("no answer within 1s"), false},
		{fmt.Errorf("x: %w: Can't find the target PID", errNoInfo), true},
	} {
		if got := r.result(row.err, 0); got.Sure != row.sure {
			t.Errorf("%v: sure %v", row.err, got.Sure)
		}
	}
	close(l.procs[4].ended)
	if got := r.result(errors.New("no answer within 1s"), 0); !got.Sure {
		t.Error("its master is dead, too")
	}
}

func TestMasterPID(t *testing.T) {
	tests := map[string]struct {
		procs string
		want  int
	}{
		"2.6":               {"#<PID>   <type>  <reloads>     <uptime>  <version>\n13962    master  0 [failed: 0] 0d00h00m04s 2.6.12\n# workers\n13965 worker 0\n", 13962},
		"2.0":               {"#<PID> <type> <relative PID> <reloads> <uptime>\n1162 master 0 5 0d00h02m07s\n", 1162},
		"no master":         {"# workers\n13965 worker 0\n", 0},
		"empty":             {"", 0},
		"not even a number": {"x master\n", 0},
		"short lines":       {"1\n\n \n", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := masterPID([]byte(test.procs)); got != test.want {
				t.Errorf("process %d, want %d", got, test.want)
			}
		})
	}
}

func FuzzReadParagraph(f *testing.F) {
	f.Add([]byte("Name: HAProxy\nPid: 812\nStopping: 0\n\n"))
	f.Add([]byte("\n"))
	f.Add([]byte("Name: "))
	f.Add([]byte("Pid: 99999999999999999999\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := readParagraph(bytes.NewReader(data), maxAnswer)
		if err != nil {
			return
		}
		if len(info) > maxAnswer || len(info) > len(data) {
			t.Errorf("%d bytes of %d", len(info), len(data))
		}
		if pid := parsePID(field(info, "Pid")); pid < 0 {
			t.Errorf("process %d", pid)
		}
	})
}
