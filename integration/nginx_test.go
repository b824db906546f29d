// SPDX-License-Identifier: Apache-2.0

package integration_test

import "testing"

// The nginx of the lab is one process, so that nobody serves any more when it is
// killed. Workers that survive their master are a matter of package health's tests.
func TestNginx(t *testing.T) {
	s := run(t, defaults, nginx)
	killed := event{"nginx killed", s.lb1.web.Kill, s.lb1.web.Restart, failed(s.election), false}
	report(t, measure(t, s, []event{killed}))
}
