// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"vipd/integration/lab"
)

// startHAProxy starts HAProxy as Debian's unit does, with a master and its socket.
func startHAProxy(t *testing.T, h *lab.Host, name string) *service {
	t.Helper()
	s := &service{where: where{h.Dir, name}, host: h, config: haproxyConfig, reload: syscall.SIGUSR2, quit: syscall.SIGUSR1}
	s.crash = s.signalWorker(syscall.SIGKILL) // its master follows it
	s.loaded = s.masterKnows
	return s.start(t, "haproxy", "-W", "-S", s.file("master.sock"), "-f", s.file("service.cfg"))
}

// masterKnows asks HAProxy's master for its processes. It takes no signal while it loads.
func (s *service) masterKnows(worker int) error {
	conn, err := net.Dial("unix", s.file("master.sock"))
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(conn, "show proc\n"); err != nil {
		return err
	}
	current := false
	for lines := bufio.NewScanner(conn); lines.Scan() && !strings.HasPrefix(lines.Text(), "# old"); {
		current = current || strings.HasPrefix(lines.Text(), fmt.Sprint(worker, " "))
	}
	if !current {
		return fmt.Errorf("the master of %s does not know its worker %d", s.name, worker)
	}
	return nil
}

func haproxyConfig(c settings) string {
	listen, answer := "bind :80\n    bind :443 ssl crt "+c.dir+"/server.pem", fmt.Sprintf(`http-request return status 200 content-type text/plain string %q`, c.name)
	if c.elsewhere {
		listen = "bind :81"
	}
	if c.backend != "" {
		answer = "default_backend app"
	}
	return fmt.Sprintf(`global
    stats socket %s/stats.sock mode 600 level user expose-fd listeners
    nbthread 1
    maxconn %d
    ulimit-n %d
defaults
    mode http
    backlog 4096
    retries 0
    timeout client 5s
    timeout server 5s
    timeout connect 1s
frontend web
    %s
    %s
backend app
    server app %s
`, c.dir, connections, descriptors, listen, answer, or(c.backend, backend))
}

// or is text, or what stands for none.
func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}

// stageHAProxy starts HAProxy on both nodes, and returns what happens to lb1's.
func stageHAProxy(t *testing.T, b *bench) []event {
	return underHAProxy(b.serve(t, startHAProxy, "haproxyh"))
}

// underHAProxy are the events of HAProxy.
func underHAProxy(s *service) []event {
	return append(underBoth(s), event{name: softStop, before: s.hold, do: s.stopSoftly, undo: s.revive,
		sees: limits{haproxy: next, haproxyListener: next, haproxyMaster: next, haproxyGrace: graceful, web: slow, tcp: slow, tls: slow},
		span: gracefulSpan})
}
