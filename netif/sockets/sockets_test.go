// SPDX-License-Identifier: Apache-2.0

package sockets_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
	"vipd/netif/sockets"
)

func TestMain(m *testing.M) { lab.Main(m) }

var (
	vip4   = netip.MustParseAddr("192.0.2.100")
	vip6   = netip.MustParseAddr("2001:db8::100")
	vips   = []netip.Addr{vip4, vip6}
	others = map[netip.Addr]netip.Addr{ // in one prefix with the VIP and its neighbour
		vip4: netip.MustParseAddr("192.0.2.101"), vip6: netip.MustParseAddr("2001:db8::101")}
	clients = map[netip.Addr]netip.Addr{
		vip4: netip.MustParseAddr("192.0.2.1"), vip6: netip.MustParseAddr("2001:db8::1")}
)

// addresses gives the host all addresses of the tests.
func addresses(t testing.TB) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	labtest.Must(t, err)
	for _, vip := range vips {
		for _, a := range []netip.Addr{vip, others[vip], clients[vip]} {
			address, err := netlink.ParseAddr(netip.PrefixFrom(a, a.BitLen()).String())
			labtest.Must(t, err)
			address.Flags = unix.IFA_F_NODAD
			if err := netlink.AddrAdd(lo, address); !errors.Is(err, unix.EEXIST) {
				labtest.Must(t, err)
			}
			labtest.Await(t, func() error { // IPv6 addresses come with a delay
				_, err := netlink.RouteGet(a.AsSlice())
				return err
			})
		}
	}
}

// pair is a connection: the server's end has the VIP.
type pair struct {
	listener       net.Listener
	client, server *net.TCPConn
}

// listen listens where the network ("tcp4", "tcp6", or "tcp" for both) has addresses.
func listen(t testing.TB, network string, address netip.Addr) net.Listener {
	t.Helper()
	where := netip.AddrPortFrom(address, 0).String()
	if network == "tcp" {
		where = "[::]:0"
	}
	listener, err := net.Listen(network, where)
	labtest.Must(t, err)
	t.Cleanup(func() { listener.Close() })
	return listener
}

// dial connects a client to the address, at the listener's port.
func dial(t testing.TB, listener net.Listener, address netip.Addr) *net.TCPConn {
	t.Helper()
	from, known := clients[address]
	if !known {
		from = clients[vip4]
		if address.Is6() {
			from = clients[vip6]
		}
	}
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: labtest.Patience}
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	conn, err := dialer.Dial("tcp", netip.AddrPortFrom(address, port).String())
	labtest.Must(t, err)
	t.Cleanup(func() { conn.Close() })
	labtest.Must(t, conn.SetDeadline(time.Now().Add(labtest.Patience)))
	return conn.(*net.TCPConn)
}

func connect(t testing.TB, network string, address netip.Addr) pair {
	t.Helper()
	p := pair{listener: listen(t, network, address)}
	p.client = dial(t, p.listener, address)
	server, err := p.listener.Accept()
	labtest.Must(t, err)
	t.Cleanup(func() { server.Close() })
	labtest.Must(t, server.SetDeadline(time.Now().Add(labtest.Patience)))
	p.server = server.(*net.TCPConn)
	return p
}

// counts demands a number of connections, as soon as the kernel has done its part.
func counts(t testing.TB, want int, of ...netip.Addr) {
	t.Helper()
	labtest.Await(t, func() error {
		got, err := sockets.Count(of)
		if err == nil && got != want {
			err = fmt.Errorf("%d connections of %v, want %d", got, of[:min(len(of), 3)], want)
		}
		return err
	})
}

func resets(t testing.TB, want int, of ...netip.Addr) {
	t.Helper()
	got, err := sockets.Reset(of)
	if labtest.Must(t, err); got != want {
		t.Fatalf("%d connections of %v reset, want %d", got, of, want)
	}
}

// ended reads to the end, and demands a reset as the end.
func ended(t testing.TB, conn net.Conn, want error) {
	t.Helper()
	if _, err := io.Copy(io.Discard, conn); !errors.Is(err, want) {
		t.Errorf("the peer reads %v, want %v", err, want)
	}
}

