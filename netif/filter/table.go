// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/google/nftables"
)

const (
	tableName = "vipd"
	// chunk is how many elements go in one message: an attribute ends at 64 KiB.
	chunk = 1000
)

// named is a table of our name. It is not marked as owned by our socket, which would
// save it from a flush of the ruleset: the kernel then removes it when the process
// dies, while the addresses are still there.
type named struct{ *nftables.Table }

// table is one that is always there.
type table struct {
	named
	silent   *nftables.Set
	silenced []netip.Addr               // what silent contains
	refuse   *[]netip.Addr              // what it refuses; nil: it can't
	own      *map[netip.Addr]netip.Addr // by the address that drains; nil: it can't
	// lay adds chains, rules and other sets.
	lay func(*nftables.Conn) error
}

// inetTable refuses, and silences IPv6.
func inetTable(refuse []netip.Addr) *table {
	t := newTable(nftables.TableFamilyINet, "silent6", nftables.TypeIP6Addr)
	t.refuse = &refuse
	t.lay = func(c *nftables.Conn) error {
		if len(refuse) > 0 {
			if err := t.layInput(c, refuse); err != nil {
				return err
			}
		}
		addChain(c, t.Table, "output", nftables.ChainHookOutput, advertFor(t.silent), tellFrom(t.silent))
		return nil
	}
	return t
}

// arpTable silences IPv4, and speaks for addresses that drain.
func arpTable() *table {
	t := newTable(nftables.TableFamilyARP, "silent4", nftables.TypeIPAddr)
	t.own = new(map[netip.Addr]netip.Addr)
	t.lay = func(c *nftables.Conn) error {
		rules := []rule{arpFrom(t.silent)}
		if own := *t.own; len(own) > 0 {
			more, err := t.layOwn(c, own)
			if err != nil {
				return err
			}
			rules = append(rules, more...)
		}
		addChain(c, t.Table, "output", nftables.ChainHookRef(arpOutput), rules...)
		return nil
	}
	return t
}

// layOwn adds the sets for addresses that drain, and returns their rules.
func (t *table) layOwn(c *nftables.Conn, own map[netip.Addr]netip.Addr) ([]rule, error) {
	draining := &nftables.Set{Table: t.Table, Name: "draining", KeyType: nftables.TypeIPAddr}
	senders := &nftables.Set{Table: t.Table, Name: "own", KeyType: nftables.TypeIPAddr, IsMap: true, DataType: nftables.TypeIPAddr}
	err := errors.Join(addSet(c, draining, slices.Collect(maps.Keys(own))), c.AddSet(senders, nil))
	elements := make([]nftables.SetElement, 0, len(own))
	for ip, instead := range own {
		elements = append(elements, nftables.SetElement{Key: ip.AsSlice(), Val: instead.AsSlice()})
	}
	for some := range slices.Chunk(elements, chunk) {
		err = errors.Join(err, c.SetAddElements(senders, some))
	}
	return []rule{arpReplyFrom(draining), arpInTheNameOf(senders)}, err
}

// layInput adds what drops packets to the addresses.
func (t *table) layInput(c *nftables.Conn, refuse []netip.Addr) error {
	refuse4 := &nftables.Set{Table: t.Table, Name: "refuse4", KeyType: nftables.TypeIPAddr}
	refuse6 := &nftables.Set{Table: t.Table, Name: "refuse6", KeyType: nftables.TypeIP6Addr}
	four, six := split(refuse)
	var rules []rule
	if len(four) > 0 {
		if err := addSet(c, refuse4, four); err != nil {
			return err
		}
		rules = append(rules, toIPv4(refuse4))
	}
	if len(six) > 0 {
		if err := addSet(c, refuse6, six); err != nil {
			return err
		}
		rules = append(rules, neighborDiscovery(), toIPv6(refuse6))
	}
	addChain(c, t.Table, "input", nftables.ChainHookInput, rules...)
	return nil
}

func newTable(family nftables.TableFamily, set string, key nftables.SetDatatype) *table {
	t := &nftables.Table{Name: tableName, Family: family}
	return &table{named: named{t}, silent: &nftables.Set{Table: t, Name: set, KeyType: key}}
}

// String is how nft names the table.
func (t named) String() string { return "table " + familyName(t.Family) + " " + t.Name }

// familyName is how nft calls a family of ours; "" for others.
func familyName(family nftables.TableFamily) string {
	switch family {
	case nftables.TableFamilyINet:
		return "inet"
	case nftables.TableFamilyARP:
		return "arp"
	case nftables.TableFamilyIPv4:
		return "ip"
	case nftables.TableFamilyIPv6:
		return "ip6"
	}
	return ""
}

// make puts the table in the place of what is there under its name.
func (t *table) make(k *kernel, silent []netip.Addr) error {
	err := k.commit(func(c *nftables.Conn) error {
		t.delete(c)
		c.AddTable(t.Table)
		if err := addSet(c, t.silent, silent); err != nil {
			return err
		}
		return t.lay(c)
	})
	if err != nil {
		return fmt.Errorf("make %v: %w", t, err)
	}
	t.silenced = silent
	return nil
}

// adopt takes what the rules depend on, and tells whether it has changed.
func (t *table) adopt(w wanted) (changed bool) {
	if t.refuse != nil && !slices.Equal(*t.refuse, w.refuse) {
		*t.refuse, changed = w.refuse, true
	}
	if t.own != nil && !maps.Equal(*t.own, w.own) {
		*t.own, changed = w.own, true
	}
	return changed
}

// silence changes the set of silenced addresses.
func (t *table) silence(k *kernel, silent []netip.Addr) error {
	err := k.commit(func(c *nftables.Conn) error {
		c.FlushSet(t.silent)
		return addElements(c, t.silent, silent)
	})
	if err != nil {
		return fmt.Errorf("change set %s of %v: %w", t.silent.Name, t, err)
	}
	t.silenced = silent
	return nil
}

// remove removes the table, if it is there.
func (t named) remove(k *kernel) error {
	err := k.commit(func(c *nftables.Conn) error { t.delete(c); return nil })
	if err != nil {
		return fmt.Errorf("remove %v: %w", t, err)
	}
	return nil
}

// delete adds the table first: to delete what is not there would be an error.
func (t named) delete(c *nftables.Conn) {
	c.AddTable(t.Table)
	c.DelTable(t.Table)
}

// of picks the addresses that fit into the table's set of silenced ones.
func (t *table) of(addresses []netip.Addr) []netip.Addr {
	four, six := split(addresses)
	if t.silent.KeyType == nftables.TypeIPAddr {
		return four
	}
	return six
}

// split parts the families.
func split(addresses []netip.Addr) (four, six []netip.Addr) {
	for _, a := range addresses {
		if a.Is4() {
			four = append(four, a)
		} else {
			six = append(six, a)
		}
	}
	return four, six
}

// addSet adds a set that contains the addresses, all of its key's family.
func addSet(c *nftables.Conn, set *nftables.Set, addresses []netip.Addr) error {
	if err := c.AddSet(set, nil); err != nil {
		return err
	}
	return addElements(c, set, addresses)
}

func addElements(c *nftables.Conn, set *nftables.Set, addresses []netip.Addr) error {
	for some := range slices.Chunk(addresses, chunk) {
		elements := make([]nftables.SetElement, len(some))
		for i, a := range some {
			elements[i].Key = a.AsSlice()
		}
		if err := c.SetAddElements(set, elements); err != nil {
			return err
		}
	}
	return nil
}
