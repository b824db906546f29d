// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"vipd/integration/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }

// serve accepts connections and has talk deal with each, until the test's end.
func serve(t *testing.T, network, address string, talk func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go accept(l, talk)
	return l.Addr().String()
}

func accept(l net.Listener, talk func(net.Conn)) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() { defer conn.Close(); talk(conn) }()
	}
}

func serveTCP(t *testing.T, talk func(net.Conn)) string {
	return serve(t, "tcp", "127.0.0.1:0", talk)
}

func serveUnix(t *testing.T, talk func(net.Conn)) string {
	return serve(t, "unix", filepath.Join(t.TempDir(), "s"), talk)
}

// hears reads the beginning of what a client says.
func hears(conn net.Conn) string {
	buf := make([]byte, 4096)
	n, _ := conn.Read(buf)
	return string(buf[:n])
}

// says answers a client and closes.
func says(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		hears(conn)
		io.WriteString(conn, answer)
	}
}

// repeats answers for ever, one part each pace.
func repeats(head, part string, pace time.Duration) func(net.Conn) {
	return func(conn net.Conn) {
		hears(conn)
		_, err := io.WriteString(conn, head)
		for more := []byte(part); err == nil; _, err = conn.Write(more) {
			time.Sleep(pace)
		}
	}
}

// slowly has the first connection wait before it is answered.
func slowly(pause time.Duration, talk func(net.Conn)) func(net.Conn) {
	var first sync.Once
	return func(conn net.Conn) {
		first.Do(func() { time.Sleep(pause) })
		talk(conn)
	}
}

// silent accepts and waits until the client goes.
func silent(conn net.Conn) { io.Copy(io.Discard, conn) }

// probeOnce does one probe as Run does, and demands that it stays within bounds.
func probeOnce(t *testing.T, kind Kind) Result {
	t.Helper()
	const timeout = 300 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := Check{Name: "x", Interval: time.Hour, Timeout: timeout, Kind: kind, Processes: processes{}}
	var res Result
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	c.Run(ctx, func(r Result) { res = r; cancel() })
	if took := time.Since(start); took > timeout+time.Second {
		t.Errorf("took %v with a timeout of %v", took, timeout)
	}
	runtime.ReadMemStats(&after)
	if b := after.TotalAlloc - before.TotalAlloc; b > 16*maxAnswer { // the server's part is in it
		t.Errorf("allocated %d bytes", b)
	}
	if len(res.Detail) > maxDetail || strings.ContainsAny(res.Detail, "\n\x00\x1b") {
		t.Errorf("detail %q", res.Detail)
	}
	return res
}

// demand checks a result: want is part of its detail, "" for success.
func demand(t *testing.T, r Result, want string) {
	t.Helper()
	if r.OK != (want == "") || !strings.Contains(r.Detail, want) {
		t.Errorf("OK %v, detail %q; want detail %q", r.OK, r.Detail, want)
	}
}

// inTurn gives each connection the next answer, and none when there are no more.
func inTurn(answers ...string) func(net.Conn) {
	left := make(chan string, len(answers))
	for _, answer := range answers {
		left <- answer
	}
	return func(conn net.Conn) {
		select {
		case answer := <-left:
			io.WriteString(conn, answer)
		default:
		}
		silent(conn)
	}
}
