// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"math"
	"time"
)

// never is a time of the world that does not come.
const never = time.Duration(math.MaxInt64)

// clock is a node's CLOCK_BOOTTIME: it drifts, and it stands still while the
// virtual machine is paused.
type clock struct {
	set    time.Duration // the world's time at which it was set
	shown  time.Time     // what it showed then
	ppm    int64         // how much too fast it is
	paused bool
}

// at is what the clock shows at a time of the world.
func (c *clock) at(world time.Duration) time.Time {
	if c.paused {
		return c.shown
	}
	passed := world - c.set
	return c.shown.Add(passed + passed*time.Duration(c.ppm)/1e6)
}

// when is the first time of the world at which the clock shows that time.
func (c *clock) when(shown time.Time) time.Duration {
	if c.paused {
		return never
	}
	local := shown.Sub(c.shown)
	world := c.set + local - local*time.Duration(c.ppm)/time.Duration(1e6+c.ppm)
	for c.at(world).Before(shown) {
		world++
	}
	return world
}

// pause stops the clock, or lets it go on.
func (c *clock) pause(world time.Duration, paused bool) {
	c.shown, c.set = c.at(world), world
	c.paused = paused
}
