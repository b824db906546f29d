// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// loopback is where a web server is found on its own host.
const loopback = "127.0.0.1:80"

// WebServer is a program that answers every HTTP request on port 80 of each
// address of its host, also of addresses that come later, with 200 and the
// host's name: [HAProxy] or [Nginx].
type WebServer interface {
	Kill() error
	Stop() error
	Restart() error
	// Wanted tells whether it shall run.
	Wanted() bool
	// Check is how vipd checks it, as a line of the configuration.
	Check() string
}

// StartWebServer runs "haproxy" or "nginx" in n, with its files in the existing
// directory dir, and waits until it serves.
func StartWebServer(program string, n *Namespace, dir string) (WebServer, error) {
	switch program {
	case "haproxy":
		return StartHAProxy(n, dir)
	case "nginx":
		return StartNginx(n, dir)
	}
	return nil, fmt.Errorf("no web server is called %q: want haproxy or nginx", program)
}

// HAProxy is the real one.
type HAProxy struct {
	process
	socket string
}

// haproxyConfig answers every request by itself. %[1]s is the path of the stats
// socket, %[2]s the host's name.
const haproxyConfig = `global
    stats socket %[1]s mode 600 level admin
    nbthread 1
    maxconn 2000
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend web
    bind :80
    bind :::80 v6only
    http-request return status 200 content-type text/plain string "%[2]s"
`

// StartHAProxy runs HAProxy in n, with its files in the existing directory dir,
// and waits until it serves.
func StartHAProxy(n *Namespace, dir string) (*HAProxy, error) {
	return startHAProxy(n, dir, "haproxy", haproxyConfig)
}

// StartNamedHAProxy is StartHAProxy with another name for its process; see [NamedProgram].
func StartNamedHAProxy(n *Namespace, dir, name string) (*HAProxy, error) {
	link, err := NamedProgram(dir, "haproxy", name)
	if err != nil {
		return nil, err
	}
	return startHAProxy(n, dir, link, haproxyConfig)
}

func startHAProxy(n *Namespace, dir, program, config string) (*HAProxy, error) {
	file := filepath.Join(dir, "haproxy.cfg")
	h := &HAProxy{socket: filepath.Join(dir, "haproxy.sock")}
	h.process = process{
		namespace: n,
		// -db: in the foreground and as one process.
		command: []string{program, "-db", "-f", file},
		log:     filepath.Join(dir, "haproxy.log"),
		ready:   func() bool { return accepts(n, "unix", h.socket) && accepts(n, "tcp", loopback) },
	}
	if err := h.configure(file, fmt.Sprintf(config, h.socket, n.name)); err != nil {
		return nil, err
	}
	return h, h.start()
}

// Socket is the path of HAProxy's stats socket.
func (h *HAProxy) Socket() string { return h.socket }

// Check is how vipd checks it, as a line of the configuration.
func (h *HAProxy) Check() string { return fmt.Sprintf("haproxy: {socket: %q}", h.socket) }

// Nginx is the real one.
type Nginx struct {
	process
	pidFile string
}

// nginxConfig has one process only: the workers of a killed master would go on
// serving, and outlive us. %[1]s is the directory, %[2]s the host's name.
const nginxConfig = `daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr;
events { worker_connections 2000; }
http {
    access_log off;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
    server {
        listen 80;
        listen [::]:80 ipv6only=on;
        default_type text/plain;
        location / { return 200 "%[2]s"; }
    }
}
`

// StartNginx runs nginx in n, with its files in the existing directory dir, and
// waits until it serves.
func StartNginx(n *Namespace, dir string) (*Nginx, error) {
	file := filepath.Join(dir, "nginx.conf")
	x := &Nginx{pidFile: filepath.Join(dir, "nginx.pid")}
	x.process = process{
		namespace: n,
		command:   []string{"nginx", "-e", "stderr", "-p", dir, "-c", file},
		log:       filepath.Join(dir, "nginx.log"),
		ready:     x.listens,
	}
	if err := x.configure(file, fmt.Sprintf(nginxConfig, dir, n.name)); err != nil {
		return nil, err
	}
	return x, x.start()
}

// listens tells whether nginx has written its process id, which it does after it
// has begun to listen. A crashed one leaves its file.
func (x *Nginx) listens() bool {
	text, err := os.ReadFile(x.pidFile)
	return err == nil && string(text) == fmt.Sprintln(x.cmd.Process.Pid)
}

// PIDFile is the path of the file in which nginx says its process id.
func (x *Nginx) PIDFile() string { return x.pidFile }

// Check is how vipd checks it, as a line of the configuration.
func (x *Nginx) Check() string {
	return fmt.Sprintf("nginx: {pid_file: %q, url: %q}", x.pidFile, x.URL())
}

// URL is an address of nginx as seen from its own host.
func (x *Nginx) URL() string { return "http://" + loopback + "/" }

// configure writes the config file of a web server.
func (p *process) configure(file, config string) error {
	if strings.ContainsAny(p.namespace.name, "\"\\\n%") {
		return fmt.Errorf("the name %q can't stand in a config file", p.namespace.name)
	}
	return os.WriteFile(file, []byte(config), 0o600)
}

// accepts tells whether somebody accepts connections on the address, inside n.
func accepts(n *Namespace, network, address string) bool {
	return n.Do(func() error {
		conn, err := net.DialTimeout(network, address, startTimeout)
		if err != nil {
			return err
		}
		return conn.Close()
	}) == nil
}
