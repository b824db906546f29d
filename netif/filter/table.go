// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
)

const (
	tableName = "vipd"
	// chunk is how many elements go in one message: an attribute ends at 64 KiB.
	chunk = 1000
)

// table is one of our tables. It is not marked as owned by our socket, which would
// save it from a flush of the ruleset: the kernel then removes it when the process
// dies, while the addresses are still there.
type table struct {
	*nftables.Table
	silent   *nftables.Set
	silenced []netip.Addr  // what silent contains
	refuse   *[]netip.Addr // what it refuses; nil: it can't
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
		addChain(c, t.Table, "output", nftables.ChainHookOutput, advertFor(t.silent), solicitFrom(t.silent))
		return nil
	}
	return t
}

// arpTable silences IPv4.
func arpTable() *table {
	t := newTable(nftables.TableFamilyARP, "silent4", nftables.TypeIPAddr)
	t.lay = func(c *nftables.Conn) error {
		addChain(c, t.Table, "output", nftables.ChainHookRef(arpOutput), arpFrom(t.silent))
		return nil
	}
	return t
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
	return &table{Table: t, silent: &nftables.Set{Table: t, Name: set, KeyType: key}}
}

// String is how nft names the table.
func (t *table) String() string {
	if t.Family == nftables.TableFamilyARP {
		return "table arp " + t.Name
	}
	return "table inet " + t.Name
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
func (t *table) remove(k *kernel) error {
	err := k.commit(func(c *nftables.Conn) error { t.delete(c); return nil })
	if err != nil {
		return fmt.Errorf("remove %v: %w", t, err)
	}
	return nil
}

// delete adds the table first: to delete what is not there would be an error.
func (t *table) delete(c *nftables.Conn) {
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
