// SPDX-License-Identifier: Apache-2.0

package sockets

import "net/netip"

// ResetUntil is Reset with another time at which it gives up.
var ResetUntil = reset

// Answers is how many connections the kernel tells of, when it is asked for those of one
// address.
func Answers(address netip.Addr) (answers int, err error) {
	dump, err := open()
	if err != nil {
		return 0, err
	}
	defer dump.close()
	for _, p := range passes([]netip.Addr{address}) {
		if err := dump.execute(p.request(), func([]byte) bool { answers++; return true }); err != nil {
			return 0, err
		}
	}
	return answers, nil
}
