// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxStateFile bounds what is read of another program's state file, in bytes.
const maxStateFile = 64 << 10

// Managers lists the programs that manage the addresses of an interface, as far as their
// files under root ("/", but in tests) tell: for each a sentence with its name and the
// setting that makes it leave addresses of others alone. None is found of what leaves no
// files, such as a script. It reads files: it may wait for a disk.
func Managers(root, ifname string, index int) (all []string) {
	run := func(elements ...string) string { return filepath.Join(append([]string{root, "run"}, elements...)...) }
	// `static` is not enough: networkd takes an address with a lifetime for a dynamic one.
	if state := setting(run("systemd", "netif", "links", fmt.Sprint(index)), "ADMIN_STATE"); state != "" && state != "unmanaged" {
		all = append(all, "systemd-networkd manages "+ifname+": set `KeepConfiguration=yes` in the [Network] section of its .network file")
	}
	if setting(run("NetworkManager", "devices", fmt.Sprint(index)), "managed") == "true" {
		all = append(all, "NetworkManager manages "+ifname+": add `unmanaged-devices=interface-name:"+ifname+
			"` to the [keyfile] section of NetworkManager.conf, or `nmcli device set "+ifname+" managed no` until it restarts")
	}
	if exists(run("dhcpcd", "pid")) || exists(run("dhcpcd.pid")) || exists(run("dhcpcd", ifname+".pid")) || exists(run("dhcpcd-"+ifname+".pid")) {
		all = append(all, "dhcpcd runs: add `denyinterfaces "+ifname+"` to dhcpcd.conf")
	}
	if exists(run("network", "ifstate."+ifname)) {
		all = append(all, "ifupdown has configured "+ifname+": look for what calls ifdown or `ip addr flush`")
	}
	return all
}

// setting is the value of a key in a file of KEY=value lines; "" if there is none.
func setting(path, key string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, maxStateFile))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), key+"="); ok {
			return value
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
