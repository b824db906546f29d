// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// asking sends a packed question and returns the answer that accept takes.
type asking func(conn net.Conn, packed []byte, accept func([]byte) error) error

// exchange asks over a connection of its own.
func (d DNS) exchange(ctx context.Context, network string, question *dnsmessage.Message, ask asking) (answer dnsmessage.Message, err error) {
	packed, err := question.Pack()
	if err != nil {
		return answer, fmt.Errorf("question for %q: %w", d.Name, err)
	}
	err = converse(ctx, network, d.Server, func(conn net.Conn) error {
		err := ask(conn, packed, func(b []byte) error {
			answer = dnsmessage.Message{}
			return parseAnswer(b, question, &answer)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", d.Server, plain(err))
		}
		return nil
	})
	return answer, err
}

// parseAnswer parses a message that must be the answer to a question.
func parseAnswer(b []byte, question *dnsmessage.Message, answer *dnsmessage.Message) error {
	var p dnsmessage.Parser
	header, err := p.Start(b)
	if err != nil {
		return fmt.Errorf("answer is not DNS: %w", err)
	}
	asked, err := p.Question()
	q := question.Questions[0]
	if header.ID != question.ID || !header.Response || err != nil ||
		asked.Type != q.Type || asked.Class != q.Class || !strings.EqualFold(asked.Name.String(), q.Name.String()) {
		return errOther
	}
	answer.Header = header
	if header.Truncated || header.RCode != dnsmessage.RCodeSuccess {
		return nil
	}
	if err := p.SkipAllQuestions(); err != nil {
		return fmt.Errorf("answer is not DNS: %w", err)
	}
	if answer.Answers, err = p.AllAnswers(); err != nil {
		return fmt.Errorf("answer is not DNS: %w", err)
	}
	return nil
}

// errOther is a message that is not the answer to the question.
var errOther = errors.New("answer is to another question")

// askUDP sends a datagram, and skips those that are not the answer to it.
func askUDP(conn net.Conn, packed []byte, accept func([]byte) error) error {
	if _, err := conn.Write(packed); err != nil {
		return err
	}
	datagram := make([]byte, 4096) // more than the 512 bytes of RFC 1035 §4.2.1
	for {
		n, err := conn.Read(datagram)
		if err != nil {
			return err
		}
		if err := accept(datagram[:n]); !errors.Is(err, errOther) {
			return err
		}
	}
}

// askTCP sends and reads messages with their length in front (RFC 1035 §4.2.2), which
// bounds them to 64 KiB.
func askTCP(conn net.Conn, packed []byte, accept func([]byte) error) error {
	message := binary.BigEndian.AppendUint16(nil, uint16(len(packed)))
	if _, err := conn.Write(append(message, packed...)); err != nil {
		return err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return err
	}
	answer := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	return accept(answer)
}
