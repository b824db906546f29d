// SPDX-License-Identifier: Apache-2.0

package health

import (
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"vipd/host"
)

// nginxLab is a place to run a real nginx in.
type nginxLab struct {
	config string
	kind   Nginx
}

// newNginxLab has directives of nginx's main context, such as "daemon off;".
func newNginxLab(t *testing.T, directives string) *nginxLab {
	t.Helper()
	dir := t.TempDir()
	lab := &nginxLab{kind: Nginx{dir + "/nginx.pid", HTTP{URL: "http://127.0.0.1:8081/"}}}
	temp := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += "\t" + kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	lab.config = write(t, dir, "nginx.conf", `
`+directives+`
user root;
worker_processes 1;
error_log stderr notice;
pid `+lab.kind.PIDFile+`;
events {}
http {
`+temp+`	access_log off;
	server {
		listen 127.0.0.1:8081;
		listen unix:`+dir+`/nginx.sock;
		location / { return 200 "ok"; }
		location /slow { limit_rate 10; return 200 "`+strings.Repeat("slow", 1000)+`"; }
	}
}
`)
	return lab
}

// start starts an nginx and waits until it serves.
func (l *nginxLab) start(t *testing.T) *program {
	t.Helper()
	p := start(t, "nginx", "-c", l.config)
	until(t, "nginx to serve", func() bool { return l.serves(t) == p.Process.Pid })
	return p
}

// startDaemon starts a binary whose nginx has no parent, as it must not have to change
// its binary, and waits until it serves. It returns the master, and what it logs.
func (l *nginxLab) startDaemon(t *testing.T, binary string) (master int, log func() string) {
	t.Helper()
	p := start(t, binary, "-c", l.config)
	<-p.ended
	until(t, "nginx to serve", func() bool { master = l.serves(t); return master != 0 })
	t.Cleanup(func() { syscall.Kill(-master, syscall.SIGKILL) }) // its session: both masters'
	return master, func() string {
		text, err := os.ReadFile(p.log)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// serves returns the master's number, once the PID file names it, it has a worker and a
// GET succeeds; else 0.
func (l *nginxLab) serves(t *testing.T) int {
	t.Helper()
	n := &nginx{Nginx: l.kind, processes: host.Processes{}}
	if err := n.Probe(t.Context()); err != nil {
		return 0
	}
	return n.master
}

// upgrade has a master start another one, and returns that when the two serve.
func (l *nginxLab) upgrade(t *testing.T, first int) (second int) {
	t.Helper()
	kill(t, first, syscall.SIGUSR2)
	until(t, "the second master", func() bool {
		second = l.serves(t)
		return second != 0 && second != first && len(workersOf(t, second)) > 0
	})
	return second
}

// slowClient has a worker of nginx's serve it until done is called.
func (l *nginxLab) slowClient(t *testing.T) (done func()) {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return func() { conn.Close() }
}

// workersOf returns a master's workers that are not shutting down.
func workersOf(t *testing.T, master int) (pids []int) {
	t.Helper()
	for _, child := range children(t, master) {
		if title, _ := (host.Processes{}).Title(child); title == "nginx: worker process" {
			pids = append(pids, child)
		}
	}
	return pids
}
