// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/net/netutil"

	"vipd/daemon"
)

const (
	// timeout bounds each step of a request, on both sides.
	timeout = 5 * time.Second
	// maxConnections bounds what anybody on this host can hold open.
	maxConnections = 32

	statusPath = "/v1/status"
)

// Source answers for the daemon.
type Source interface {
	Status(context.Context) (daemon.Status, error)
}

// Daemon is what the API is for.
type Daemon interface {
	Source
	Controller
}

// Server serves the API on one UNIX socket.
type Server struct {
	listener net.Listener
	http     http.Server
}

// Listen opens the socket. A socket that a crash left behind is replaced; one
// that answers belongs to another vipd, and is an error.
func Listen(path string, d Daemon, r Reloader, log *slog.Logger) (*Server, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("api socket: %w", err)
	}
	if Listens(path) {
		return nil, fmt.Errorf("api socket %s: another vipd answers on it", path)
	}
	if err := removeSocket(path); err != nil {
		return nil, fmt.Errorf("api socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("api socket: %w", err)
	}
	// Everybody on this host may ask; whoever may change something is told apart
	// by the credentials of the peer.
	if err := os.Chmod(path, 0o666); err != nil {
		l.Close()
		return nil, fmt.Errorf("api socket: %w", err)
	}
	s := &Server{listener: netutil.LimitListener(listener{l}, maxConnections)}
	s.http = http.Server{
		Handler: handler(d, r), ConnContext: withUser,
		ReadHeaderTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout, IdleTimeout: timeout,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Listens tells whether a daemon has a socket open, be it that it does not answer: it
// may be stopping, or hang.
func Listens(path string) bool {
	c, err := net.DialTimeout("unix", path, timeout)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// removeSocket removes a socket, and nothing else that may stand at its path.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there, and is not a socket", path)
	}
	return os.Remove(path)
}

// Serve answers until Close.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("api: %w", err)
	}
	return nil
}

// Close ends all connections and removes the socket, also when it was never served.
func (s *Server) Close() error {
	err := s.http.Close()
	if closed := s.listener.Close(); !errors.Is(closed, net.ErrClosed) {
		err = errors.Join(err, closed)
	}
	return err
}

func handler(d Daemon, r Reloader) http.Handler {
	mux := http.NewServeMux()
	handleControl(mux, d)
	handleReload(mux, r)
	mux.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		status, err := d.Status(ctx)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(status) // whoever asked has gone
	})
	return mux
}
