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
	"syscall"
)

// errNoInfo is an answer that is not HAProxy's to `show info`.
var errNoInfo = errors.New("answer is not HAProxy's show info")

// info returns the answer to `show info`, of a master's worker if the socket is a
// master's.
func (h *haproxy) info(ctx context.Context) ([]byte, error) {
	info, err := h.showInfo(ctx, "")
	if errors.Is(err, errNoInfo) {
		return h.workerInfo(ctx)
	}
	return info, err
}

// showInfo sends `show info` with a prefix, and remembers that if it is the right one.
// It returns the answer; errNoInfo, if it is another one.
func (h *haproxy) showInfo(ctx context.Context, prefix string) ([]byte, error) {
	info, err := h.ask(ctx, prefix+"show info\n", maxAnswer)
	if err != nil {
		return nil, err
	}
	if name := field(info, "Name"); name != "HAProxy" && !strings.HasPrefix(name, "hapee") {
		return nil, fmt.Errorf("%s: %w: %.60q", h.Socket, errNoInfo, info)
	}
	h.prefix = prefix
	return info, nil
}

// ask sends one command and returns the answer, of at most so many bytes. A master
// that lives is asked until it answers.
func (h *haproxy) ask(ctx context.Context, command string, most int64) ([]byte, error) {
	for {
		answer, err := h.askOnce(ctx, command, most)
		if err == nil || !h.lives(h.master.pid) || !pause(ctx) {
			return answer, err
		}
	}
}

// askOnce asks over a connection of its own.
func (h *haproxy) askOnce(ctx context.Context, command string, most int64) (answer []byte, err error) {
	err = converse(ctx, "unix", h.Socket, func(conn net.Conn) error {
		if _, err := io.WriteString(conn, command); err != nil {
			return fmt.Errorf("%s: %w", h.Socket, plain(err))
		}
		paragraph, err := readParagraph(conn, most)
		if err != nil {
			return fmt.Errorf("%s: %w", h.Socket, plain(err))
		}
		answer = paragraph
		return nil
	})
	if errors.Is(err, syscall.EAGAIN) { // it has accepted nothing for long
		err = fmt.Errorf("%w: nobody accepts connections", err)
	}
	return answer, err
}

// readParagraph reads up to the blank line that ends each answer of HAProxy's: a
// stats socket is closed after it, the master's stays open.
func readParagraph(r io.Reader, most int64) ([]byte, error) {
	limited := &io.LimitedReader{R: r, N: most}
	lines := bufio.NewReader(limited)
	var answer []byte
	for {
		line, err := lines.ReadBytes('\n')
		switch {
		case err == io.EOF && limited.N == 0:
			return nil, fmt.Errorf("answer of more than %d KiB", most>>10)
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
