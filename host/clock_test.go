// SPDX-License-Identifier: Apache-2.0

package host

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestNowIsTheTimeSinceBoot(t *testing.T) {
	before := Now()
	text, err := os.ReadFile("/proc/uptime") // CLOCK_BOOTTIME, in hundredths
	if err != nil {
		t.Fatal(err)
	}
	uptime, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	kernel := time.Unix(0, 0).Add(time.Duration(uptime * float64(time.Second)))
	after := Now()
	if kernel.Before(before.Add(-10*time.Millisecond)) || kernel.After(after) {
		t.Errorf("uptime %v is not between %v and %v", kernel.UTC(), before, after)
	}
}

func TestNowHasNoMonotonicPart(t *testing.T) {
	now := Now()
	if now != now.Round(0) || now.Location() != time.UTC {
		t.Errorf("got %#v", now)
	}
}

func TestWallTurnsAnInstantIntoTheTimeOfDay(t *testing.T) {
	want := time.Now().Add(-time.Hour)
	got := Wall(Now().Add(-time.Hour))
	if d := got.Sub(want); d < -time.Second || d > time.Second {
		t.Errorf("an hour ago is %v, want %v", got, want)
	}
	if got != got.Round(0) {
		t.Errorf("%v has a monotonic part", got)
	}
}