// works demands that a connection is alive.
func (p pair) works(t testing.TB) {
	t.Helper()
	_, err := p.client.Write([]byte("?"))
	labtest.Must(t, err)
	_, err = io.ReadFull(p.server, make([]byte, 1))
	labtest.Must(t, err)
}

// becomes waits until a connection's end is in a state.
func becomes(t testing.TB, end *net.TCPConn, state uint8) {
	t.Helper()
	raw, err := end.SyscallConn()
	labtest.Must(t, err)
	labtest.Await(t, func() (err error) {
		var info *unix.TCPInfo
		labtest.Must(t, raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }))
		if err == nil && info.State != state {
			err = fmt.Errorf("state %d, want %d", info.State, state)
		}
		return err
	})
}

// fill has the server send more than the client takes.
func (p pair) fill(t testing.TB) {
	t.Helper()
	labtest.Must(t, p.client.SetReadBuffer(4096))
	labtest.Must(t, p.server.SetWriteBuffer(1<<20))
	_, err := p.server.Write(make([]byte, 1<<19))
	labtest.Must(t, err)
}

func TestResetInEachState(t *testing.T) {
	addresses(t)
	rows := map[string]struct {
		bring func(t *testing.T, p pair)
		reads error
	}{
		"established": {func(*testing.T, pair) {}, unix.ECONNRESET},
		"close-wait": {func(t *testing.T, p pair) {
			labtest.Must(t, p.client.CloseWrite())
			becomes(t, p.server, unix.BPF_TCP_CLOSE_WAIT)
		}, unix.ECONNRESET},
		"fin-wait-1": {func(t *testing.T, p pair) {
			p.fill(t)
			labtest.Must(t, p.server.CloseWrite())
			becomes(t, p.server, unix.BPF_TCP_FIN_WAIT1)
		}, unix.ECONNRESET},
		"fin-wait-1, closed by its program": {func(t *testing.T, p pair) {
			p.fill(t)
			labtest.Must(t, p.server.Close())
		}, unix.ECONNRESET},
		"fin-wait-2": {func(t *testing.T, p pair) {
			labtest.Must(t, p.server.CloseWrite())
			becomes(t, p.server, unix.BPF_TCP_FIN_WAIT2)
		}, nil}, // the peer has read the end already
	}
	for name, row := range rows {
		for _, vip := range vips {
			for _, network := range []string{map[bool]string{true: "tcp4", false: "tcp6"}[vip.Is4()], "tcp"} {
				t.Run(fmt.Sprint(name, " ", vip, " ", network), func(t *testing.T) {
					p := connect(t, network, vip)
					row.bring(t, p)
					counts(t, 1, vip)
					resets(t, 1, vip)
					counts(t, 0, vip)
					ended(t, p.client, row.reads)
				})
			}
		}
	}
}

// A peer that has read the end learns of the reset when it writes.
func TestResetOfFinWait2(t *testing.T) {
	addresses(t)
	p := connect(t, "tcp4", vip4)
	labtest.Must(t, p.server.CloseWrite())
	becomes(t, p.client, unix.BPF_TCP_CLOSE_WAIT)
	resets(t, 1, vip4)
	if _, err := p.client.Write([]byte("?")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("the peer's write: %v", err)
	}
}

func TestResetBeforeItIsAccepted(t *testing.T) {
	addresses(t)
	listener := listen(t, "tcp4", vip4)
	client := dial(t, listener, vip4)
	counts(t, 1, vip4)
	resets(t, 1, vip4)
	ended(t, client, unix.ECONNRESET)
}

// The kernel knows of a half-open connection, and nobody else does.
func TestHalfOpen(t *testing.T) {
	addresses(t)
	for _, row := range []struct {
		network, where string
		vip            netip.Addr
	}{{"tcp4", "192.0.2.100:0", vip4}, {"tcp6", "[2001:db8::100]:0", vip6}, {"tcp", "[::]:0", vip4}, {"tcp", "[::]:0", vip6}} {
		t.Run(fmt.Sprint(row.network, " ", row.vip), func(t *testing.T) {
			config := net.ListenConfig{Control: deferAccept}
			listener, err := config.Listen(t.Context(), row.network, row.where)
			labtest.Must(t, err)
			defer listener.Close()
			dial(t, listener, row.vip) // it says nothing
			counts(t, 1, row.vip)
			resets(t, 1, row.vip)
			counts(t, 0, row.vip)
		})
	}
}

