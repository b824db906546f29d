// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if service, err := check(own, "nginx", nil); err != nil || service.title != "nginx" {
		t.Errorf("service %q, %v", service.title, err)
	}
	for name, test := range map[string]struct {
		vipd, service string
		rest          []string
		want          string
	}{
		"no such service": {own, "apache", nil, "haproxy or nginx"},
		"no vipd":         {"/nonexistent/vipd", "haproxy", nil, "needs /nonexistent/vipd"},
		"vipd not a flag": {own, "haproxy", []string{"bin/vipd"}, "bin/vipd"},
		"not a program":   {t.TempDir(), "haproxy", nil, "needs"},
	} {
		if _, err := check(test.vipd, test.service, test.rest); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, test.want)
		}
	}
}
