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
	"strings"
	"time"
)

// HAProxy is the check of an HAProxy: it must answer `show info` on its socket and
// not be stopping. The process that answers is watched.
type HAProxy struct {
	// Socket is the path of a stats socket (`stats socket PATH`, any level) or of
	// the master's (`haproxy -S PATH`; its current worker answers). Required.
	Socket string
}

func (h HAProxy) prober(c *Check) Prober { return &haproxy{HAProxy: h, processes: c.Processes} }

// haproxy is an HAProxy as the last probe found it.
type haproxy struct {
	HAProxy
	processes Processes
	pid       int // who answered; 0: nobody
	master    haproxyMaster
}

func (h *haproxy) process() int { return h.pid }

// named: the name of a package is often more than the program's (haproxy-2.8);
// HAProxy Enterprise's is hapee-lb.
func (h *haproxy) named(comm string) bool {
	return strings.Contains(comm, "haproxy") || strings.HasPrefix(comm, "hapee")
}

// Probe asks for `show info`. A connection that the old process accepted last
// before a reload tells that it is stopping, which is no failure yet: another
// one reaches its successor, if there is one.
func (h *haproxy) Probe(ctx context.Context) error {
	h.pid = 0
	info, err := h.info(ctx)
	if err == nil && stopping(info) {
		info, err = h.info(ctx)
	}
	if err != nil {
		return err
	}
	h.pid = parsePID(field(info, "Pid"))
	if stopping(info) {
		return fmt.Errorf("HAProxy process %d is stopping", h.pid)
	}
	return nil
}

func stopping(info []byte) bool { return field(info, "Stopping") == "1" }

// info returns the answer to `show info`.
func (h *haproxy) info(ctx context.Context) ([]byte, error) {
	for {
		info, err := h.show(ctx, "show info\n")
		if errors.Is(err, errNoInfo) {
			info, err = h.workerInfo(ctx)
		}
		if err == nil || errors.Is(err, errNoInfo) || !h.masterLives() {
			return info, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(masterPause):
		}
	}
}

// errNoInfo is an answer that is not HAProxy's to `show info`.
var errNoInfo = errors.New("answer is not HAProxy's show info")

// show sends a form of `show info` and returns the answer; errNoInfo, if it is
// another one.
func (h *haproxy) show(ctx context.Context, command string) ([]byte, error) {
	info, err := h.ask(ctx, command)
	if err != nil {
		return nil, err
	}
	if name := field(info, "Name"); name != "HAProxy" && !strings.HasPrefix(name, "hapee") {
		return nil, fmt.Errorf("%s: %w: %.60q", h.Socket, errNoInfo, info)
	}
	return info, nil
}

// ask sends one command over a connection of its own and returns the answer.
func (h *haproxy) ask(ctx context.Context, command string) (answer []byte, err error) {
	err = converse(ctx, "unix", h.Socket, func(conn net.Conn) error {
		if _, err := io.WriteString(conn, command); err != nil {
			return fmt.Errorf("%s: %w", h.Socket, plain(err))
		}
		paragraph, err := readParagraph(conn)
		if err != nil {
			return fmt.Errorf("%s: %w", h.Socket, plain(err))
		}
		answer = paragraph
		return nil
	})
	return answer, err
}

// readParagraph reads up to the blank line that ends each answer of HAProxy's: a
// stats socket is closed after it, the master's stays open.
func readParagraph(r io.Reader) ([]byte, error) {
	limited := &io.LimitedReader{R: r, N: maxAnswer}
	lines := bufio.NewReader(limited)
	var answer []byte
	for {
		line, err := lines.ReadBytes('\n')
		switch {
		case err == io.EOF && limited.N == 0:
			return nil, fmt.Errorf("answer of more than %d KiB", maxAnswer>>10)
		case err == io.EOF:
			return nil, errors.New("connection closed before the answer's end")
		case err != nil:
			return nil, err
		case len(line) == 1:
			return answer, nil
		}
		answer = append(answer, line...)
	}
}

// field returns the value of the first line "key: value", "" if there is none.
func field(info []byte, key string) string {
	for line := range bytes.Lines(info) {
		if value, ok := bytes.CutPrefix(line, []byte(key+": ")); ok {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}
