// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"fmt"
	"path/filepath"
)

// kind is a check: a column of a table. It has a router and an address of its own.
type kind struct {
	name   string
	passes string // when
	never  string // what it does not see, beside what has been tried; empty: nothing to add
	keys   func(w where) string
}

// where is a service as its own node finds it.
type where struct {
	dir  string // with its sockets and files
	name string // of its processes
}

func (w where) file(name string) string { return filepath.Join(w.dir, name) }

var (
	haproxy = &kind{"haproxy", "its socket answers `show info`, and it is not stopping", "a listener that answers nobody; its backends, but with `min_servers`",
		func(w where) string { return fmt.Sprintf("haproxy: {socket: %q}", w.file("stats.sock")) }}
	haproxyMaster = &kind{"haproxy, master socket", "the same, through its master", "",
		func(w where) string { return fmt.Sprintf("haproxy: {socket: %q}", w.file("master.sock")) }}
	haproxyListener = &kind{"haproxy, `listener`", "its socket answers, and a GET to its listener", "its backends one by one",
		func(w where) string {
			return fmt.Sprintf("haproxy: {socket: %q, listener: {http: {url: 'http://127.0.0.1/'}}}", w.file("stats.sock"))
		}}
	haproxyGrace = &kind{"haproxy, `grace: 2s`", "the same, but a death is waited out", "",
		func(w where) string { return haproxy.keys(w) + ", grace: 2s" }}
	nginx = &kind{"nginx", "the master lives, with a worker that is not shutting down, and a GET is answered", "what another URL would say",
		func(w where) string {
			return fmt.Sprintf("nginx: {pid_file: %q, url: 'http://127.0.0.1/'}", w.file("nginx.pid"))
		}}
	web = &kind{"http", "a GET is answered with a status that is wanted", "a process that is dead while another one answers",
		func(where) string { return "http: {url: 'http://127.0.0.1/'}" }}
	tcp = &kind{"tcp", "a connection is accepted, by the kernel", "a program that hangs, until the kernel has accepted a backlog for it",
		func(where) string { return "tcp: {address: '127.0.0.1:80'}" }}
	tls = &kind{"tls", "a handshake, with a certificate that is valid", "what is said after the handshake; revocation",
		func(w where) string {
			return fmt.Sprintf("tls: {address: '127.0.0.1:443', server_name: %s, ca: %q}", serverName, w.file("ca.pem"))
		}}
	process = &kind{"process", "enough processes of that name run", "a hang: combine it with another kind",
		func(w where) string { return fmt.Sprintf("process: {name: %q}", w.name) }}
	killall = &kind{"script, `killall -0`", "a process of that name runs: what most users of keepalived have", "a hang, a zombie",
		func(w where) string { return fmt.Sprintf("script: {command: [/usr/bin/killall, '-0', %q]}", w.name) }}

	ping = &kind{"ping", "an ICMP echo request is answered", "the host's programs: its kernel answers",
		func(where) string { return "ping: {address: 192.0.2.3}" }}
	dns = &kind{"dns", "a server knows a record, or an address in it", "other names; DNSSEC",
		func(where) string {
			return fmt.Sprintf("dns: {server: '127.0.0.1:53', name: %s, expect: %s}", serverName, serverAddress)
		}}
	file = &kind{"file", "a number is within its bounds", "that the one who writes it has died: the number stays",
		func(w where) string { return fmt.Sprintf("file: {path: %q, min: 0, max: 0}", w.file("number")) }}
	script = &kind{"script", "a program ends with exit status 0", "what you don't write",
		func(w where) string { return fmt.Sprintf("script: {command: [%q]}", w.file("script")) }}
)
