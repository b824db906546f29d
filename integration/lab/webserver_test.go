// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"vipd/integration/lab/labtest"
)

// get asks for the page at the URL, from n, over a new connection.
func get(n *Namespace, url string) (body string, err error) {
	err = n.Do(func() error {
		// A dialer starts no goroutine for an IP address, so it stays on the thread.
		conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
		if err != nil {
			return err
		}
		defer conn.Close()
		body, err = fetchBody(conn)
		return err
	})
	return body, err
}

func fetchBody(conn net.Conn) (string, error) {
	client := http.Client{Transport: &http.Transport{
		Dial:              func(string, string) (net.Conn, error) { return conn, nil },
		DisableKeepAlives: true,
	}}
	response, err := client.Get("http://lab/")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 100))
	return string(body), err
}

func TestWebServers(t *testing.T) {
	for _, program := range []string{"haproxy", "nginx"} {
		t.Run(program, func(t *testing.T) {
			s := newSwitch(t)
			lb1, _ := plugged(t, s, "lb1", "192.0.2.11/24", "2001:db8::11/64")
			client, _ := plugged(t, s, "client", "192.0.2.1/24", "2001:db8::1/64")
			server, err := StartWebServer(program, lb1, t.TempDir())
			labtest.Must(t, err)
			if body, err := get(client, "http://[2001:db8::11]:80/"); body != "lb1" {
				t.Fatalf("over IPv6: %q, %v", body, err)
			}
			for end, stop := range []func() error{server.Kill, server.Stop, server.Kill} {
				if body, err := get(client, "http://192.0.2.11:80/"); body != "lb1" {
					t.Fatalf("before end %d: %q, %v", end, body, err)
				}
				if err := server.Restart(); err == nil {
					t.Fatalf("before end %d: restarted while it runs", end)
				}
				labtest.Must(t, stop())
				labtest.Must(t, stop()) // it is no mistake to end what has ended
				if body, err := get(client, "http://192.0.2.11:80/"); err == nil {
					t.Fatalf("after end %d: still answered %q", end, body)
				}
				labtest.Must(t, server.Restart()) // it serves at once, whatever the crash left behind
			}
		})
	}
}

func TestHAProxySocket(t *testing.T) {
	h, err := StartHAProxy(newNamespace(t, "lb1"), t.TempDir())
	labtest.Must(t, err)
	conn, err := net.Dial("unix", h.Socket())
	labtest.Must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "show info\n")
	labtest.Must(t, err)
	if answer, err := io.ReadAll(conn); !strings.Contains(string(answer), "Name: HAProxy") {
		t.Errorf("show info: %q, %v", answer, err)
	}
}

// Hosts share the process table: who looks for a name must find one host's.
func TestNamedHAProxy(t *testing.T) {
	dir := t.TempDir()
	h, err := StartNamedHAProxy(newNamespace(t, "lb1"), dir, "haproxy-of-lb1")
	labtest.Must(t, err)
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", h.PID()))
	if labtest.Must(t, err); string(comm) != "haproxy-of-lb1\n" {
		t.Errorf("it is called %q", comm)
	}
	labtest.Must(t, h.Kill())
	labtest.Must(t, h.Restart())
	if _, err := StartNamedHAProxy(newNamespace(t, "lb2"), dir, "haproxy-of-lb1"); err == nil {
		t.Error("a second one of this name in a directory")
	}
}

func TestNginxPIDFile(t *testing.T) {
	n := newNamespace(t, "lb1")
	x, err := StartNginx(n, t.TempDir())
	labtest.Must(t, err)
	text, err := os.ReadFile(x.PIDFile())
	labtest.Must(t, err)
	if pid := strings.TrimSpace(string(text)); pid != strconv.Itoa(x.cmd.Process.Pid) {
		t.Errorf("the file says %s, the process is %d", pid, x.cmd.Process.Pid)
	}
	if body, err := get(n, x.URL()); body != "lb1" {
		t.Errorf("%s: %q, %v", x.URL(), body, err)
	}
}

// A program that can't start says why, in the error.
func TestWebServerThatCannotStart(t *testing.T) {
	n := newNamespace(t, "lb1")
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100)) // too long for a socket's path
	labtest.Must(t, os.Mkdir(long, 0o700))
	if _, err := StartHAProxy(n, long); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("error %v, want the reason from HAProxy's log", err)
	}
	for name, bad := range map[string]func() error{
		"no such directory": func() error { _, err := StartHAProxy(n, "/nonexistent"); return err },
		"no such program":   func() error { _, err := StartWebServer("apache", n, t.TempDir()); return err },
		"name with a quote": func() error { _, err := StartHAProxy(newNamespace(t, `"`), t.TempDir()); return err },
	} {
		if bad() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// standIn is a vipd that says what it was started with, and ends when told.
const standIn = `#!/bin/sh
case "$1" in
run) echo running "$@"; touch "$3.up"; trap 'echo stopping; exit 0' TERM; while :; do sleep 0.01; done;;
status) test -e "$4.up" && echo '{"node":"lb1"}' && exit 1;;
esac
`

func TestVipd(t *testing.T) {
	dir := t.TempDir()
	binary, config, log := filepath.Join(dir, "vipd"), filepath.Join(dir, "vipd.yaml"), filepath.Join(dir, "vipd.log")
	labtest.Must(t, os.WriteFile(binary, []byte(standIn), 0o700))
	v, err := StartVipd(newNamespace(t, "lb1"), binary, config, log)
	labtest.Must(t, err)
	if status, err := v.Status(); strings.TrimSpace(string(status)) != `{"node":"lb1"}` {
		t.Errorf("status %q, %v", status, err)
	}
	labtest.Must(t, v.Stop())
	want := "running run --config " + config + " --state " + dir + "\nstopping\n"
	if got, err := os.ReadFile(v.Log()); string(got) != want {
		t.Errorf("log %q, %v; want %q", got, err, want)
	}
	labtest.Must(t, v.Restart())
	labtest.Must(t, v.Kill())
}

func TestVipdWithoutAStatus(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "vipd")
	labtest.Must(t, os.WriteFile(binary, []byte("#!/bin/sh\necho bad config >&2\nexit 2\n"), 0o700))
	_, err := StartVipd(newNamespace(t, "lb1"), binary, "x.yaml", filepath.Join(dir, "log"))
	if err == nil || !strings.Contains(err.Error(), "bad config") {
		t.Errorf("error %v, want the reason from the log", err)
	}
}

func TestReadTail(t *testing.T) {
	line := strings.Repeat("x", 99) + "\n"
	for name, test := range map[string]struct{ content, want string }{
		"empty":           {"", ""},
		"short":           {"one\ntwo\n", "one\ntwo\n"},
		"cut at a line":   {strings.Repeat(line, 1000), strings.Repeat(line, logTailBytes/100)},
		"one endless":     {strings.Repeat("x", 2*logTailBytes), strings.Repeat("x", logTailBytes)},
		"exactly as long": {strings.Repeat("x\n", logTailBytes/2), strings.Repeat("x\n", logTailBytes/2)},
	} {
		path := filepath.Join(t.TempDir(), "log")
		labtest.Must(t, os.WriteFile(path, []byte(test.content), 0o600))
		if got, err := readTail(path); got != test.want || err != nil {
			t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(test.want))
		}
	}
}
