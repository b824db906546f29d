// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func notification(port uint32, kind uint16, data string) syscall.NetlinkMessage {
	return syscall.NetlinkMessage{
		Header: syscall.NlMsghdr{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | kind, Pid: port},
		Data:   []byte(data),
	}
}

func TestRead(t *testing.T) {
	const (
		ours   = "\x01\x00\x00\x00" + "\x09\x00\x01\x00vipd\x00\x00\x00\x00"
		others = "\x01\x00\x00\x00" + "\x09\x00\x01\x00vipc\x00\x00\x00\x00"
		bridge = "\x07\x00\x00\x00" + "\x09\x00\x01\x00vipd\x00\x00\x00\x00"
	)
	end := notification(0, unix.NFT_MSG_NEWGEN, "\x00\x00\x00\x00")
	rows := []struct {
		name    string
		spoils  bool
		message syscall.NetlinkMessage
	}{
		{"table of ours deleted", true, notification(7, unix.NFT_MSG_DELTABLE, ours)},
		{"rule of ours added", true, notification(7, unix.NFT_MSG_NEWRULE, ours)},
		{"changed by ourselves", false, notification(1, unix.NFT_MSG_DELTABLE, ours)},
		{"another table", false, notification(7, unix.NFT_MSG_DELTABLE, others)},
		{"our name in another family", false, notification(7, unix.NFT_MSG_DELTABLE, bridge)},
		{"empty", false, notification(7, unix.NFT_MSG_DELTABLE, "")},
		{"no attribute", false, notification(7, unix.NFT_MSG_DELTABLE, ours[:4])},
		{"attribute cut off", false, notification(7, unix.NFT_MSG_DELTABLE, ours[:10])},
		{"attribute of no length", false, notification(7, unix.NFT_MSG_DELTABLE, "\x01\x00\x00\x00\x00\x00\x01\x00")},
		{"name without its end", false, notification(7, unix.NFT_MSG_DELTABLE, "\x01\x00\x00\x00\x08\x00\x01\x00vipd")},
	}
	for _, row := range rows {
		f := &Filter{kernel: &kernel{}, wake: make(chan struct{}, 1)}
		f.kernel.port.Store(1)
		if touched := f.read([]syscall.NetlinkMessage{row.message}, false); touched != row.spoils || f.spoiled != "" {
			t.Errorf("%s: touched is %v, spoiled %q before the end", row.name, touched, f.spoiled)
		}
		if f.read([]syscall.NetlinkMessage{row.message, end, end}, false) || (f.spoiled != "") != row.spoils {
			t.Errorf("%s: spoiled %q", row.name, f.spoiled)
		}
	}
}

func FuzzIsOurs(f *testing.F) {
	f.Add(slices.Repeat([]byte{1}, 12))
	f.Fuzz(func(_ *testing.T, b []byte) { isOurs(notification(0, 0, string(b))) })
}

func TestPlain(t *testing.T) {
	var all []netip.Addr
	for _, text := range []string{"fe80::1%eth0", "192.0.2.2", "::ffff:192.0.2.1", "fe80::1%eth1", "192.0.2.1"} {
		all = append(all, netip.MustParseAddr(text))
	}
	if got := fmt.Sprint(plain(append(all, netip.Addr{}))); got != "[192.0.2.1 192.0.2.2 fe80::1]" {
		t.Error(got)
	}
}

func TestFirstError(t *testing.T) {
	first, second := fmt.Errorf("first: %w", unix.EOPNOTSUPP), errors.New("second")
	err := fmt.Errorf("receive: %w", errors.Join(errors.Join(nil, first), second))
	if got := firstError(err); got != first {
		t.Errorf("%v", got)
	}
	if got := firstError(second); got != second {
		t.Errorf("%v", got)
	}
}
