// SPDX-License-Identifier: Apache-2.0

package health

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestHTTP(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := map[string]struct {
		talk   func(net.Conn)
		status []int
		want   string
	}{
		"200":                           {says(ok + "Content-Length: 2\r\n\r\nok"), nil, ""},
		"200 of HTTP/1.0":               {says("HTTP/1.0 200 OK\r\n\r\nok"), nil, ""},
		"a redirect is not followed":    {says("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n"), nil, ""},
		"404":                           {says("HTTP/1.1 404 Not Found\r\n\r\n"), nil, "HTTP 404"},
		"503":                           {says("HTTP/1.1 503 \r\n\r\n"), nil, "HTTP 503"},
		"404 that is wanted":            {says("HTTP/1.1 404 Not Found\r\n\r\n"), []int{204, 404}, ""},
		"200 that is not":               {says(ok + "\r\n"), []int{204, 404}, "HTTP 200"},
		"early hints come first":        {says("HTTP/1.1 103 Early Hints\r\n\r\n" + ok + "\r\n"), nil, ""},
		"101 is no success":             {says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), nil, "HTTP 101"},
		"nothing":                       {silent, nil, "no answer within 300ms"},
		"closed at once":                {func(net.Conn) {}, nil, "x"},
		"closed within the header":      {says(ok + "Server: x\r\n"), nil, "before a whole HTTP header"},
		"closed within the body":        {says(ok + "Content-Length: 20\r\n\r\nok"), nil, "HTTP 200, read body: unexpected EOF"},
		"another protocol":              {says("SSH-2.0-OpenSSH_9.2\r\n"), nil, "malformed HTTP"},
		"binary junk as the status":     {says("HTTP/1.1 \x00\x1b[2J\xff\xff OK\r\n\r\n"), nil, "malformed HTTP status code"},
		"a status line without an end":  {repeats("HTTP/1.1 200 ", strings.Repeat("A", 4096), 0), nil, "header of more than 64 KiB"},
		"a header without an end":       {repeats(ok, "X: "+strings.Repeat("A", 4096)+"\r\n", 0), nil, "header of more than 64 KiB"},
		"early hints without an end":    {repeats("", "HTTP/1.1 103 Early Hints\r\n\r\n", 0), nil, "header of more than 64 KiB"},
		"junk in one long line":         {repeats("", strings.Repeat("\xff\x00", 2048), 0), nil, "header of more than 64 KiB"},
		"a body without an end":         {repeats(ok+"\r\n", strings.Repeat("A", 4096), 0), nil, ""},
		"a long body":                   {repeats(ok+"Content-Length: 1000000\r\n\r\n", strings.Repeat("A", 4096), 0), nil, ""},
		"the header drips":              {repeats("", "H", 20*time.Millisecond), nil, "no answer within 300ms"},
		"the body drips":                {repeats(ok+"\r\n", "A", 20*time.Millisecond), nil, "no answer within 300ms"},
		"a chunk that is none":          {says(ok + "Transfer-Encoding: chunked\r\n\r\n\xff\xff\r\n"), nil, "HTTP 200, read body"},
		"a content length that is none": {says(ok + "Content-Length: -1\r\n\r\n"), nil, "Content-Length"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := HTTP{URL: "http://" + serveTCP(t, test.talk) + "/health", Status: test.status}
			if test.want == "x" { // closed with the request unread: an EOF or a reset
				if r := probeOnce(t, h); r.OK || r.Detail == "" {
					t.Errorf("got %+v", r)
				}
				return
			}
			demand(t, probeOnce(t, h), test.want)
		})
	}
}

func TestHTTPRequest(t *testing.T) {
	t.Setenv("http_proxy", "http://192.0.2.1:3128")
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:3128")
	tests := map[string]struct {
		path, host string
		want       []string
	}{
		"plain":                         {"/health?x=1", "", []string{"GET /health?x=1 HTTP/1.1\r\n", "\r\nHost: 127.0.0.1:"}},
		"without a path":                {"", "", []string{"GET / HTTP/1.1\r\n"}},
		"with a Host":                   {"/", "www.example.org", []string{"\r\nHost: www.example.org\r\n"}},
		"the connection is not kept":    {"/", "", []string{"\r\nConnection: close\r\n"}},
		"the server's log tells who it": {"/", "", []string{"\r\nUser-Agent: vipd\r\n"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			requests := make(chan string, 1)
			address := serveTCP(t, func(conn net.Conn) {
				requests <- hears(conn)
				io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
			})
			demand(t, probeOnce(t, HTTP{URL: "http://" + address + test.path, Host: test.host}), "")
			got := <-requests
			for _, part := range test.want {
				if !strings.Contains(got, part) {
					t.Errorf("request %q lacks %q", got, part)
				}
			}
		})
	}
}

func TestHTTPBody(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n\r\n"
	full := strings.Repeat("A", maxAnswer-len("ready"))
	tests := map[string]struct {
		talk func(net.Conn)
		want string
	}{
		"there":                      {says(ok + "<p>ready</p>"), ""},
		"in chunks":                  {says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n"), ""},
		"not there":                  {says(ok + "maintenance"), `HTTP 200, but no "ready" in the body`},
		"in another case":            {says(ok + "READY"), "but no"},
		"in the header only":         {says("HTTP/1.1 200 OK\r\nX: ready\r\n\r\n"), "but no"},
		"an empty body":              {says("HTTP/1.1 204 No Content\r\n\r\n"), "HTTP 204, but no"},
		"a status that is not":       {says("HTTP/1.1 500 No\r\n\r\nready"), "HTTP 500"},
		"at the end of 64 KiB":       {says(ok + full + "ready"), ""},
		"beyond 64 KiB":              {says(ok + full + "ready"[:4] + "Aready"), "but no"},
		"there, but it has no end":   {repeats(ok+"ready", strings.Repeat("A", 4096), 0), ""},
		"there, but it breaks off":   {says("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nready"), "read body: unexpected EOF"},
		"there, but the rest drips":  {repeats(ok+"ready", "A", 20*time.Millisecond), "no answer within 300ms"},
		"there after a long header":  {says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("A", 60<<10) + "\r\n\r\n" + full + "ready"), ""},
		"gzip has it, the text not":  {says("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08"), "but no"},
		"the body has no such bytes": {repeats(ok, "\x00\xff", 0), "but no"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			demand(t, probeOnce(t, HTTP{URL: "http://" + serveTCP(t, test.talk) + "/", Body: "ready"}), test.want)
		})
	}
}

func TestHTTPOnAUnixSocket(t *testing.T) {
	requests := make(chan string, 1)
	socket := serveUnix(t, func(conn net.Conn) {
		requests <- hears(conn)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	})
	demand(t, probeOnce(t, HTTP{URL: "http://www.example.org:8080/health", Socket: socket}), "")
	if got := <-requests; !strings.HasPrefix(got, "GET /health HTTP/1.1\r\nHost: www.example.org:8080\r\n") {
		t.Errorf("request %q", got)
	}
	demand(t, probeOnce(t, HTTP{URL: "http://x/", Socket: socket + "2"}), socket+"2: no such file or directory")
}

func TestHTTPRefused(t *testing.T) {
	demand(t, probeOnce(t, HTTP{URL: "http://127.0.0.1/"}), "127.0.0.1:80: connection refused")
	demand(t, probeOnce(t, HTTP{URL: "http://[::1]:81/"}), "[::1]:81: connection refused")
	demand(t, probeOnce(t, HTTP{URL: "https://[::1]/"}), "[::1]:443: connection refused")
	demand(t, probeOnce(t, HTTP{URL: "http://%/"}), "make request")
}
