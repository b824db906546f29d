// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

// answered are samples by a server that start at the given milliseconds.
func answered(server string, ms ...int) []Sample {
	var samples []Sample
	for _, ms := range ms {
		samples = append(samples, Sample{Start: at(ms), OK: true, Server: server})
	}
	return samples
}

func unanswered(ms ...int) []Sample {
	var samples []Sample
	for _, ms := range ms {
		samples = append(samples, Sample{Start: at(ms), Duration: time.Second})
	}
	return samples
}

func join(parts ...[]Sample) []Sample {
	var all []Sample
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

func TestOutage(t *testing.T) {
	for name, test := range map[string]struct {
		samples  []Sample
		from, to int
		want     int
	}{
		"no samples":                    {nil, 0, 100, 100},
		"no answers":                    {unanswered(5, 10, 15), 0, 100, 100},
		"all answered":                  {answered("lb1", 0, 5, 10, 15), 0, 15, 5},
		"one unanswered":                {join(answered("lb1", 0, 5), unanswered(10), answered("lb2", 15, 20)), 0, 20, 10},
		"the longest of several":        {join(answered("lb1", 0, 5, 30, 35, 45), unanswered(50), answered("lb1", 55)), 0, 55, 25},
		"the probe itself was late":     {answered("lb1", 0, 40), 0, 40, 40},
		"begins unanswered":             {join(unanswered(0, 5, 10), answered("lb1", 15, 20)), 0, 20, 15},
		"ends unanswered":               {join(answered("lb1", 0, 5), unanswered(10, 15, 20)), 0, 20, 15},
		"outage before the window":      {answered("lb1", 0, 100, 105, 110), 100, 110, 5},
		"outage after the window":       {answered("lb1", 0, 5, 10, 100), 0, 10, 5},
		"outage over the window's edge": {answered("lb1", 0, 100), 50, 100, 50},
		"slow answers are no outage":    {[]Sample{{Start: at(0), OK: true, Duration: time.Second}, {Start: at(5), OK: true}}, 0, 5, 5},
	} {
		want := time.Duration(test.want) * time.Millisecond
		if got := Outage(test.samples, at(test.from), at(test.to)); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestLost(t *testing.T) {
	samples := join(unanswered(0), answered("lb1", 1, 2), unanswered(3, 4), answered("lb2", 5), unanswered(6))
	for name, test := range map[string]struct{ from, to, want int }{
		"all":              {0, 6, 4},
		"the edges count":  {3, 4, 2},
		"none in it":       {1, 2, 0},
		"after everything": {7, 9, 0},
	} {
		if got := Lost(samples, at(test.from), at(test.to)); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestServers(t *testing.T) {
	for name, test := range map[string]struct {
		samples []Sample
		want    []Stretch
	}{
		"nobody": {unanswered(0, 5), nil},
		"one":    {answered("lb1", 0, 5), []Stretch{{"lb1", at(0), at(5), 2}}},
		"an outage that ends at the same server": {
			join(answered("lb1", 0), unanswered(5), answered("lb1", 10)), []Stretch{{"lb1", at(0), at(10), 2}},
		},
		"there and back": {
			join(answered("lb1", 0), unanswered(5), answered("lb2", 10, 15), answered("lb1", 20)),
			[]Stretch{{"lb1", at(0), at(0), 1}, {"lb2", at(10), at(15), 2}, {"lb1", at(20), at(20), 1}},
		},
	} {
		if diff := cmp.Diff(test.want, Servers(test.samples)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
