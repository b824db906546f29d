// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
)

// advertiser is a host that sends what looks like adverts, by IP, to another.
type advertiser struct {
	*Namespace
	mac net.HardwareAddr
}

func newAdvertiser(t *testing.T, s *Switch, name, network string) (advertiser, *Cable) {
	t.Helper()
	n, cable := plugged(t, s, name, network)
	link, err := n.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	return advertiser{n, link.Attrs().HardwareAddr}, cable
}

// send sends one to an IPv4 address.
func (a advertiser) send(to string) error {
	return a.Do(func() error {
		conn, err := net.Dial(fmt.Sprintf("ip4:%d", protocolVRRP), to)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte{0x31, 51, 254, 1, 0, 100, 0, 0, 192, 0, 2, 100})
		return err
	})
}

// listen opens a socket that receives adverts by IP.
func listen(t *testing.T, n *Namespace) *net.IPConn {
	t.Helper()
	var conn *net.IPConn
	labtest.Must(t, n.Do(func() (err error) {
		conn, err = net.ListenIP(fmt.Sprintf("ip4:%d", protocolVRRP), nil)
		return err
	}))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// heard counts the adverts that arrive of those that a host sends.
func heard(t *testing.T, from advertiser, at *net.IPConn, to string, adverts int) (count int) {
	t.Helper()
	for range adverts {
		labtest.Must(t, from.send(to))
	}
	at.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	for buffer := make([]byte, 100); ; count++ {
		if _, err := at.Read(buffer); err != nil {
			return count
		}
	}
}

func TestLoseAdverts(t *testing.T) {
	s := newSwitch(t)
	lb1, _ := newAdvertiser(t, s, "lb1", "192.0.2.11/24")
	lb2, _ := newAdvertiser(t, s, "lb2", "192.0.2.12/24")
	lb3, _ := newAdvertiser(t, s, "lb3", "192.0.2.13/24")
	conn := listen(t, lb3.Namespace)
	for _, test := range []struct {
		name               string
		loss               Loss
		one, other, others int // of 20 from lb1, at the least and the most, and of 20 from lb2
	}{
		{"all", Loss{}, 0, 0, 0},
		{"of one sender", Loss{From: lb1.mac}, 0, 0, 20},
		{"half of one sender's", Loss{From: lb1.mac, Percent: 50}, 1, 19, 20},
		{"those it sends itself", Loss{Sent: true}, 20, 20, 20},
	} {
		labtest.Must(t, lb3.LoseAdverts(test.loss))
		if got := heard(t, lb1, conn, "192.0.2.13", 20); got < test.one || got > test.other {
			t.Errorf("%s: %d of lb1's arrived, want %d to %d", test.name, got, test.one, test.other)
		}
		if got := heard(t, lb2, conn, "192.0.2.13", 20); got != test.others {
			t.Errorf("%s: %d of lb2's arrived, want %d", test.name, got, test.others)
		}
	}
	if err := lb3.send("192.0.2.11"); !errors.Is(err, unix.EPERM) {
		t.Errorf("an advert that is lost as it is sent: error %v, want EPERM", err)
	}
	labtest.Must(t, lb3.KeepAdverts())
	labtest.Must(t, lb3.KeepAdverts()) // twice is no error
	labtest.Must(t, lb3.send("192.0.2.11"))
	if got := heard(t, lb1, conn, "192.0.2.13", 20); got != 20 {
		t.Errorf("in the end %d arrived, want all", got)
	}
}

// What is cut off loses all frames, and no carrier.
func TestCut(t *testing.T) {
	s := newSwitch(t)
	lb1, cable := newAdvertiser(t, s, "lb1", "192.0.2.11/24")
	lb2, _ := newAdvertiser(t, s, "lb2", "192.0.2.12/24")
	conn1, conn2 := listen(t, lb1.Namespace), listen(t, lb2.Namespace)
	for _, cut := range []bool{false, true, false} {
		labtest.Must(t, cable.Cut(cut))
		want := map[bool]int{false: 3}[cut]
		if got := heard(t, lb1, conn2, "192.0.2.12", 3); got != want {
			t.Errorf("cut %v: %d arrived from it, want %d", cut, got, want)
		}
		if got := heard(t, lb2, conn1, "192.0.2.11", 3); got != want {
			t.Errorf("cut %v: %d arrived at it, want %d", cut, got, want)
		}
		link, err := lb1.Handle().LinkByName("eth0")
		labtest.Must(t, err)
		if link.Attrs().RawFlags&unix.IFF_RUNNING == 0 {
			t.Errorf("cut %v: no carrier", cut)
		}
	}
}
