// SPDX-License-Identifier: Apache-2.0

package health

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestHAProxyServers(t *testing.T) {
	tests := map[string]struct {
		servers map[string]int
		want    string // "" for success
	}{
		"enough, with a backup":     {map[string]int{"app": 2}, ""},
		"too few":                   {map[string]int{"app": 3}, `backend "app" has 2 usable servers, want 3`},
		"none":                      {map[string]int{"gone": 1}, `backend "gone" has 0 usable servers, want 1`},
		"one of two is enough":      {map[string]int{"app": 1, "gone": 1}, `backend "gone" has 0`},
		"a frontend only":           {map[string]int{"web": 1}, `HAProxy has no backend "web"`},
		"no such backend":           {map[string]int{"a-p": 1}, `HAProxy has no backend "a-p"`},
		"the first one is the name": {map[string]int{"b": 1, "a": 1}, `HAProxy has no backend "a"`},
	}
	eachSocket(t, func(t *testing.T, _ *haproxyLab, _ *program, socket string) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				r := next(t, run(t, HAProxy{Socket: socket, MinServers: test.servers}, time.Hour, time.Second))
				demand(t, r, test.want)
				if r.Sure {
					t.Errorf("servers that are missing are sure: %+v", r)
				}
			})
		}
	})
}

// statistics answers `show info`, and any other command with these statistics.
func statistics(stat string) func(net.Conn) {
	return func(conn net.Conn) {
		answer := stat
		if hears(conn) == "show info\n" {
			answer = "Name: HAProxy\n\n"
		}
		io.WriteString(conn, answer)
	}
}

func TestHAProxyStatistics(t *testing.T) {
	const header = "# pxname,svname,status,act,bck,\n"
	tests := map[string]struct{ stat, want string }{
		"usual":                  {header + "app,BACKEND,UP,1,1,\n\n", ""},
		"other columns":          {"# pxname,bck,status,act\napp,1,UP,1\n\n", ""},
		"a quoted field":         {header + "app,BACKEND,\"a,\"\"b\",1,1,\n\n", ""},
		"no column act":          {"# pxname,bck,\napp,1,\n\n", "not HAProxy's show stat"},
		"no column pxname":       {"# act,bck,\n1,1,\n\n", "not HAProxy's show stat"},
		"no header":              {"app,BACKEND,UP,1,1,\n\n", "not HAProxy's show stat"},
		"Permission denied":      {"Permission denied\n\n", `not HAProxy's show stat: "Permission denied\n"`},
		"nothing":                {"\n", "not HAProxy's show stat"},
		"short row":              {header + "app,BACKEND\n\n", "wrong number of fields"},
		"a quote that is open":   {header + "\"app,BACKEND,UP,1,1,\n\n", "HAProxy's show stat"},
		"a number that is none":  {header + "app,BACKEND,UP,,1,\n\n", `backend "app" has "" active servers and "1" backups`},
		"a negative number":      {header + "app,BACKEND,UP,1,-1,\n\n", `"1" active servers and "-1" backups`},
		"a number without bound": {header + "app,BACKEND,UP,99999999999999999999,1,\n\n", `has "99999999999999999999" active`},
		"closed within":          {header + "app,BACKEND,UP,1,1,\n", "connection closed before the answer's end"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			socket := serveUnix(t, statistics(test.stat))
			demand(t, probeOnce(t, HAProxy{Socket: socket, MinServers: map[string]int{"app": 2}}), test.want)
		})
	}
}

func TestHAProxyStatisticsWithoutEnd(t *testing.T) {
	rows := "# pxname,act,bck\n" + strings.Repeat("app,1,1\n", maxStatistics/8)
	h := HAProxy{Socket: serveUnix(t, statistics(rows)), MinServers: map[string]int{"app": 2}}
	demand(t, next(t, run(t, h, time.Hour, patience)), "answer of more than 1024 KiB")
}

func FuzzUsableServers(f *testing.F) {
	f.Add([]byte("# pxname,act,bck\napp,1,1\n"))
	f.Add([]byte("# pxname,act,bck\n\"a\"\"\",1,\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		usable, err := usableServers(data)
		for backend, n := range usable {
			if n < 0 || err != nil {
				t.Errorf("%q: %d, %v", backend, n, err)
			}
		}
	})
}
