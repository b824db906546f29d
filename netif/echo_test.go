// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
)

// What we set and renew ourselves is not told to us; what anybody deletes or takes the
// tag of, is, and a dump has everything.
func TestEchoesAreIgnored(t *testing.T) {
	n, err := lab.NewNamespace("echo")
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.Do(func() error { return testEchoes(t) }); err != nil {
		t.Fatal(err)
	}
}

func testEchoes(t *testing.T) error {
	listener, err := subscribe(false)
	if err != nil {
		return err
	}
	defer listener.close()
	if err := listener.boundWait(); err != nil {
		return err
	}
	writer, err := openRTNL()
	if err != nil {
		return err
	}
	defer writer.close()
	for _, text := range []string{"192.0.2.1/32", "2001:db8::1/128"} {
		if err := changeAll(writer, netip.MustParsePrefix(text)); err != nil {
			return err
		}
	}
	var told []string
	note := func(m syscall.NetlinkMessage) {
		if a, ok := parseAddress(m); ok {
			told = append(told, fmt.Sprintf("%v %d %d", a.local, m.Header.Type, a.tag))
		}
	}
	err = listener.dump(unix.RTM_GETADDR, note)
	var want []string
	for _, ip := range []string{"192.0.2.1", "2001:db8::1"} {
		for _, seen := range []string{
			fmt.Sprintf("%d %d", unix.RTM_NEWADDR, handedTag+1), fmt.Sprintf("%d %d", unix.RTM_NEWADDR, addressTag-1),
			fmt.Sprintf("%d %d", unix.RTM_DELADDR, addressTag),
		} {
			want = append(want, ip+" "+seen)
		}
	}
	for _, ip := range []string{"192.0.2.1", "2001:db8::1"} { // the dump
		want = append(want, fmt.Sprintf("%s %d %d", ip, unix.RTM_NEWADDR, addressTag))
	}
	told = slices.DeleteFunc(told, func(s string) bool { return strings.HasPrefix(s, "127.") || strings.HasPrefix(s, "::1 ") })
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	return err
}

// changeAll does all that can be done to an address. What the kernel's work queue has to
// do with a new one comes first: it tells of the address again.
func changeAll(writer *rtnl, prefix netip.Prefix) error {
	const loopback = 1
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer handle.Close()
	k := &keeper{handle: handle}
	for i, c := range []change{
		{verb: add, tag: addressTag, lease: time.Minute}, {verb: refresh, tag: addressTag, lease: time.Minute},
		{verb: refresh, tag: leavingTag}, {verb: refresh, tag: handedTag}, {verb: refresh, tag: handedTag + 1},
		{verb: refresh, tag: addressTag - 1}, {verb: refresh, tag: addressTag}, {verb: remove},
		{verb: add, tag: addressTag},
	} {
		c.link, c.prefix = loopback, prefix
		one := []change{c}
		if writer.apply(one); one[0].err != nil {
			return fmt.Errorf("change %d of %v: %w", i, prefix, one[0].err)
		}
		if c.verb == add && prefix.Addr().Is6() {
			k.await(&c, 10*time.Second, func() bool { return k.isLocalOn(&c) })
		}
	}
	return nil
}

// Attributes that are not whole end the list; nothing is read beyond it.
func TestAttributes(t *testing.T) {
	for name, row := range map[string]struct {
		b    []byte
		want string
	}{
		"none":                        {nil, ""},
		"half a header":               {[]byte{8, 0, 2}, ""},
		"one":                         {[]byte{8, 0, 2, 0, 10, 0, 0, 1}, "2 0a000001 "},
		"shorter than its header":     {[]byte{3, 0, 2, 0, 1, 2, 3, 4}, ""},
		"longer than the message":     {[]byte{9, 0, 2, 0, 10, 0, 0, 1}, ""},
		"padded":                      {[]byte{5, 0, 11, 0, 112, 0, 0, 0, 4, 0, 1, 0}, "11 70 1  "},
		"without its padding, last":   {[]byte{5, 0, 11, 0, 112}, "11 70 "},
		"with flags in its type":      {[]byte{5, 0, 11, 0x80, 112, 0, 0, 0}, "11 70 "},
		"a good one before a bad one": {[]byte{4, 0, 1, 0, 0, 0, 0, 0}, "1  "},
	} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			for kind, value := range attributes(row.b) {
				fmt.Fprintf(&got, "%d %x ", kind, value)
			}
			if got.String() != row.want {
				t.Errorf("%q, want %q", got.String(), row.want)
			}
		})
	}
}
