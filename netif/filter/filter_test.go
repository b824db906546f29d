// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
	"vipd/netif/filter"
)

func TestMain(m *testing.M) { lab.Main(m) }

// patience is how long a test waits for what must happen.
const patience = 5 * time.Second

func addresses(text ...string) []netip.Addr {
	all := make([]netip.Addr, len(text))
	for i := range text {
		all[i] = netip.MustParseAddr(text[i])
	}
	return all
}

// journal is a log to be read while it is written.
type journal struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// running is a filter at work.
type running struct {
	*filter.Filter
	log     *journal
	stop    func() // ends Run and waits for its return
	changes *nl.NetlinkSocket
	states  *states
}

// run opens a filter and runs it until the test ends.
func run(t testing.TB, refuse ...string) *running {
	t.Helper()
	changes := subscribe(t)
	log := &journal{}
	f, err := filter.Open(addresses(refuse...), log.logger())
	labtest.Must(t, err)
	states := &states{more: make(chan struct{}, 1)}
	f.OnPassing(states.add)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx)
	}()
	stop := func() { cancel(); <-ended }
	t.Cleanup(stop)
	return &running{f, log, stop, changes, states}
}

// subscribe hears of each change of nftables.
func subscribe(t testing.TB) *nl.NetlinkSocket {
	t.Helper()
	changes, err := nl.Subscribe(unix.NETLINK_NETFILTER, unix.NFNLGRP_NFTABLES)
	labtest.Must(t, err)
	t.Cleanup(func() { changes.Close() })
	labtest.Must(t, changes.SetReceiveBufferSize(8<<20, true))
	labtest.Must(t, changes.SetReceiveTimeout(&unix.Timeval{Sec: int64(patience / time.Second)}))
	return changes
}

// until waits until listing a table shows what is wanted, looking again after each change.
func (r *running) until(t testing.TB, table, want string) {
	t.Helper()
	for {
		got := list(table)
		if got == want {
			return
		}
		if _, _, err := r.changes.Receive(); err != nil {
			t.Fatalf("nothing changes any more (%v), and the table is\n%s\nwant\n%s\nlog: %s", err, got, want, r.log)
		}
	}
}

// silence calls Silence and waits until the kernel has what it says.
func (r *running) silence(t testing.TB, key string, text ...string) {
	t.Helper()
	r.Silence(key, addresses(text...))
	for _, set := range []string{"inet vipd silent6", "arp vipd silent4"} {
		r.untilSet(t, set, text)
	}
}

// untilSet waits until a set of silenced addresses contains those of text that fit.
func (r *running) untilSet(t testing.TB, set string, text []string) {
	t.Helper()
	var want []string
	for _, a := range text {
		if netip.MustParseAddr(a).Is6() == strings.HasSuffix(set, "6") {
			want = append(want, a)
		}
	}
	for !contains(set, want) {
		if _, _, err := r.changes.Receive(); err != nil {
			t.Fatalf("nothing changes any more (%v), and set %s is not %.3v", err, set, want)
		}
	}
}

// contains tells whether nft shows just these elements.
func contains(set string, want []string) bool {
	got, want := elements(set), slices.Sorted(slices.Values(want))
	slices.Sort(got)
	return slices.Equal(got, want)
}

func elements(set string) []string {
	out, _ := exec.Command("nft", append([]string{"list", "set"}, strings.Fields(set)...)...).Output()
	_, text, _ := strings.Cut(string(out), "elements = {")
	text, _, _ = strings.Cut(text, "}")
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// nft runs a script.
func nft(t testing.TB, script string) {
	t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
}

// list shows a table, or all of them; "" when it is not there.
func list(table string) string {
	args := []string{"list", "ruleset"}
	if table != "" {
		args = append([]string{"list", "table"}, strings.Fields(table)...)
	}
	out, err := exec.Command("nft", args...).Output()
	if err != nil {
		return ""
	}
	return string(out)
}
