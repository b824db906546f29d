// SPDX-License-Identifier: Apache-2.0

package health

import (
	"testing"
)

func TestNamed(t *testing.T) {
	tests := []struct {
		finder processFinder
		comm   string
		want   bool
	}{
		{&haproxy{}, "haproxy", true},
		{&haproxy{}, "haproxy-2.8", true},
		{&haproxy{}, "hapee-lb", true},
		{&haproxy{}, "nginx", false},
		{&haproxy{}, "", false},
		{&nginx{}, "nginx", true},
		{&nginx{}, "openresty", true},
		{&nginx{}, "angie", true},
		{&nginx{}, "haproxy", false},
		{&nginx{}, "", false},
	}
	for _, test := range tests {
		if got := test.finder.named(test.comm); got != test.want {
			t.Errorf("%T: %q: %v", test.finder, test.comm, got)
		}
	}
}
