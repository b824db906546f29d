// SPDX-License-Identifier: Apache-2.0

package health

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// secured talks within TLS, with the authority's certificate.
func (a *authority) secured(talk func(net.Conn)) func(net.Conn) {
	certificate := tls.Certificate{PrivateKey: a.key, Certificate: [][]byte{a.certificate.Raw}}
	return func(conn net.Conn) {
		server := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
		defer server.Close()
		talk(server)
	}
}

func TestHTTPS(t *testing.T) {
	const (
		name = "www.example.org"
		ok   = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"
	)
	var none *authority
	root, stranger := none.issue(t, 3000*day), none.issue(t, 3000*day)
	good := root.issue(t, 90*day, name, "127.0.0.1")
	tests := map[string]struct {
		talk         func(net.Conn)
		host, server string // the keys host and server_name
		want, says   string // the detail of a failure, and of a success
	}{
		"valid":                      {good.secured(says(ok)), "", "", "", ""},
		"valid for the Host header":  {root.issue(t, 90*day, name).secured(says(ok)), name + ":8443", "", "", ""},
		"valid for the server name":  {root.issue(t, 90*day, name).secured(says(ok)), "else", name, "", ""},
		"for another name":           {root.issue(t, 90*day, name).secured(says(ok)), "example.org", "", "not example.org", ""},
		"of another CA":              {stranger.issue(t, 90*day, "127.0.0.1").secured(says(ok)), "", "", "unknown authority", ""},
		"expired":                    {root.issue(t, -day, "127.0.0.1").secured(says(ok)), "", "", "certificate has expired", ""},
		"expires soon":               {root.issue(t, 3*day+time.Hour, "127.0.0.1").secured(says(ok)), "", "", "", "certificate expires in 3 days"},
		"expires soon, and fails":    {root.issue(t, 3*day+time.Hour, "127.0.0.1").secured(says("HTTP/1.1 503 No\r\n\r\n")), "", "", "HTTP 503", ""},
		"503":                        {good.secured(says("HTTP/1.1 503 No\r\n\r\n")), "", "", "HTTP 503", ""},
		"without the text":           {good.secured(says("HTTP/1.1 200 OK\r\n\r\nno")), "", "", `no "ready" in the body`, ""},
		"plain HTTP":                 {says(ok), "", "", "TLS handshake: ", ""},
		"silent before":              {silent, "", "", "no answer within 300ms", ""},
		"silent behind":              {good.secured(silent), "", "", "no answer within 300ms", ""},
		"a body without an end":      {good.secured(repeats("HTTP/1.1 200 OK\r\n\r\nready", strings.Repeat("A", 4096), time.Millisecond)), "", "", "", ""},
		"a body of 64 KiB, in bytes": {good.secured(inBytes("HTTP/1.1 200 OK\r\n\r\nready" + strings.Repeat("A", maxAnswer))), "", "", "", ""},
		"a header without an end":    {good.secured(repeats("HTTP/1.1 200 OK\r\n", "X: "+strings.Repeat("A", 4096)+"\r\n", time.Millisecond)), "", "", "header of more than 64 KiB", ""},
	}
	ca := root.file(t)
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			kind := HTTP{
				URL: "https://" + serveTCP(t, test.talk) + "/", Host: test.host, Body: "ready",
				Certificate: Certificate{ServerName: test.server, CA: ca, WarnBefore: 14 * day},
			}
			r := probeOnce(t, kind)
			demand(t, r, test.want)
			if r.OK && r.Detail != test.says {
				t.Errorf("a success that says %q, want %q", r.Detail, test.says)
			}
		})
	}
}

// inBytes answers with a record for each byte of the end.
func inBytes(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		hears(conn)
		const tail = 1000
		io.WriteString(conn, answer[:len(answer)-tail])
		for _, b := range []byte(answer[len(answer)-tail:]) {
			conn.Write([]byte{b})
		}
	}
}

func TestHTTPSOnAUnixSocket(t *testing.T) {
	var none *authority
	root := none.issue(t, 90*day)
	socket := serveUnix(t, root.issue(t, 90*day, "www.example.org").secured(says("HTTP/1.1 200 OK\r\n\r\n")))
	demand(t, probeOnce(t, HTTP{URL: "https://www.example.org/", Socket: socket, Certificate: Certificate{CA: root.file(t)}}), "")
}
