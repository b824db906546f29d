// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import "testing"

// FuzzFaults looks for faults after which the nodes do not come to rest.
func FuzzFaults(f *testing.F) {
	f.Add([]byte{})
	for kind := range byte(numFaults) {
		f.Add([]byte{kind, 30, 50, kind, 0, 0, 1, 60, 200, kind, 1, 0, 200})
	}
	f.Add([]byte{8, 20, 0, byte(leavingKilled), 0, 0, 10, 21, 10, byte(freezing), 1, 0, 0, 40, 255, byte(losing), 0, 0, 59})
	f.Fuzz(func(t *testing.T, data []byte) {
		if r := Faults(data); r.Err != nil {
			t.Fatalf("%v\n%s", r.Err, r.Tail)
		}
	})
}
