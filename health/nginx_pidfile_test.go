// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNginxPIDFile(t *testing.T) {
	procs := processes{7: newProcess("nginx"), 8: newProcess("bash")}
	served := "http://" + serveTCP(t, says("HTTP/1.1 200 OK\r\n\r\n")) + "/"
	down := "http://" + serveTCP(t, says("HTTP/1.1 502 Bad Gateway\r\n\r\n")) + "/"
	tests := map[string]struct {
		file, url, want string
		master          int
	}{
		"alive and serving":        {"7\n", served, "", 7},
		"without a newline":        {"7", served, "", 7},
		"alive, not serving":       {"7\n", down, "HTTP 502", 7},
		"a stale file":             {"9\n", served, "no such process", 0},
		"somebody else's number":   {"8\n", served, `is "bash", not nginx`, 0},
		"empty":                    {"", served, "no process in", 0},
		"no number":                {"\xff\x00\n", served, "no process in", 0},
		"nobody's number":          {"0\n", served, "no process in", 0},
		"a process group's":        {"-7\n", served, "no process in", 0},
		"beyond 32 bits":           {"4294967303\n", served, "no process in", 0},
		"a file too long for that": {strings.Repeat("7", 1<<20), served, "no process in", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "nginx.pid")
			if err := os.WriteFile(file, []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			n := &nginx{Nginx: Nginx{file, HTTP{URL: test.url}}, processes: procs}
			err := n.Probe(t.Context())
			if got := fmt.Sprint(err); (err == nil) != (test.want == "") || !strings.Contains(got, test.want) && err != nil {
				t.Errorf("%v, want %q", err, test.want)
			}
			if n.process() != test.master {
				t.Errorf("found process %d, want %d", n.process(), test.master)
			}
		})
	}
}
