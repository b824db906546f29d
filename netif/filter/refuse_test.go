// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"net/netip"
	"strings"
	"testing"

	"vipd/netif/filter"
)

// What is refused changes, and what is silent stays so.
func TestRefuse(t *testing.T) {
	r := run(t)
	rows := []struct {
		refuse []string
		inet   string
	}{
		{[]string{"192.0.2.100"}, inet4},
		{[]string{"2001:db8::100", "192.0.2.100"}, inetBoth},
		{[]string{"2001:db8::100"}, inet6},
		{nil, emptyInet},
	}
	for _, row := range rows {
		r.Refuse(addresses(row.refuse...))
		r.untilShown(t, row.inet)
	}
	r.silence(t, "web", "2001:db8::100", "192.0.2.100")
	r.Refuse(addresses("192.0.2.100"))
	r.untilSet(t, "inet vipd silent6", []string{"2001:db8::100"})
	if strings.Contains(r.log.String(), "again") {
		t.Errorf("our own change is taken for another's: %s", r.log)
	}
}

// untilShown waits until the table is like that, looking again after each change.
func (r *running) untilShown(t *testing.T, want string) {
	t.Helper()
	for shown("inet vipd") != want {
		if _, _, err := r.changes.Receive(); err != nil {
			t.Fatalf("nothing changes any more (%v), and the table is\n%s\nwant\n%s", err, shown("inet vipd"), want)
		}
	}
}

func TestRefuseWithoutNftables(t *testing.T) {
	var j journal
	withoutNetAdmin(t, func() {
		f, err := filter.Open(nil, j.logger())
		if err != nil {
			t.Error(err)
			return
		}
		f.Refuse(nil)
		if strings.Contains(j.String(), "refused") {
			t.Errorf("nothing is to be refused: %s", j.String())
		}
		f.Refuse([]netip.Addr{netip.MustParseAddr("192.0.2.100")})
		if !strings.Contains(j.String(), "packets can't be refused without nftables") {
			t.Errorf("log: %s", j.String())
		}
		runWithoutTables(t, f)
	})
}
