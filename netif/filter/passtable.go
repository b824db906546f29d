// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
)

// passTable passes on the segments of one family. It is in the kernel only while
// something is passed on.
type passTable struct {
	named
	header   // of the family's packets
	passed   *nftables.Set
	whom     *nftables.Set // to pass on to, by address
	by       *nftables.Set // by which interface
	targets  *nftables.Set // the hardware addresses of all targets
	there    bool          // perhaps made by a run before us
	laid     bool          // by this run
	counters []*nftables.CounterObj
	rate     uint64 // the most that is passed on, in packets per second
}

// content is what a table passes on.
type content struct {
	now      time.Time
	entries  []entry
	hardware []net.HardwareAddr
}

// entry is one address.
type entry struct {
	address netip.Addr
	passed
}

func (c *content) add(ip netip.Addr, p passed) { c.entries = append(c.entries, entry{ip, p}) }

// targets lists each one once.
func (c *content) targets() (all []target) {
	for _, e := range c.entries {
		if !slices.Contains(all, e.target) {
			all = append(all, e.target)
		}
	}
	return all
}

func newPassTable(family nftables.TableFamily) *passTable {
	t := &passTable{named: named{&nftables.Table{Name: tableName, Family: family}}, header: headerOf(family), rate: passRate}
	set := func(name string, key nftables.SetDatatype) *nftables.Set {
		return &nftables.Set{Table: t.Table, Name: name, KeyType: key, HasTimeout: true}
	}
	t.passed = set("passed", t.address)
	t.whom, t.by = set("to", t.address), set("by", t.address)
	t.whom.IsMap, t.whom.DataType = true, t.address
	t.by.IsMap, t.by.DataType = true, nftables.TypeIFIndex
	t.targets = set("targets", nftables.TypeEtherAddr)
	for _, name := range []string{counterPassed, counterOwn, counterLimited, counterTarget} {
		t.counters = append(t.counters, &nftables.CounterObj{Table: t.Table, Name: name})
	}
	return t
}

func (t *passTable) isIPv4() bool { return t.Family == nftables.TableFamilyIPv4 }

// apply makes the table pass on just that, or removes it.
func (t *passTable) apply(k *kernel, c *content, again bool) error {
	switch {
	case len(c.entries) == 0 && !t.there:
		return nil
	case len(c.entries) == 0:
		err := t.remove(k)
		t.there, t.laid = err != nil, false
		return err
	case t.laid && !again && t.refresh(k, c) == nil:
		return nil
	}
	return t.make(k, c) // also when somebody has just removed it
}

// make puts the table in the place of what is there under its name.
func (t *passTable) make(k *kernel, content *content) error {
	err := k.commit(func(c *nftables.Conn) error {
		t.delete(c)
		c.AddTable(t.Table)
		for _, s := range t.sets() {
			if err := c.AddSet(s, nil); err != nil {
				return err
			}
		}
		for _, counter := range t.counters {
			c.AddObj(counter)
		}
		t.lay(c)
		return t.fill(c, content)
	})
	if err != nil {
		return fmt.Errorf("make %v (it needs the kernel's nftables expressions dup, meta cgroup, socket and tproxy): %w", t, err)
	}
	t.there, t.laid = true, true
	return nil
}

// refresh changes the sets, in one transaction: older kernels can't change a timeout.
func (t *passTable) refresh(k *kernel, content *content) error {
	err := k.commit(func(c *nftables.Conn) error {
		for _, s := range t.sets() {
			c.FlushSet(s)
		}
		return t.fill(c, content)
	})
	if err != nil {
		return fmt.Errorf("refresh %v: %w", t, err)
	}
	return nil
}

func (t *passTable) sets() []*nftables.Set {
	return []*nftables.Set{t.passed, t.whom, t.by, t.targets}
}

// fill adds the elements.
func (t *passTable) fill(c *nftables.Conn, content *content) error {
	var longest time.Duration
	var passed, to, by, targets []nftables.SetElement
	for _, e := range content.entries {
		left := max(e.until.Sub(content.now), time.Millisecond)
		longest = max(longest, left)
		key := nftables.SetElement{Key: e.address.AsSlice(), Timeout: left}
		passed = append(passed, key)
		key.Val = e.target.address.AsSlice()
		to = append(to, key)
		key.Val = binaryutil.NativeEndian.PutUint32(uint32(e.link))
		by = append(by, key)
	}
	for _, hardware := range content.hardware {
		targets = append(targets, nftables.SetElement{Key: hardware, Timeout: longest})
	}
	return errors.Join(addTimed(c, t.passed, passed), addTimed(c, t.whom, to),
		addTimed(c, t.by, by), addTimed(c, t.targets, targets))
}

// addTimed adds elements with timeouts, which take more room than plain ones.
func addTimed(c *nftables.Conn, set *nftables.Set, elements []nftables.SetElement) error {
	for some := range slices.Chunk(elements, chunk/2) {
		if err := c.SetAddElements(set, some); err != nil {
			return err
		}
	}
	return nil
}

// inherit reads what a run before us passes on, and until when.
func (t *passTable) inherit(k *kernel) (map[netip.Addr]passed, error) {
	there, err := k.has(t.named)
	if t.there = there; err != nil || !there {
		return nil, err
	}
	now := time.Now()
	to, errTo := k.conn.GetSetElements(t.whom)
	by, errBy := k.conn.GetSetElements(t.by)
	if err := errors.Join(errTo, errBy); err != nil {
		k.close()
		if errors.Is(err, os.ErrNotExist) { // it is not as this version makes it
			return nil, nil
		}
		return nil, fmt.Errorf("read %v: %w", t, err)
	}
	links := make(map[string]int, len(by))
	for _, e := range by {
		if len(e.Val) == 4 {
			links[string(e.Key)] = int(binaryutil.NativeEndian.Uint32(e.Val))
		}
	}
	all := make(map[netip.Addr]passed, len(to))
	for _, e := range to {
		ip, okIP := netip.AddrFromSlice(e.Key)
		address, okTarget := netip.AddrFromSlice(e.Val)
		if okIP && okTarget && links[string(e.Key)] > 0 {
			all[ip] = passed{target{address, links[string(e.Key)]}, now.Add(min(e.Expires, PassTime))}
		}
	}
	return all, nil
}
