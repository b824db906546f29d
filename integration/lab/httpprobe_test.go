// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"net/netip"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

func TestSlowHTTPProbe(t *testing.T) {
	const period = 50 * time.Millisecond
	n := newNamespace(t, "lb1")
	h, err := StartHAProxy(n, t.TempDir())
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, h.Kill()) })
	p, err := StartSlowHTTPProbe(n, netip.MustParseAddrPort(loopback), period)
	labtest.Must(t, err)
	samples, err := p.Wait(labtest.Patient(t), time.Time{}, func(samples []Sample) bool { return len(samples) >= 5 })
	labtest.Must(t, err)
	labtest.Must(t, p.Stop())
	for i, s := range samples {
		if !s.OK || s.Server != "lb1" {
			t.Errorf("sample %d: %+v", i, s)
		}
	}
	if span := samples[4].Start.Sub(samples[0].Start); span < 7*period/2 {
		t.Errorf("5 questions in %v, want one each %v", span, period)
	}
}
