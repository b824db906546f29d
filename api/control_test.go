// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"vipd/daemon"
)

// by is a request of a user.
func by(user int, method, path, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	return r.WithContext(context.WithValue(r.Context(), userKey{}, user))
}

// recorder is an answer that a deadline can be set for.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetWriteDeadline(time.Time) error { return nil }

func answerTo(s source, r *http.Request) (int, string) {
	w := recorder{httptest.NewRecorder()}
	handler(s, reloader{s.err}).ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestControl(t *testing.T) {
	long := `{"reason": "` + strings.Repeat("x", maxCommand) + `"}`
	for name, tt := range map[string]struct {
		request *http.Request
		err     error // the daemon's
		code    int
		text    string // a part of it
	}{
		"maintenance":           {by(0, "POST", "/v1/control/maintenance", `{"on": true, "reason": "disk"}`), nil, 200, "{On:true Reason:disk Drain:false}\n"},
		"resign":                {by(0, "POST", "/v1/control/resign", `{"router": "web"}`), nil, 200, "{Router:web Undo:false Drain:false}\n"},
		"resign undone":         {by(0, "POST", "/v1/control/resign", `{"router": "web", "undo": true}`), nil, 200, "{Router:web Undo:true Drain:false}\n"},
		"reload":                {by(0, "POST", "/v1/control/reload", ""), nil, 200, "nothing changes\n"},
		"reload with a body":    {by(0, "POST", "/v1/control/reload", "{}"), nil, 400, "too large"},
		"not root":              {by(1000, "POST", "/v1/control/resign", `{"router": "web"}`), nil, 403, "only root"},
		"nobody knows who":      {httptest.NewRequest("POST", "/v1/control/resign", strings.NewReader(`{"router": "web"}`)), nil, 403, "only root"},
		"unknown verb":          {by(0, "POST", "/v1/control/dance", `{}`), nil, 404, "not found"},
		"asked for":             {by(0, "GET", "/v1/control/resign", `{}`), nil, 405, ""},
		"no body":               {by(0, "POST", "/v1/control/resign", ""), nil, 400, "not a command"},
		"not JSON":              {by(0, "POST", "/v1/control/resign", "router=web"), nil, 400, "not a command"},
		"of another type":       {by(0, "POST", "/v1/control/resign", `{"router": 51}`), nil, 400, "router"},
		"a typo":                {by(0, "POST", "/v1/control/resign", `{"ruoter": "web"}`), nil, 400, "ruoter"},
		"two commands":          {by(0, "POST", "/v1/control/resign", `{"router": "web"}{"router": "web"}`), nil, 400, "follows"},
		"too long":              {by(0, "POST", "/v1/control/maintenance", long), nil, 400, "too large"},
		"unknown router":        {by(0, "POST", "/v1/control/resign", `{}`), fmt.Errorf("%w: web", daemon.ErrUnknownRouter), 404, "web"},
		"not now":               {by(0, "POST", "/v1/control/resign", `{}`), daemon.ErrNotNow, 409, "not possible now"},
		"nobody took over":      {by(0, "POST", "/v1/control/resign", `{}`), daemon.ErrNobodyTookOver, 409, "nobody took over"},
		"a reason that is none": {by(0, "POST", "/v1/control/maintenance", `{}`), daemon.ErrInvalid, 400, "not valid"},
		"stopping":              {by(0, "POST", "/v1/control/resign", `{}`), daemon.ErrNotRunning, 503, "stopping"},
		"a full disk":           {by(0, "POST", "/v1/control/maintenance", `{}`), errors.New("no space"), 500, "no space"},
	} {
		code, text := answerTo(source{err: tt.err}, tt.request)
		if code != tt.code || !strings.Contains(text, tt.text) {
			t.Errorf("%s: %d %q, want %d %q", name, code, text, tt.code, tt.text)
		}
	}
}

// The kernel says who it is, whatever is between the socket and the handler.
func TestPeerCredentials(t *testing.T) {
	text, err := Control(t.Context(), serve(t, source{}), "resign", daemon.Resignation{Router: "web"})
	switch root := os.Geteuid() == 0; {
	case root && (err != nil || text != "{Router:web Undo:false Drain:false}"):
		t.Errorf("root: %q, %v", text, err)
	case !root && (err == nil || err.Error() != "only root may do that"):
		t.Errorf("not root: %q, %v", text, err)
	}
}

// Root's socket, and somebody else who has connected to it.
func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("nobody else to be: TestPeerCredentials was about us")
		return
	}
	path := serve(t, source{})
	open(t, path)
	answer := make(chan string, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its other user
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), 65534, ^uintptr(0)); errno != 0 {
			answer <- errno.Error()
			return
		}
		answer <- post(path)
	}()
	if got := <-answer; !strings.HasPrefix(got, "HTTP/1.1 403") {
		t.Errorf("another user: %s", got)
	}
}

// open lets other users come to the socket: a test's folder is root's alone.
func open(t *testing.T, path string) {
	t.Helper()
	for dir := filepath.Dir(path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// post asks on the thread that it is called on.
func post(path string) string {
	c, err := net.Dial("unix", path)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err.Error()
	}
	_, err = io.WriteString(c, "POST /v1/control/resign HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
	if err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(c)
	if err != nil {
		return err.Error()
	}
	return strings.Replace(string(text), "HTTP/1.0", "HTTP/1.1", 1)
}

// slow takes longer than any other request may.
type slow struct{ source }

func (s slow) Resign(ctx context.Context, r daemon.Resignation) (string, error) {
	select {
	case <-time.After(10 * timeout):
		return "at last", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// A command lasts as long as it lasts; whoever asked can wait for it.
func TestSlowCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		s := http.Server{
			Handler: handler(slow{}, reloader{}), ReadTimeout: timeout, WriteTimeout: timeout,
			ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
				return context.WithValue(ctx, userKey{}, 0)
			},
		}
		l := &once{conns: make(chan net.Conn, 1)}
		l.conns <- server
		go s.Serve(l)
		go io.WriteString(client, "POST /v1/control/resign HTTP/1.1\r\nHost: vipd\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
		text, err := io.ReadAll(client)
		if err != nil || !strings.Contains(string(text), "at last") {
			t.Errorf("%s, %v", text, err)
		}
		s.Close()
		synctest.Wait()
	})
}

// once is a listener with one connection.
type once struct{ conns chan net.Conn }

func (o *once) Accept() (net.Conn, error) {
	if c, ok := <-o.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (o *once) Close() error {
	close(o.conns)
	return nil
}

func (*once) Addr() net.Addr { return &net.UnixAddr{} }

func TestControlWithoutADaemon(t *testing.T) {
	stopping := serve(t, source{err: daemon.ErrNotRunning})
	paths := []string{filepath.Join(t.TempDir(), "none")}
	if os.Geteuid() == 0 { // anybody else is refused before
		paths = append(paths, stopping)
	}
	for _, path := range paths {
		if _, err := Control(t.Context(), path, "resign", daemon.Resignation{}); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
