// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"vipd/daemon"
)

// maxAnswer bounds what is read of an answer: a thousand routers take a tenth.
const maxAnswer = 64 << 20

// ErrUnreachable: no daemon answers on the socket.
var ErrUnreachable = errors.New("the daemon is not reachable")

// Status asks the daemon on that socket for its status, and returns it also as
// the JSON that came.
func Status(ctx context.Context, socket string) (daemon.Status, []byte, error) {
	text, err := get(ctx, socket, statusPath)
	if err != nil {
		return daemon.Status{}, nil, err
	}
	var status daemon.Status
	if err := json.Unmarshal(text, &status); err != nil {
		return daemon.Status{}, nil, fmt.Errorf("%s: not an answer of vipd: %w", socket, err)
	}
	return status, text, nil
}

func get(ctx context.Context, socket, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://vipd"+path, nil)
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
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: %s: %s", ErrUnreachable, socket, strings.TrimSpace(string(text)))
	}
	return text, nil
}
