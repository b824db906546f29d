// SPDX-License-Identifier: Apache-2.0

package config

import (
	"math"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/health"
)

// checkOf reads a file with this check.
func checkOf(t *testing.T, text string) Check {
	t.Helper()
	f, problems := Parse("vipd.yaml", []byte(withCheck(text)))
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	c, err := f.For("anybody")
	if err != nil {
		t.Fatal(err)
	}
	return c.Checks[0]
}

func TestKindsOfChecks(t *testing.T) {
	for _, tt := range []struct {
		text string
		want health.Kind
	}{
		{"tls: {address: '127.0.0.1:443'}", health.TLS{Address: "127.0.0.1:443", Certificate: health.Certificate{WarnBefore: 336 * time.Hour}}},
		{"tls: {address: '[::1]:443', server_name: www.example.org, ca: /etc/ca.pem, warn_before: 0s}",
			health.TLS{Address: "[::1]:443", Certificate: health.Certificate{ServerName: "www.example.org", CA: "/etc/ca.pem"}}},
		{"tls: {address: 'localhost:443', insecure: true, warn_before: 720h}",
			health.TLS{Address: "localhost:443", Certificate: health.Certificate{Insecure: true, WarnBefore: 720 * time.Hour}}},
		{"haproxy: {socket: /run/a.sock, listener: {tcp: {address: '127.0.0.1:80'}}}",
			health.HAProxy{Socket: "/run/a.sock", Listener: health.TCP{Address: "127.0.0.1:80"}}},
		{"haproxy: {socket: /run/a.sock, listener: {tls: {address: '[::1]:443', insecure: true, warn_before: 0s}}}",
			health.HAProxy{Socket: "/run/a.sock", Listener: health.TLS{Address: "[::1]:443", Certificate: health.Certificate{Insecure: true}}}},
		{"haproxy: {socket: /run/a.sock, listener: {http: {url: 'http://127.0.0.1/', status: [200]}}}",
			health.HAProxy{Socket: "/run/a.sock", Listener: health.HTTP{URL: "http://127.0.0.1/", Status: []int{200}}}},
		{"haproxy: {socket: /run/a.sock, min_servers: {app: 1, 'a-b_c.d:8': 10000}}",
			health.HAProxy{Socket: "/run/a.sock", MinServers: map[string]int{"app": 1, "a-b_c.d:8": 10000}}},
		{"process: {name: squid}", health.Process{Name: "squid", Count: 1}},
		{"process: {name: php-fpm8.2, user: _www-data, count: 4}", health.Process{Name: "php-fpm8.2", User: "_www-data", Count: 4}},
		{"process: {name: squid, pid_file: /run/squid.pid, user: 13}", health.Process{Name: "squid", PIDFile: "/run/squid.pid", User: "13", Count: 1}},
		{"ping: {address: 192.0.2.1}", health.Ping{Address: netip.MustParseAddr("192.0.2.1")}},
		{"ping: {address: 'fe80::1%eth0'}", health.Ping{Address: netip.MustParseAddr("fe80::1%eth0")}},
		{"dns: {server: '127.0.0.1:53', name: www.example.org}", health.DNS{Server: "127.0.0.1:53", Name: "www.example.org", Type: "A"}},
		{"dns: {server: '[::1]:53', name: _sip._tcp.example.org., type: SRV}", health.DNS{Server: "[::1]:53", Name: "_sip._tcp.example.org.", Type: "SRV"}},
		{"dns: {server: '127.0.0.1:53', name: a.example, type: AAAA, expect: '2001:db8::1'}",
			health.DNS{Server: "127.0.0.1:53", Name: "a.example", Type: "AAAA", Expect: netip.MustParseAddr("2001:db8::1")}},
		{"file: {path: /run/ready, min: 1}", health.File{Path: "/run/ready", Min: 1, Max: math.MaxInt64}},
		{"file: {path: /run/ready, max: -1}", health.File{Path: "/run/ready", Min: math.MinInt64, Max: -1}},
		{"file: {path: /run/out, min: 0, max: 0}", health.File{Path: "/run/out"}},
		{"script: {command: [/usr/local/bin/x]}", health.Script{Command: []string{"/usr/local/bin/x"}}},
		{"script: {command: [/x, -a, '$HOME *'], user: nobody, group: 12}", health.Script{Command: []string{"/x", "-a", "$HOME *"}, User: "nobody", Group: "12"}},
	} {
		t.Run(tt.text, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, checkOf(t, tt.text).Kind, plain...); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMistakesInKindsOfChecks(t *testing.T) {
	const (
		virtual = " is aimed at the virtual address 192.0.2.100, which is on the other node half of the time: want an address of this node, such as 127.0.0.1"
		haproxy = "haproxy: {socket: /run/haproxy.sock, "
		dns     = "dns: {server: '127.0.0.1:53', name: "
		tls     = "tls: {address: '127.0.0.1:443', "
	)
	for _, tt := range []struct{ name, text, want string }{
		{"tls check aimed at the virtual address", "tls: {address: '192.0.2.100:443'}", `8:3: checks[0]: check "c"` + virtual},
		{"ping of the virtual address", "ping: {address: 192.0.2.100}", `8:3: checks[0]: check "c"` + virtual},
		{"dns asked at the virtual address", "dns: {server: '192.0.2.100:53', name: x.example}", `8:3: checks[0]: check "c"` + virtual},
		{"tls without an address", "tls: {}", "8:18: checks[0].tls: `address` is missing"},
		{"tls of a name", "tls: {address: 'www.example.org:443'}", `8:28: checks[0].tls.address: "www.example.org:443": want an IP address and a port, such as 127.0.0.1:80`},
		{"server name with a port", tls + "server_name: 'www.example.org:443'}", `8:58: checks[0].tls.server_name: "www.example.org:443": want a host name without a port, such as www.example.org`},
		{"server name that is a URL", tls + "server_name: 'https://www.example.org'}", `8:58: checks[0].tls.server_name: "https://www.example.org": want a host name, with a port or without`},
		{"a CA that is not asked", tls + "insecure: true, ca: /etc/ca.pem}", "8:55: checks[0].tls.insecure: `ca` means nothing with `insecure: true`: want one of them"},
		{"relative path of a CA", tls + "ca: ca.pem}", `8:49: checks[0].tls.ca: "ca.pem": want an absolute path of at most 107 bytes`},
		{"warning in days", tls + "warn_before: 14d}", `8:58: checks[0].tls.warn_before: "14d": want a duration with its unit, 0s–8784h`},
		{"listener at the virtual address", haproxy + "listener: {tls: {address: '192.0.2.100:443'}}}", `8:3: checks[0]: check "c"` + virtual},
		{"listener without a kind", haproxy + "listener: {}}", "8:60: checks[0].haproxy.listener: 0 listeners: want exactly one of tcp, tls, http"},
		{"two listeners", haproxy + "listener: {tcp: {address: '127.0.0.1:80'}, http: {url: 'http://127.0.0.1/'}}}", "8:60: checks[0].haproxy.listener: 2 listeners: want exactly one of tcp, tls, http"},
		{"listener of another kind", haproxy + "listener: {ping: {address: 127.0.0.1}}}", `8:61: checks[0].haproxy.listener: unknown key "ping": legal are tcp, tls, http`},
		{"listener as an address", haproxy + "listener: '127.0.0.1:80'}", `8:60: checks[0].haproxy.listener: "127.0.0.1:80": want a mapping with the keys tcp, tls, http`},
		{"no backend", haproxy + "min_servers: {}}", "8:63: checks[0].haproxy.min_servers: want the usable servers that backends must have, by name, such as {app: 1}, of 1–20 backends"},
		{"servers of no backend", haproxy + "min_servers: 2}", "8:63: checks[0].haproxy.min_servers: want the usable servers that backends must have, by name, such as {app: 1}, of 1–20 backends"},
		{"too many backends", haproxy + "min_servers: {" + strings.Join(strings.Split("abcdefghijklmnopqrstu", ""), ": 1, ") + ": 1}}", "8:63: checks[0].haproxy.min_servers: want the usable servers that backends must have, by name, such as {app: 1}, of 1–20 backends"},
		{"no server", haproxy + "min_servers: {app: 0}}", `8:69: checks[0].haproxy.min_servers.app: "0": want a whole number, 1–10000`},
		{"backend twice", haproxy + "min_servers: {app: 1, app: 2}}", `8:72: checks[0].haproxy.min_servers: backend "app" is there twice`},
		{"backend that can't be one", haproxy + "min_servers: {'a;b': 1}}", `8:64: checks[0].haproxy.min_servers: "a;b": want the name of a backend: letters, digits, ` + "`.`, `_`, `:` and `-`, at most 255"},
		{"process without a name", "process: {pid_file: /run/x.pid}", "8:22: checks[0].process: `name` is missing"},
		{"process by its path", "process: {name: /usr/sbin/squid}", `8:29: checks[0].process.name: "/usr/sbin/squid": want the name of an executable without its path, the first 15 bytes of it`},
		{"process with a name too long", "process: {name: systemd-networkd}", `8:29: checks[0].process.name: "systemd-networkd": want the name of an executable without its path, the first 15 bytes of it`},
		{"no process", "process: {name: squid, count: 0}", `8:43: checks[0].process.count: "0": want a whole number, 1–10000`},
		{"several processes in a PID file", "process: {name: squid, pid_file: /run/x.pid, count: 2}", "8:65: checks[0].process.count: a `pid_file` names one process: want no `count`, or no `pid_file`"},
		{"user that is none", "process: {name: squid, user: 'a b'}", `8:42: checks[0].process.user: "a b": want the name or the number of a user`},
		{"ping of a name", "ping: {address: gateway}", `8:29: checks[0].ping.address: "gateway": want an IP address, such as 192.0.2.1`},
		{"ping with a port", "ping: {address: '192.0.2.1:80'}", `8:29: checks[0].ping.address: "192.0.2.1:80": want an IP address, such as 192.0.2.1`},
		{"ping of a network", "ping: {address: 192.0.2.0/24}", `8:29: checks[0].ping.address: "192.0.2.0/24": want an IP address, such as 192.0.2.1`},
		{"ping of a group", "ping: {address: 224.0.0.18}", `8:29: checks[0].ping.address: 224.0.0.18: want the address of one host`},
		{"ping of nobody", "ping: {address: '::'}", `8:29: checks[0].ping.address: ::: want the address of one host`},
		{"dns without a name", "dns: {server: '127.0.0.1:53'}", "8:18: checks[0].dns: `name` is missing"},
		{"dns server by name", "dns: {server: 'ns.example:53', name: x.example}", `8:27: checks[0].dns.server: "ns.example:53": want an IP address and a port, such as 127.0.0.1:80`},
		{"name with an empty label", dns + "a..b}", `8:49: checks[0].dns.name: "a..b": want a name of the DNS, such as www.example.org`},
		{"name with a label too long", dns + strings.Repeat("a", 64) + "}", `8:49: checks[0].dns.name: "` + strings.Repeat("a", 60) + `…": want a name of the DNS, such as www.example.org`},
		{"name too long", dns + strings.Repeat("a.", 128) + "}", `8:49: checks[0].dns.name: "` + strings.Repeat("a.", 30) + `…": want a name of the DNS, such as www.example.org`},
		{"type that is none", dns + "x.example, type: ANY}", `8:66: checks[0].dns.type: "ANY": want A or AAAA or CNAME or MX or NS or PTR or SOA or SRV or TXT`},
		{"an address of the other family", dns + "x.example, expect: '2001:db8::1'}", `8:68: checks[0].dns.expect: 2001:db8::1 can't be in a record of type A: want an IPv4 address with type A, an IPv6 address with type AAAA`},
		{"an address as a mail server", dns + "x.example, type: MX, expect: 192.0.2.1}", `8:78: checks[0].dns.expect: 192.0.2.1 can't be in a record of type MX: want an IPv4 address with type A, an IPv6 address with type AAAA`},
		{"any number", "file: {path: /run/x}", "8:19: checks[0].file: any number would pass: want `min`, `max` or both"},
		{"no number", "file: {path: /run/x, min: 2, max: 1}", "8:39: checks[0].file.min: 2 is more than `max`, 1: no number would pass"},
		{"a fraction", "file: {path: /run/x, min: 0.5}", `8:39: checks[0].file.min: "0.5": want a whole number, -1000000000–1000000000`},
		{"weight", "file: {path: /run/x, min: 1, weight: 5}", `8:42: checks[0].file: unknown key "weight": legal are path, min, max`},
		{"script as one line", "script: {command: /usr/local/bin/x -a}", `8:31: checks[0].script.command: "/usr/local/bin/x -a": want a list`},
		{"script without a program", "script: {command: []}", `8:31: checks[0].script.command: want a program, by its absolute path, and its arguments, such as [/usr/local/bin/check, web]`},
		{"program by its name", "script: {command: [curl, -s]}", `8:32: checks[0].script.command[0]: "curl": want an absolute path of at most 107 bytes`},
		{"too many arguments", "script: {command: [" + strings.Repeat("/x, ", 32) + "/x]}", `8:31: checks[0].script.command: 33 elements: at most 32`},
		{"argument with a zero byte", `script: {command: [/x, "a\0b"]}`, `8:36: checks[0].script.command[1]: an argument can't have a zero byte`},
		{"argument that is a list", "script: {command: [/x, [a]]}", `8:36: checks[0].script.command[1]: a list: want a single value`},
		{"user and group in one", "script: {command: [/x], user: 'nobody:nogroup'}", `8:43: checks[0].script.user: "nobody:nogroup": want the name or the number of a user`},
		{"group that is none", "script: {command: [/x], group: ''}", `8:44: checks[0].script.group: "": want a single value`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Parse("vipd.yaml", []byte(withCheck(tt.text)))
			if want := "vipd.yaml:" + tt.want + "\n"; f != nil || lines(problems) != want {
				t.Errorf("got:\n%swant:\n%s", lines(problems), want)
			}
		})
	}
}

// What keeps a script from being run is said before, and it is no warning.
func TestScriptsAgainstAHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "check")
	for _, tt := range []struct{ name, text, want string }{
		{"root's own", "script: {command: [/bin/true]}", ""},
		{"missing", "script: {command: [" + path + "]}", `vipd.yaml:8:31: checks[0].script.command: check "c" would fail: ` + path + ": no such file or directory\n"},
		{"no program", "script: {command: [/etc/passwd]}", `vipd.yaml:8:31: checks[0].script.command: check "c" would fail: /etc/passwd: is not executable` + "\n"},
		{"as a user that is none", "script: {command: [/bin/true], user: nobody-at-all}", `vipd.yaml:8:31: checks[0].script.command: check "c" would fail: user: unknown user nobody-at-all` + "\n"},
		{"of another kind", "file: {path: " + path + ", min: 0}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Parse("vipd.yaml", []byte(withCheck(tt.text)))
			if f == nil {
				t.Fatal(lines(problems))
			}
			look := func(string) (hostInterface, error) { return hostWith(true, "192.0.2.11/24"), nil }
			got := f.byNode[""].against("vipd.yaml", hostWith(true, "192.0.2.11/24"), look, usualSysctl)
			if lines(got) != tt.want || got.Failed() != (tt.want != "") {
				t.Errorf("got:\n%swant:\n%s", lines(got), tt.want)
			}
		})
	}
}
