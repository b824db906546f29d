// SPDX-License-Identifier: Apache-2.0

package sockets_test

import (
	"fmt"
	"testing"
)

// ends is how many connections are there, with both ends: most systems permit a process
// 20,000 files.
const ends = 9000

func BenchmarkCount(b *testing.B) {
	addresses(b)
	for _, n := range []int{0, 1000, ends} {
		b.Run(fmt.Sprint(2*n), func(b *testing.B) {
			many(b, n)
			for b.Loop() {
				counts(b, 2*n, vip4, clients[vip4])
			}
		})
	}
}

// The others' connections cost less: the kernel leaves them out.
func BenchmarkCountNone(b *testing.B) {
	addresses(b)
	many(b, ends)
	for b.Loop() {
		counts(b, 0, others[vip4])
	}
}

func BenchmarkReset(b *testing.B) {
	addresses(b)
	for b.Loop() {
		b.StopTimer()
		opened := many(b, 1000)
		b.StartTimer()
		resets(b, 1000, vip4)
		b.StopTimer()
		for _, conn := range opened {
			conn.Close()
		}
		b.StartTimer()
	}
}
