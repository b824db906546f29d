// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
)

// HTTP is the check of a service that answers a GET over HTTP/1.1, or HTTPS.
// Redirects are answers like any other and not followed. At most 64 KiB of the
// header and of the body are read; what comes of it in that bound must come whole
// and within the timeout.
type HTTP struct {
	// URL is what to get, with the scheme http or https. Without a Socket the host is
	// an IP address or localhost, and the port is 80 or 443 unless given. Required.
	URL string
	// Socket is the path of a UNIX socket to ask at, whatever the URL's host and port.
	// Empty: they are asked.
	Socket string
	// Status is the statuses that count as success, 100–599. Default: 200–399.
	Status []int
	// Host is the Host header. Default: the URL's host.
	Host string
	// Body is what the first 64 KiB of the body must contain. Empty: anything will do.
	Body string
	// Certificate is what is demanded of the server's, with https. The default of its
	// ServerName is the host in the Host header.
	Certificate
}

func (h HTTP) prober(*Check) Prober { return h }

// Probe gets the URL over a connection of its own.
func (h HTTP) Probe(ctx context.Context) error {
	req, err := h.request()
	if err != nil {
		return err
	}
	network, address := "tcp", hostPort(req.URL)
	if h.Socket != "" {
		network, address = "unix", h.Socket
	}
	get := func(conn net.Conn) error { return h.get(conn, req) }
	return converse(ctx, network, address, func(conn net.Conn) error {
		if req.URL.Scheme == "https" {
			return h.Certificate.converse(ctx, conn, (&url.URL{Host: req.Host}).Hostname(), get)
		}
		return get(conn)
	})
}

func (h HTTP) request() (*http.Request, error) {
	req, err := http.NewRequest(http.MethodGet, h.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if h.Host != "" {
		req.Host = h.Host
	}
	req.Close = true
	req.Header.Set("User-Agent", "vipd")
	return req, nil
}

// get sends req and judges the answer.
func (h HTTP) get(conn net.Conn, req *http.Request) error {
	if err := req.Write(conn); err != nil {
		return fmt.Errorf("send request: %w", plain(err))
	}
	return h.judge(conn, req)
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
	limited.N = maxAnswer
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil && limited.N > 0 {
		return fmt.Errorf("HTTP %d, read body: %w", resp.StatusCode, plain(err))
	}
	if !bytes.Contains(body, []byte(h.Body)) {
		return fmt.Errorf("HTTP %d, but no %q in the body", resp.StatusCode, h.Body)
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

// hostPort returns where a URL is served: at its scheme's port unless it says
// otherwise.
func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
