// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// edge is a firewall: two routers that are of no use without one another.
const edge = `routers:
- name: web
  interface: eth0
  vrid: 51
  addresses: [192.0.2.100/24]
- name: other
  interface: eth0
  vrid: 53
  addresses: [192.0.2.200/24]
- name: inside
  interface: eth1
  vrid: 52
  addresses: [198.51.100.1/24]
- {name: dmz, interface: eth2, vrid: 54, addresses: [203.0.113.1/24]}
groups:
- {name: edge, routers: [inside, web]}
checks:
- {name: c, tcp: {address: '127.0.0.1:80'}}
- {name: d, tcp: {address: '127.0.0.1:81'}}
`

// in replaces a text of edge, which must be there.
func in(old, new string) string {
	if !strings.Contains(edge, old) {
		panic(fmt.Sprintf("no %q", old))
	}
	return strings.Replace(edge, old, new, 1)
}

func TestGroups(t *testing.T) {
	c := configOf(t, in("[inside, web]", "[inside, web], checks: [c, d]"))
	if got := namesOf(c.Groups()); got != "web,inside other dmz" {
		t.Errorf("groups %s: want them in the order of the file's routers", got)
	}
	for i, want := range [][]string{{"c", "d"}, nil, {"c", "d"}, nil} {
		if got := c.Routers[i].Checks; !slices.Equal(got, want) {
			t.Errorf("checks of %s: %v, want %v", c.Routers[i].Name, got, want)
		}
	}
}

func TestMistakesInGroups(t *testing.T) {
	const group = "{name: edge, routers: [inside, web]}"
	with := func(old, new string) string {
		return strings.Replace(in("vrid: 53", "vrid: 53\n  checks: [c, d]"), old, new, 1)
	}
	refused(t, []mistake{
		{"unknown router", with("[inside, web]", "[inside, wbe, web]"), `vipd.yaml:17:34: groups[0].routers[1]: unknown router "wbe": there are web, other, inside, dmz`},
		{"router in two groups", with(group, group+"\n- {name: two, routers: [other, web]}"), `vipd.yaml:18:32: groups[1].routers[1]: router "web" is in group "edge" already: want it in one, once`},
		{"router twice in a group", with("[inside, web]", "[inside, web, web]"), `vipd.yaml:17:39: groups[0].routers[2]: router "web" is in group "edge" already: want it in one, once`},
		{"group of one", with("[inside, web]", "[web]"), "vipd.yaml:17:25: groups[0].routers: a group of 1: want 2–100 routers"},
		{"group of none", with("[inside, web]", "[]"), "vipd.yaml:17:25: groups[0].routers: a group of 0: want 2–100 routers"},
		{"routers that are no list", with("[inside, web]", "web"), `vipd.yaml:17:25: groups[0].routers: "web": want a list`},
		{"group without routers", with(", routers: [inside, web]", ""), "vipd.yaml:17:3: groups[0]: `routers` is missing"},
		{"group without a name", with("name: edge, ", ""), "vipd.yaml:17:3: groups[0]: `name` is missing"},
		{"name twice", with(group, group+"\n- {name: edge, routers: [other, dmz]}"), `vipd.yaml:18:10: groups[1].name: "edge" is the name of a group already`},
		{"wrong key", with("name: edge", "name: edge, member: [web]"), `vipd.yaml:17:16: groups[0]: unknown key "member": legal are name, routers, checks`},
		{"unknown check", with("[inside, web]", "[inside, web], checks: [x]"), `vipd.yaml:17:49: groups[0].checks[0]: unknown check "x": defined are c, d`},
		{"check that a router has already", with("[inside, web]", "[other, web], checks: [c]"), `vipd.yaml:17:48: groups[0].checks[0]: router "other" has check "c" already: want it there or here`},
		{"check twice", with("[inside, web]", "[inside, web], checks: [c, c]"), `vipd.yaml:17:52: groups[0].checks[1]: check "c" is there twice`},
		{"another interval", with("vrid: 52", "vrid: 52\n  advert_interval: 2s"), `vipd.yaml:14:20: routers[2].advert_interval: 2s, and 1s in router "web": want the same in all routers of group "edge", which move together`},
		{"another preempt", with("vrid: 51", "vrid: 51\n  preempt: false"), `vipd.yaml:12:3: routers[2]: true, and false in router "web": want the same in all routers of group "edge", which move together`},
		{"another preempt_delay", with("vrid: 52", "vrid: 52\n  preempt_delay: 2s"), `vipd.yaml:14:18: routers[2].preempt_delay: 2s, and 0s in router "web": want the same in all routers of group "edge", which move together`},
		{"another start_delay", with("vrid: 52", "vrid: 52\n  start_delay: 2s"), `vipd.yaml:14:16: routers[2].start_delay: 2s, and 0s in router "web": want the same in all routers of group "edge", which move together`},
		{"another handover", with("vrid: 52", "vrid: 52\n  handover: rfc"), `vipd.yaml:14:13: routers[2].handover: rfc, and fast in router "web": want the same in all routers of group "edge", which move together`},
	})
}

