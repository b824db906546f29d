// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"

	"vipd/vrrp"
)

func TestAuthMistakes(t *testing.T) {
	const v2 = "  version: 2\n"
	refused(t, []mistake{
		{"no mapping", router("auth: secret") + v2, "vipd.yaml:6:9: routers[0].auth: want a mapping with the one key `password`"},
		{"wrong key", router("auth: {auth_pass: secret}") + v2, "vipd.yaml:6:9: routers[0].auth: want a mapping with the one key `password`"},
		{"two keys", router("auth: {password: secret, type: PASS}") + v2, "vipd.yaml:6:9: routers[0].auth: want a mapping with the one key `password`"},
		{"empty", router("auth: {password: ''}") + v2, "vipd.yaml:6:9: routers[0].auth: want a `password` of 1–8 bytes"},
		{"none", router("auth: {password: }") + v2, "vipd.yaml:6:9: routers[0].auth: want a `password` of 1–8 bytes"},
		{"9 bytes", router("auth: {password: 123456789}") + v2, "vipd.yaml:6:9: routers[0].auth: want a `password` of 1–8 bytes"},
		{"9 bytes of 8 letters", router("auth: {password: 1234567é}") + v2, "vipd.yaml:6:9: routers[0].auth: want a `password` of 1–8 bytes"},
		{"VRRPv3", router("auth: {password: secret}"), "vipd.yaml:6:9: routers[0].auth: VRRPv3 has no password: want `version: 2` or `version: both`, or no `auth`"},
	})
	if got := first(t, router("auth: {password: 0012}")+v2).Families[0].Auth; got != vrrp.Password("0012") {
		t.Errorf("got %v", got)
	}
}

// However wrong the file is: the password is in no message.
func TestThePasswordIsNeverShown(t *testing.T) {
	const secret = "hunter2"
	for _, auth := range []string{
		"hunter2", "[hunter2]", "{hunter2}", "{hunter2: }", "{hunter2: {hunter2: 1}}", "{password: [hunter2]}",
		"{password: {hunter2: hunter2}}", "{password: hunter2, hunter2: 1}", "{password: hunter2hunter2}",
		"{password: hunter2, password: hunter2}", "{pasword: hunter2}", "{lb1: {password: hunter2}}", "{password: hunter2}",
		"{password: *hunter2}", "*hunter2", "{password: &hunter2 }", "{password: !hunter2 }", "{password: !!int hunter2}",
		"{password: !hunter2!x y}", "{password: %hunter2}", "{password: @hunter2}", "{password: `hunter2}",
		`{password: "hunter2\q"}`, "{password: hunter2", "{password: 'hunter2}", "{password: hunter2]}", "{password: |hunter2}",
		"&a {password: hunter2, b: *a}", "{<<: hunter2}",
	} {
		for _, text := range []string{router("auth: " + auth), router("auth: "+auth) + "  version: 2\n"} {
			f, problems := Parse("vipd.yaml", []byte(text))
			if f == nil && len(problems) == 0 {
				t.Errorf("auth: %s: refused, and no reason", auth)
			}
			if strings.Contains(lines(problems), secret) {
				t.Errorf("auth: %s is shown:\n%s", auth, lines(problems))
			}
		}
	}
}
