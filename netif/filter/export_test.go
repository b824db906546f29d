// SPDX-License-Identifier: Apache-2.0

package filter

// SetPassRate makes the limit another one, before anything is passed on.
func (f *Filter) SetPassRate(packets uint64) {
	for _, t := range f.passTables {
		t.rate = packets
	}
}
