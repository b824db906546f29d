// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vipd/host"
)

func TestManagers(t *testing.T) {
	for name, row := range map[string]struct {
		files map[string]string // under run
		want  []string          // in the sentences, in their order
	}{
		"nobody":                         {},
		"networkd manages it":            {map[string]string{"systemd/netif/links/7": "# no comment\nADMIN_STATE=configured\nOPER_STATE=routable\n"}, []string{"`KeepConfiguration=yes`"}},
		"networkd is about to manage it": {map[string]string{"systemd/netif/links/7": "ADMIN_STATE=configuring\n"}, []string{"systemd-networkd manages eth0"}},
		"networkd leaves it alone":       {map[string]string{"systemd/netif/links/7": "ADMIN_STATE=unmanaged\n"}, nil},
		"networkd manages another one":   {map[string]string{"systemd/netif/links/8": "ADMIN_STATE=configured\n"}, nil},
		"NetworkManager manages it":      {map[string]string{"NetworkManager/devices/7": "[device]\nmanaged=true\n"}, []string{"`unmanaged-devices=interface-name:eth0`"}},
		"NetworkManager leaves it alone": {map[string]string{"NetworkManager/devices/7": "[device]\nmanaged=false\n"}, nil},
		"dhcpcd for all":                 {map[string]string{"dhcpcd/pid": "812\n"}, []string{"`denyinterfaces eth0`"}},
		"dhcpcd for it":                  {map[string]string{"dhcpcd-eth0.pid": "812\n"}, []string{"dhcpcd"}},
		"dhcpcd for another one":         {map[string]string{"dhcpcd-eth1.pid": "812\n"}, nil},
		"ifupdown":                       {map[string]string{"network/ifstate.eth0": "eth0\n"}, []string{"ifupdown has configured eth0"}},
		"two of them": {map[string]string{"systemd/netif/links/7": "ADMIN_STATE=configured\n", "network/ifstate.eth0": ""},
			[]string{"systemd-networkd", "ifupdown"}},
		"a file without an end": {map[string]string{"systemd/netif/links/7": strings.Repeat("x", 1<<20) + "\nADMIN_STATE=configured\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for path, text := range row.files {
				write(t, filepath.Join(root, "run", path), text)
			}
			got := host.Managers(root, "eth0", 7)
			if len(got) != len(row.want) {
				t.Fatalf("%q, want %q", got, row.want)
			}
			for i, want := range row.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("%q, want %q in it", got[i], want)
				}
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