// deferAccept has a connection half-open until the client says something.
func deferAccept(_, _ string, c syscall.RawConn) (err error) {
	return errors.Join(c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 5)
	}), err)
}

// What lies between two addresses has their prefix, and is not theirs.
func TestOthersStay(t *testing.T) {
	addresses(t)
	for _, vip := range vips {
		t.Run(vip.String(), func(t *testing.T) {
			p, other := connect(t, "tcp", vip), connect(t, "tcp", others[vip])
			counts(t, 1, vip, others[vip].Next())
			resets(t, 1, vip, others[vip].Next())
			other.works(t)
			counts(t, 1, others[vip])
			dial(t, p.listener, vip) // it still listens
		})
	}
}

// The client's end has another local address; as the local one of a client, a VIP counts.
func TestClientOnTheAddress(t *testing.T) {
	addresses(t)
	p := connect(t, "tcp4", vip4)
	counts(t, 1, clients[vip4])
	resets(t, 1, clients[vip4])
	ended(t, p.server, unix.ECONNRESET)
	ended(t, p.client, unix.ECONNABORTED)
}

// Nothing is left to deliver: the kernel alone waits for the peer.
func TestDoneIsNoConnection(t *testing.T) {
	addresses(t)
	for name, end := range map[string]func(p pair) error{
		"time-wait":                     func(p pair) error { return errors.Join(p.server.Close(), p.client.Close()) },
		"fin-wait-2, nobody's any more": func(p pair) error { return p.server.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			p := connect(t, "tcp4", vip4)
			counts(t, 1, vip4)
			labtest.Must(t, end(p))
			counts(t, 0, vip4)
			resets(t, 0, vip4)
		})
	}
}

// What the kernel leaves out costs less.
func TestTheKernelPicksOut(t *testing.T) {
	addresses(t)
	for _, vip := range vips {
		connect(t, "tcp", vip)
		connect(t, "tcp", others[vip])
		answers, err := sockets.Answers(vip)
		if labtest.Must(t, err); answers != 1 {
			t.Errorf("%v: the kernel tells of %d connections, want 1", vip, answers)
		}
	}
}

func TestNoAddresses(t *testing.T) {
	addresses(t)
	p := connect(t, "tcp", vip4)
	counts(t, 0)
	resets(t, 0)
	counts(t, 0, netip.Addr{})
	p.works(t)
}

// One dump does not fit into one message, and each connection that ends moves others.
func TestMany(t *testing.T) {
	addresses(t)
	const n = 1000
	many(t, n)
	thousand := []netip.Addr{vip4, vip6}
	for a := netip.MustParseAddr("198.51.100.0"); len(thousand) < 1000; a = a.Next() {
		thousand = append(thousand, a)
	}
	counts(t, n, thousand...)
	resets(t, n, thousand...)
	counts(t, 0, thousand...)
}

// many opens connections of the IPv4 address, and returns both ends of each.
func many(t testing.TB, n int) (all []net.Conn) {
	t.Helper()
	listener := listen(t, "tcp4", vip4)
	for range n {
		client := dial(t, listener, vip4)
		server, err := listener.Accept()
		labtest.Must(t, err)
		t.Cleanup(func() { server.Close() })
		all = append(all, client, server)
	}
	return all
}

func TestTooLate(t *testing.T) {
	addresses(t)
	p := connect(t, "tcp4", vip4)
	ended, err := sockets.ResetUntil([]netip.Addr{vip4}, time.Now())
	if ended != 0 || err == nil || !strings.HasPrefix(err.Error(), "1 are left") {
		t.Errorf("%d ended, %v", ended, err)
	}
	p.works(t)
}

func TestNotPermitted(t *testing.T) {
	addresses(t)
	p := connect(t, "tcp4", vip4)
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // it ends with the goroutine
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			done <- err
			return
		}
		_, err := sockets.Reset([]netip.Addr{vip4})
		done <- err
	}()
	if err := <-done; !errors.Is(err, os.ErrPermission) {
		t.Errorf("error %v", err)
	}
	p.works(t)
}
