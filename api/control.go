// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/sys/unix"

	"vipd/daemon"
)

const (
	controlPath = "/v1/control/"
	// maxCommand bounds the body of a command, in bytes.
	maxCommand = 4 << 10
	// nobody is the user of a connection whose user the kernel did not tell.
	nobody = -1
)

// Controller is what the daemon does when it is asked to. Each returns when it is done,
// with a sentence for people. What refuses wraps one of daemon's errors.
type Controller interface {
	Maintain(context.Context, daemon.MaintenanceRequest) (string, error)
	Resign(context.Context, daemon.Resignation) (string, error)
}

// handleControl adds POST /v1/control/VERB for each verb. The answer is a line of text.
func handleControl(mux *http.ServeMux, c Controller) {
	mux.HandleFunc("POST "+controlPath+"maintenance", verb(c.Maintain))
	mux.HandleFunc("POST "+controlPath+"resign", verb(c.Resign))
}

// verb serves one command, whose JSON body is of type T.
func verb[T any](do func(context.Context, T) (string, error)) http.HandlerFunc {
	return forRoot(maxCommand, func(ctx context.Context, body []byte) (string, error) {
		request, err := decode[T](body)
		if err != nil {
			return "", err
		}
		return do(ctx, request)
	})
}

// forRoot serves root alone: one request with a body of at most limit bytes.
func forRoot(limit int64, do func(context.Context, []byte) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if user(r.Context()) != 0 {
			http.Error(w, "only root may do that", http.StatusForbidden)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		// The daemon bounds how long it takes: longer than a request for the status.
		if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		text, err := do(r.Context(), body)
		if err != nil {
			http.Error(w, err.Error(), code(err))
			return
		}
		fmt.Fprintln(w, text)
	}
}

// errNoCommand: a body that is not one.
var errNoCommand = errors.New("not a command")

// decode reads one JSON value and nothing else. What it does not know is an error: a
// newer client may mean something by it.
func decode[T any](body []byte) (request T, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return request, fmt.Errorf("%w: %w", errNoCommand, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return request, fmt.Errorf("%w: something follows it", errNoCommand)
	}
	return request, nil
}

// code is the HTTP status of an error.
func code(err error) int {
	switch {
	case errors.Is(err, daemon.ErrUnknownRouter):
		return http.StatusNotFound
	case errors.Is(err, daemon.ErrNotNow), errors.Is(err, daemon.ErrNobodyTookOver):
		return http.StatusConflict
	case errors.Is(err, daemon.ErrInvalid), errors.Is(err, errNoCommand):
		return http.StatusBadRequest
	case errors.Is(err, daemon.ErrNotRunning):
		return http.StatusServiceUnavailable
	case errors.As(err, new(refusal)):
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}

// listener knows the user behind each connection.
type listener struct{ *net.UnixListener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return conn{c, peer{c.RemoteAddr(), credentials(c)}}, nil
}

// conn is a connection whose remote address says who it is: that is what comes through
// whatever wraps it.
type conn struct {
	net.Conn
	peer peer
}

func (c conn) RemoteAddr() net.Addr { return c.peer }

// peer is the other end of a connection.
type peer struct {
	net.Addr
	user int // its effective user when it connected; nobody: not known
}

// credentials asks the kernel who has connected (SO_PEERCRED, unix(7)).
func credentials(c *net.UnixConn) int {
	raw, err := c.SyscallConn()
	if err != nil {
		return nobody
	}
	user := nobody
	err = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			user = int(cred.Uid)
		}
	})
	if err != nil {
		return nobody
	}
	return user
}

// userKey is where a request's context has its user.
type userKey struct{}

// withUser is http.Server's ConnContext.
func withUser(ctx context.Context, c net.Conn) context.Context {
	if p, ok := c.RemoteAddr().(peer); ok {
		return context.WithValue(ctx, userKey{}, p.user)
	}
	return ctx
}

func user(ctx context.Context) int {
	if user, ok := ctx.Value(userKey{}).(int); ok {
		return user
	}
	return nobody
}