// The lowest priority of each node decides, and may prefer another one than a router's
// own does.
func TestPrioritiesInGroups(t *testing.T) {
	both := func(web, inside string) string {
		return strings.Replace(in("vrid: 51", "vrid: 51\n  priority: "+web), "vrid: 52", "vrid: 52\n  priority: "+inside, 1)
	}
	for _, tt := range []struct{ name, web, inside, want string }{
		{"the same", "{lb1: 254, lb2: 253}", "{lb1: 254, lb2: 253}", ""},
		{"others, in the same order", "{lb1: 254, lb2: 253}", "{lb1: 100, lb2: 90}", ""},
		{"crossed", "{lb1: 254, lb2: 200}", "{lb1: 100, lb2: 250}",
			`vipd.yaml:5:13: warning: routers[0].priority: lb1 has 254 and lb2 has 200, but group "edge" goes by the lowest of each node: 100 and 200`},
		{"undecided", "{lb1: 254, lb2: 100}", "{lb1: 100, lb2: 254}",
			`vipd.yaml:5:13: warning: routers[0].priority: lb1 has 254 and lb2 has 100, but group "edge" goes by the lowest of each node: 100 and 100
vipd.yaml:14:13: warning: routers[2].priority: lb1 has 100 and lb2 has 254, but group "edge" goes by the lowest of each node: 100 and 100`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := Parse("vipd.yaml", []byte(both(tt.web, tt.inside)))
			var got []string
			for _, p := range problems {
				if strings.Contains(p.Text, "group") {
					got = append(got, p.String())
				}
			}
			if got := strings.Join(got, "\n"); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

// A penalty takes off one router's priority, and the lowest of each node decides.
func TestPenaltiesInGroups(t *testing.T) {
	two := func(check string, web, inside [2]int) string {
		return fmt.Sprintf(`routers:
- {name: web, interface: eth0, vrid: 51, addresses: [192.0.2.100/24], priority: {lb1: %d, lb2: %d}, checks: [c]}
- {name: inside, interface: eth1, vrid: 52, addresses: [198.51.100.1/24], priority: {lb1: %d, lb2: %d}}
groups:
- {name: edge, routers: [inside, web]}
checks:
- {name: c, tcp: {address: '127.0.0.1:80'}, penalty: %s}
`, web[0], web[1], inside[0], inside[1], check)
	}
	for name, row := range map[string]struct{ text, want string }{
		"enough alone, and in the group":                {two("60", [2]int{200, 150}, [2]int{200, 150}), ""},
		"enough alone, too little together":             {two("60", [2]int{200, 150}, [2]int{180, 130}), "vipd.yaml:7:54: warning: checks[0].penalty: 60 can't move router \"web\": lb1 would still have 140, and lb2 has 130\n"},
		"of a router whose priority is not the group's": {two("60", [2]int{200, 100}, [2]int{100, 90}), "vipd.yaml:7:54: warning: checks[0].penalty: 60 can't move router \"web\": lb1 would still have 100, and lb2 has 90\n"},
	} {
		_, problems := Parse("vipd.yaml", []byte(row.text))
		if got := lines(problems); got != row.want {
			t.Errorf("%s:\n%swant:\n%s", name, got, row.want)
		}
	}
}

func TestDiffOfGroups(t *testing.T) {
	const group = "groups:\n- {name: edge, routers: [inside, web]}\n"
	const none = "none becomes edge (web, inside): restart of the router"
	const web = "- name: web\n  interface: eth0\n  vrid: 51\n  addresses: [192.0.2.100/24]\n"
	tests := map[string]struct {
		old, new       string
		steps          []string
		kept           string
		removed, added string
	}{
		"nothing":                    {edge, edge, nil, "web,inside other dmz", "", ""},
		"order in the group":         {edge, in("[inside, web]", "[web, inside]"), nil, "web,inside other dmz", "", ""},
		"order of the routers":       {edge, strings.Replace(in(web, ""), "groups:", web+"groups:", 1), []string{"inside: group edge (web, inside) becomes edge (inside, web): restart of the router", "web: group edge (web, inside) becomes edge (inside, web): restart of the router"}, "other dmz", "web,inside", "inside,web"},
		"name":                       {edge, in("name: edge", "name: wall"), []string{"vipd: group edge becomes wall: nothing"}, "web,inside other dmz", "", ""},
		"a router's name":            {edge, strings.ReplaceAll(strings.ReplaceAll(edge, "web]", "www]"), "name: web", "name: www"), []string{"www: name web becomes www: nothing"}, "www,inside other dmz", "", ""},
		"a value of one":             {edge, in("vrid: 52", "vrid: 52\n  priority: 9"), []string{"inside: priority 254 becomes 9: election"}, "web,inside other dmz", "", ""},
		"a check":                    {edge, in("[inside, web]", "[inside, web], checks: [c]"), []string{"web: check c is added: election", "inside: check c is added: election"}, "web,inside other dmz", "", ""},
		"founded":                    {in(group, ""), edge, []string{"web: group " + none, "inside: group " + none}, "other dmz", "web inside", "web,inside"},
		"dissolved":                  {edge, in(group, ""), []string{"web: group edge (web, inside) becomes none: restart of the router", "inside: group edge (web, inside) becomes none: restart of the router"}, "other dmz", "web,inside", "web inside"},
		"a member more":              {edge, in("web]", "web, dmz]"), []string{"web: group edge (web, inside) becomes edge (web, inside, dmz): restart of the router", "inside: group edge (web, inside) becomes edge (web, inside, dmz): restart of the router", "dmz: group none becomes edge (web, inside, dmz): restart of the router"}, "other", "web,inside dmz", "web,inside,dmz"},
		"another member":             {edge, in("[inside,", "[other,"), []string{"web: group edge (web, inside) becomes edge (web, other): restart of the router", "other: group none becomes edge (web, other): restart of the router", "inside: group edge (web, inside) becomes none: restart of the router"}, "dmz", "web,inside other", "web,other inside"},
		"a member that is restarted": {edge, in("vrid: 52", "vrid: 52\n  version: 2"), []string{"web: group edge (web, inside) becomes one that starts anew: restart of the router", "inside: version 3 becomes 2: restart of the router"}, "other dmz", "web,inside", "web,inside"},
		"a member that is another":   {edge, in("vrid: 52", "vrid: 55"), []string{"web: group edge (web, inside) becomes one that starts anew: restart of the router", "inside: router eth1 vrid 55 IPv4 is added: election", "inside: router eth1 vrid 52 IPv4 is removed: election"}, "other dmz", "web,inside", "web,inside"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			plan, err := Diff(configOf(t, test.old), configOf(t, test.new))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.steps, stepsOf(plan)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			var kept []Group
			for _, k := range plan.Kept {
				kept = append(kept, k.New)
			}
			got := []string{namesOf(kept), namesOf(plan.Removed), namesOf(plan.Added)}
			if want := []string{test.kept, test.removed, test.added}; !slices.Equal(got, want) {
				t.Errorf("kept, removed, added: %q, want %q", got, want)
			}
		})
	}
}
