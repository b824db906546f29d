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
	"strings"
	"time"

	"vipd/daemon"
)

const (
	// maxAnswer bounds what is read of an answer: a thousand routers take a tenth.
	maxAnswer = 64 << 20
	// commandTimeout bounds a command that waits for no connections: the daemon is done
	// after the longest advert interval, 40.95 s, and a second.
	commandTimeout = time.Minute
)

// ErrUnreachable: no daemon answers on the socket.
var ErrUnreachable = errors.New("the daemon is not reachable")

// Status asks the daemon on that socket for its status, and returns it also as
// the JSON that came.
func Status(ctx context.Context, socket string) (daemon.Status, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	text, err := ask(ctx, socket, http.MethodGet, statusPath, nil)
	if err != nil {
		return daemon.Status{}, nil, err
	}
	var status daemon.Status
	if err := json.Unmarshal(text, &status); err != nil {
		return daemon.Status{}, nil, fmt.Errorf("%s: not an answer of vipd: %w", socket, err)
	}
	return status, text, nil
}

// Control sends a command of the daemon on that socket, such as [daemon.Resignation] for
// the verb "resign", and waits until it is done: for a minute, if ctx has no deadline. It
// returns what the daemon says. The error wraps ErrUnreachable, or is the daemon's no in its words.
func Control(ctx context.Context, socket, verb string, command any) (string, error) {
	body, err := json.Marshal(command)
	if err != nil {
		return "", err
	}
	return order(ctx, socket, controlPath+verb, body)
}

// order makes one request that only root may make.
func order(ctx context.Context, socket, path string, body []byte) (string, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, commandTimeout)
		defer cancel()
	}
	text, err := ask(ctx, socket, http.MethodPost, path, bytes.NewReader(body))
	return strings.TrimSpace(string(text)), err
}

// ask makes one request.
func ask(ctx context.Context, socket, method, path string, body io.Reader) ([]byte, error) {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://vipd"+path, body)
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, socket, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, socket, err)
	case response.StatusCode == http.StatusOK:
		return text, nil
	case method == http.MethodPost && response.StatusCode != http.StatusServiceUnavailable:
		return nil, errors.New(strings.TrimSpace(string(text)))
	}
	return nil, fmt.Errorf("%w: %s: %s", ErrUnreachable, socket, strings.TrimSpace(string(text)))
}
