// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// PassCounters count packets to addresses whose segments are passed on, since that began
// or the table was made again. TCP segments that come in one (GRO) count as one.
type PassCounters struct {
	Passed     uint64 // passed on, ICMP errors among them
	Own        uint64 // of connections of this host
	Limited    uint64 // too many to be passed on
	FromTarget uint64 // never sent back
}

// Counters reads the counters of both families; zero where nothing is passed on. It waits
// for the kernel, and may be called at any time.
func (f *Filter) Counters() (ipv4, ipv6 PassCounters, err error) {
	if !f.passesAny() {
		return ipv4, ipv6, nil
	}
	f.counting.Lock()
	defer f.counting.Unlock()
	ipv4, err = f.counter.counters(nftables.TableFamilyIPv4)
	if err == nil {
		ipv6, err = f.counter.counters(nftables.TableFamilyIPv6)
	}
	return ipv4, ipv6, err
}

// endCounting closes what [Filter.Counters] has opened.
func (f *Filter) endCounting() {
	f.counting.Lock()
	defer f.counting.Unlock()
	f.counter.close()
}

// passesAny tells whether something is wanted to be passed on.
func (f *Filter) passesAny() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.passings)+len(f.inherited) > 0
}

func (k *kernel) counters(family nftables.TableFamily) (c PassCounters, err error) {
	t := named{&nftables.Table{Name: tableName, Family: family}}
	if there, err := k.has(t); err != nil || !there {
		return c, err
	}
	objects, err := k.conn.GetNamedObjects(t.Table)
	if err != nil {
		k.close()
		return c, fmt.Errorf("read the counters of %v: %w", t, err)
	}
	of := map[string]*uint64{
		counterPassed: &c.Passed, counterOwn: &c.Own, counterLimited: &c.Limited, counterTarget: &c.FromTarget,
	}
	for _, object := range objects {
		if named, ok := object.(*nftables.NamedObj); ok {
			if counter, ok := named.Obj.(*expr.Counter); ok && of[named.Name] != nil {
				*of[named.Name] = counter.Packets
			}
		}
	}
	return c, nil
}
