// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"fmt"
	"syscall"
	"testing"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// startNginx starts nginx with a master and one worker.
func startNginx(t *testing.T, h *lab.Host, name string) *service {
	t.Helper()
	s := &service{where: where{h.Dir, name}, host: h, config: nginxConfig, reload: syscall.SIGHUP, quit: syscall.SIGQUIT}
	s.crash = func(t *testing.T) { labtest.Must(t, s.KillAll()) }
	return s.start(t, "nginx", "-e", "stderr", "-p", h.Dir, "-c", s.file("service.cfg"))
}

func nginxConfig(c settings) string {
	listen, answer := "listen 80 backlog=4096; listen 443 ssl;", fmt.Sprintf("return 200 %q;", c.name)
	if c.elsewhere {
		listen = "listen 81;"
	}
	if c.backend != "" {
		answer = "proxy_pass http://" + c.backend + ";"
	}
	return fmt.Sprintf(`daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile %d;
pid nginx.pid;
error_log stderr emerg;
events { worker_connections %d; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    ssl_certificate server.pem;
    ssl_certificate_key server.pem;
    server {
        %s
        default_type text/plain;
        location / { %s }
    }
}
`, descriptors, connections, listen, answer)
}

// stageNginx starts nginx on both nodes, and returns what happens to lb1's.
func stageNginx(t *testing.T, b *bench) []event {
	return underNginx(b.serve(t, startNginx, "nginxn"))
}

// underNginx are the events of nginx.
func underNginx(s *service) []event {
	return append(underBoth(s),
		event{name: softStop, before: s.hold, do: s.stopSoftly, undo: s.revive,
			sees: limits{nginx: slow, web: slow, tcp: slow, tls: slow}},
		event{name: "its master is killed, workers go on", do: func(t *testing.T) { labtest.Must(t, s.Signal(syscall.SIGKILL)) }, undo: s.revive, sees: limits{nginx: atOnce}},
		event{name: "its worker is killed, the master starts another", do: func(t *testing.T) {
			s.replaceWorker(t, func() { s.signalWorker(syscall.SIGKILL)(t) })
		}, well: true},
	)
}
