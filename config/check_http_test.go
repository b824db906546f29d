// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/health"
)

func TestHTTPChecks(t *testing.T) {
	certificate := health.Certificate{WarnBefore: 336 * time.Hour}
	for _, tt := range []struct {
		text string
		want health.Kind
	}{
		{"http: {url: 'http://localhost/'}", health.HTTP{URL: "http://localhost/"}},
		{"http: {url: 'http://127.0.0.1/', body: 'in  service'}", health.HTTP{URL: "http://127.0.0.1/", Body: "in  service"}},
		{"http: {url: 'http://www.example.org/health', socket: /run/www.sock}",
			health.HTTP{URL: "http://www.example.org/health", Socket: "/run/www.sock"}},
		{"http: {url: 'https://[::1]:8443/'}", health.HTTP{URL: "https://[::1]:8443/", Certificate: certificate}},
		{"http: {url: 'HTTPS://127.0.0.1/', insecure: true}",
			health.HTTP{URL: "HTTPS://127.0.0.1/", Certificate: health.Certificate{Insecure: true, WarnBefore: 336 * time.Hour}}},
		{"http: {url: 'https://127.0.0.1/', host: www.example.org, server_name: example.org, ca: /etc/ca.pem, warn_before: 0s}",
			health.HTTP{URL: "https://127.0.0.1/", Host: "www.example.org", Certificate: health.Certificate{ServerName: "example.org", CA: "/etc/ca.pem"}}},
		{"nginx: {pid_file: /run/nginx.pid, url: 'http://status/', socket: /run/status.sock, status: [204], body: ok}",
			health.Nginx{PIDFile: "/run/nginx.pid", HTTP: health.HTTP{URL: "http://status/", Socket: "/run/status.sock", Status: []int{204}, Body: "ok"}}},
		{"nginx: {pid_file: /run/nginx.pid, url: 'https://127.0.0.1/'}",
			health.Nginx{PIDFile: "/run/nginx.pid", HTTP: health.HTTP{URL: "https://127.0.0.1/", Certificate: certificate}}},
	} {
		t.Run(tt.text, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, checkOf(t, tt.text).Kind, plain...); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMistakesInHTTPChecks(t *testing.T) {
	const (
		scheme  = ": want an http or https URL, such as http://127.0.0.1:80/health"
		address = ": want a URL with an IP address, such as http://127.0.0.1:80/health"
		virtual = ` is aimed at the virtual address 192.0.2.100, which is on the other node half of the time: want an address of this node, such as 127.0.0.1`
		local   = "http: {url: 'http://127.0.0.1/', "
		secure  = "http: {url: 'https://127.0.0.1/', "
	)
	long := strings.Repeat("x", 257)
	for _, tt := range []struct{ name, text, want string }{
		{"without a URL", "http: {socket: /run/www.sock}", "8:19: checks[0].http: `url` is missing"},
		{"nginx without a URL", "nginx: {pid_file: /run/nginx.pid}", "8:20: checks[0].nginx: `url` is missing"},
		{"nginx without a PID file", "nginx: {url: 'http://127.0.0.1/'}", "8:20: checks[0].nginx: `pid_file` is missing"},
		{"no scheme", "http: {url: '127.0.0.1:80/health'}", `8:25: checks[0].http.url: "127.0.0.1:80/health"` + scheme},
		{"another scheme", "http: {url: 'ftp://127.0.0.1/'}", `8:25: checks[0].http.url: "ftp://127.0.0.1/"` + scheme},
		{"no host", "http: {url: 'http:///health', socket: /run/www.sock}", `8:25: checks[0].http.url: "http:///health"` + scheme},
		{"a password", "http: {url: 'http://a:b@127.0.0.1/'}", `8:25: checks[0].http.url: "http://a:b@127.0.0.1/"` + scheme},
		{"a port that is none", "http: {url: 'http://127.0.0.1:0/'}", `8:25: checks[0].http.url: "http://127.0.0.1:0/"` + scheme},
		{"https by name", "http: {url: 'https://www.example.org/'}", `8:25: checks[0].http.url: "https://www.example.org/"` + address},
		{"nginx by name", "nginx: {pid_file: /run/nginx.pid, url: 'http://www.example.org/'}", `8:52: checks[0].nginx.url: "http://www.example.org/"` + address},
		{"https of the virtual address", "http: {url: 'https://192.0.2.100/'}", `8:3: checks[0]: check "c"` + virtual},
		{"relative path of a socket", "http: {url: 'http://www.example.org/', socket: www.sock}", `8:60: checks[0].http.socket: "www.sock": want an absolute path of at most 107 bytes`},
		{"body that is empty", local + "body: ''}", `8:52: checks[0].http.body: "": want a single value`},
		{"body that is long", local + "body: " + long + "}", `8:52: checks[0].http.body: "` + long[:60] + `…": want a text of at most 256 bytes`},
		{"server name without TLS", local + "server_name: www.example.org}", "8:59: checks[0].http.server_name: means nothing with http://: want https://, or no `server_name`"},
		{"CA without TLS", local + "ca: /etc/ca.pem}", "8:50: checks[0].http.ca: means nothing with http://: want https://, or no `ca`"},
		{"any certificate without TLS", local + "insecure: true}", "8:56: checks[0].http.insecure: means nothing with http://: want https://, or no `insecure`"},
		{"warning without TLS", "nginx: {pid_file: /x, url: 'http://127.0.0.1/', warn_before: 1h}", "8:74: checks[0].nginx.warn_before: means nothing with http://: want https://, or no `warn_before`"},
		{"a CA that is not asked", secure + "insecure: true, ca: /etc/ca.pem}", "8:57: checks[0].http.insecure: `ca` means nothing with `insecure: true`: want one of them"},
		{"server name with a port", secure + "server_name: 'example.org:443'}", `8:60: checks[0].http.server_name: "example.org:443": want a host name without a port, such as www.example.org`},
		{"a method", local + "method: HEAD}", `8:46: checks[0].http: unknown key "method": legal are url, socket, host, status, body, server_name, ca, insecure, warn_before`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Parse("vipd.yaml", []byte(withCheck(tt.text)))
			if want := "vipd.yaml:" + tt.want + "\n"; f != nil || lines(problems) != want {
				t.Errorf("got:\n%swant:\n%s", lines(problems), want)
			}
		})
	}
}

// A socket is of this host, whatever the URL says.
func TestHTTPSocketAndTheVirtualAddress(t *testing.T) {
	checkOf(t, "http: {url: 'http://192.0.2.100/', socket: /run/www.sock}")
}
