// SPDX-License-Identifier: Apache-2.0

package labtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// namespace is a *lab.Namespace; lab's own tests import this package.
type namespace interface{ Do(func() error) error }

// Conversation is a client's connection with a server that sends back what it gets.
type Conversation struct {
	net.Conn
	reader *bufio.Reader
}

// Converse connects from a namespace, and ends with the test. No wait on the connection is
// longer than Patience in all.
func Converse(t testing.TB, client namespace, d net.Dialer, address string) *Conversation {
	t.Helper()
	var c net.Conn
	d.Timeout = Patience
	Must(t, client.Do(func() (err error) {
		c, err = d.Dial("tcp", address)
		return err
	}))
	t.Cleanup(func() { c.Close() })
	Must(t, c.SetDeadline(time.Now().Add(Patience)))
	return &Conversation{c, bufio.NewReader(c)}
}

// Exchange sends a line, and waits for it to come back.
func (c *Conversation) Exchange(text string) error {
	if _, err := io.WriteString(c, text+"\n"); err != nil {
		return err
	}
	got, err := c.reader.ReadString('\n')
	if err == nil && got != text+"\n" {
		err = fmt.Errorf("got %q", got)
	}
	return err
}

// Ended waits for the server's end of the connection, and tells why it came.
func (c *Conversation) Ended() error {
	b, err := c.reader.ReadByte()
	if err == nil {
		err = fmt.Errorf("not the end, but %q", b)
	}
	return err
}
