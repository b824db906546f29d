// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
)

// HTTP is the check of a service that answers a GET over HTTP/1.1. Redirects
// are answers like any other and not followed. At most 64 KiB of the answer are
// read; what comes of it in that bound must come whole and within the timeout.
type HTTP struct {
	// URL is what to get, with the scheme http; the host is an IP address or
	// localhost. The port is 80 unless given. Required.
	URL string
	// Status is the statuses that count as success, 100–599. Default: 200–399.
	Status []int
	// Host is the Host header. Default: the URL's host.
	Host string
}

func (h HTTP) prober(*Check) Prober { return h }

// Probe gets the URL over a connection of its own.
func (h HTTP) Probe(ctx context.Context) error {
	req, err := h.request()
	if err != nil {
		return err
	}
	return converse(ctx, "tcp", hostPort(req.URL), func(conn net.Conn) error {
		if err := req.Write(conn); err != nil {
			return fmt.Errorf("send request: %w", plain(err))
		}
		return h.judge(conn, req)
	})
}

func (h HTTP) request() (*http.Request, error) {
	req, err := http.NewRequest(http.MethodGet, h.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Host = h.Host
	req.Close = true
	req.Header.Set("User-Agent", "vipd")
	return req, nil
}

// judge reads the answer to req. net/http's client is not used: its header bound
// is coarse, and a connection attempt of it outlives the request.
func (h HTTP) judge(conn io.Reader, req *http.Request) error {
	limited := &io.LimitedReader{R: conn, N: maxAnswer}
	resp, err := finalResponse(bufio.NewReader(limited), req)
	if err != nil && limited.N == 0 {
		return fmt.Errorf("HTTP header of more than %d KiB", maxAnswer>>10)
	}
	if err != nil {
		return fmt.Errorf("read answer: %w", plain(err))
	}
	if !h.accepts(resp.StatusCode) {
		return fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil && limited.N > 0 {
		return fmt.Errorf("HTTP %d, read body: %w", resp.StatusCode, plain(err))
	}
	return nil
}

// finalResponse skips the informational responses that may come first (RFC 9110
// §15.2); 101 is final, as nothing of HTTP follows it. r is bounded, so is the loop.
func finalResponse(r *bufio.Reader, req *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(r, req)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("connection closed before a whole HTTP header came")
		}
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
}

func (h HTTP) accepts(status int) bool {
	if len(h.Status) == 0 {
		return status >= 200 && status <= 399
	}
	return slices.Contains(h.Status, status)
}

// hostPort returns where a URL is served: port 80 unless it says otherwise.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
