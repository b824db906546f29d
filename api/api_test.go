// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vipd/daemon"
)

// source answers with what it is, or not at all.
type source struct {
	status daemon.Status
	err    error
}

func (s source) Status(context.Context) (daemon.Status, error) { return s.status, s.err }

func (s source) Maintain(_ context.Context, m daemon.MaintenanceRequest) (string, error) {
	return fmt.Sprintf("%+v", m), s.err
}

func (s source) Resign(_ context.Context, r daemon.Resignation) (string, error) {
	return fmt.Sprintf("%+v", r), s.err
}

// serve starts a server and returns its socket.
func serve(t *testing.T, s Daemon) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run", "vipd.sock")
	server, err := Listen(path, s, reloader{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve() }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-ended); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("the socket is still there")
		}
	})
	return path
}

func TestStatus(t *testing.T) {
	path := serve(t, source{status: daemon.Status{Node: "lb1", Routers: []daemon.RouterStatus{{Name: "web", State: "active"}}}})
	status, text, err := Status(t.Context(), path)
	if err != nil || status.Node != "lb1" || status.Routers[0].State != "active" {
		t.Fatalf("%+v, %v", status, err)
	}
	if !strings.Contains(string(text), `"node": "lb1"`) {
		t.Errorf("JSON: %s", text)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// Nobody there, nobody who answers for the loop, somebody else: each is said.
func TestUnreachable(t *testing.T) {
	stopping := serve(t, source{err: daemon.ErrNotRunning})
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "no such file or directory",
		stopping:                           "the daemon is stopping",
	} {
		_, _, err := Status(t.Context(), path)
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A second daemon must not take the first one's socket away.
func TestSecondDaemon(t *testing.T) {
	path := serve(t, source{})
	_, err := Listen(path, source{}, reloader{}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "another vipd answers on it") {
		t.Errorf("got %v", err)
	}
	if _, _, err := Status(t.Context(), path); err != nil {
		t.Errorf("the first one: %v", err)
	}
}

// What a crash leaves behind is replaced; what is no socket is not.
func TestLeftovers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vipd.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	s, err := Listen(path, source{}, reloader{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("over a dead socket: %v", err)
	}
	s.listener.Close()
	os.Remove(path)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, source{}, reloader{}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("over a file: %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "precious" {
		t.Error("the file is gone")
	}
}

// A daemon that fails to start leaves no socket.
func TestCloseWithoutServe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vipd.sock")
	s, err := Listen(path, source{}, reloader{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if Listens(path) {
		t.Error("somebody listens still")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there")
	}
}

// Connections that say nothing do not keep others away for longer than the
// timeout, and nothing but GET of what is there is answered.
func TestSilentConnections(t *testing.T) {
	path := serve(t, source{})
	for range maxConnections {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	deadline := time.Now().Add(3 * timeout)
	for {
		if _, _, err := Status(t.Context(), path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no answer any more")
		}
	}
}
