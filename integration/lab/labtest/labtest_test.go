// SPDX-License-Identifier: Apache-2.0

package labtest_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

func TestMain(m *testing.M) { lab.Main(m) }

// ended is a test that notes how it ended.
type ended struct {
	testing.TB
	why string
}

func (e *ended) Fatal(args ...any) {
	e.why = fmt.Sprint(args...)
	runtime.Goexit()
}

// end runs part of a test, and returns why it ended; "" if it did not.
func end(t *testing.T, part func(testing.TB)) string {
	e := &ended{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		part(e)
	}()
	<-done
	return e.why
}

func TestMust(t *testing.T) {
	if why := end(t, func(t testing.TB) { labtest.Must(t, nil) }); why != "" {
		t.Errorf("without an error: %q", why)
	}
	if why := end(t, func(t testing.TB) { labtest.Must(t, errors.New("no")) }); why != "no" {
		t.Errorf("with one: %q", why)
	}
}

func TestPatientEnds(t *testing.T) {
	ctx := labtest.Patient(t)
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > labtest.Patience {
		t.Errorf("until %v, %v", deadline, ok)
	}
}

func TestAwait(t *testing.T) {
	looks := 0
	labtest.Await(t, func() error {
		if looks++; looks < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	if looks != 3 {
		t.Errorf("%d looks", looks)
	}
}

func TestThroughout(t *testing.T) {
	looks := 0
	why := end(t, func(t testing.TB) {
		labtest.Throughout(t, labtest.Patience, func() error {
			if looks++; looks == 3 {
				return errors.New("not any more")
			}
			return nil
		})
	})
	if why != "not any more" || looks != 3 {
		t.Errorf("%q after %d looks", why, looks)
	}
}

// The server sends back two lines, one of them wrong, and one too many.
func TestConversation(t *testing.T) {
	n, err := lab.NewNamespace("talk")
	labtest.Must(t, err)
	defer n.Close()
	var l net.Listener
	labtest.Must(t, n.Do(func() (err error) {
		l, err = net.Listen("tcp", "127.0.0.1:0")
		return err
	}))
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = io.WriteString(c, "right\nwrong\n!")
			_, _ = io.ReadFull(c, make([]byte, len("right\nright\n")))
			c.Close()
		}
	}()
	c := labtest.Converse(t, n, net.Dialer{}, l.Addr().String())
	if err := c.Exchange("right"); err != nil {
		t.Error(err)
	}
	if err := c.Exchange("right"); err == nil || !strings.Contains(err.Error(), "wrong") {
		t.Errorf("another line: %v", err)
	}
	if err := c.Ended(); err == nil || !strings.Contains(err.Error(), "not the end") {
		t.Errorf("a byte: %v", err)
	}
	if err := c.Ended(); !errors.Is(err, io.EOF) {
		t.Errorf("the end: %v", err)
	}
}
