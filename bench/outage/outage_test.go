// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/bench/figure"
	"vipd/config"
	"vipd/integration/lab"
)

// vipdEnv holds the path of the program that is measured.
const vipdEnv = "VIPD_BENCH_PROGRAM"

func TestMain(m *testing.M) { lab.MainWithProgram(m, vipdEnv, "vipd/cmd/vipd") }

// wanted is a run of both daemons, once.
func wanted(t *testing.T) figure.Run {
	return figure.Run{Program: os.Getenv(vipdEnv), Times: 1, Daemons: []figure.Daemon{figure.Vipd, figure.Keepalived}, Progress: t.Logf}
}

func fast() setting { return but(func(s *setting) { s.interval = 100 * time.Millisecond }) }

// told are the figures of a play, by part and name.
func told(p *play) map[string]figure.Figure {
	all := make(map[string]figure.Figure)
	p.tell(func(f figure.Figure) { all[f.Part+" "+f.Name] = f })
	return all
}

// leavesNothing fails when there are temporary files in the end.
func leavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// A scene, played once by each daemon. What is measured is more than nothing, and less
// than twice what the RFC allows and a busy machine.
func TestPlay(t *testing.T) {
	t.Parallel()
	p := newPlay(wanted(t), scene{fast(), []event{stop(), returns("stop"), hostGone()}})
	p.perform(t.Context())
	all := told(p)
	for name, wants := range map[string][2]float64{
		"outage stop":   {0, 500},
		"takeover stop": {0.1, 500},
		"outage the better node returns after stop":   {0, 500},
		"takeover the better node returns after stop": {250, 1500},
		"outage host gone":                            {150, 1000},
	} {
		f := all[name]
		for _, d := range []figure.Daemon{figure.Vipd, figure.Keepalived} {
			got := *f.Of(d)
			if len(got) != 1 || got[0].Censored || got[0].Value < wants[0] || got[0].Value > wants[1] {
				t.Errorf("%s, %s: %v %s, want %v", name, d, got, f.Problem, wants)
			}
		}
	}
	if len(all) != 5 || len(p.pauses.Vipd) != 3 {
		t.Errorf("%d figures, %d pauses", len(all), len(p.pauses.Vipd))
	}
}

// HAProxy's death is seen by HTTP alone, and the two that run here have other names.
func TestPlayWithHAProxy(t *testing.T) {
	t.Parallel()
	watched := fast()
	watched.tracker = script
	r := wanted(t)
	r.Daemons = []figure.Daemon{figure.Keepalived}
	p := newPlay(r, scene{watched, []event{proxyKilled()}})
	p.perform(t.Context())
	f := told(p)["outage HAProxy killed"]
	if got := f.Keepalived; len(got) != 1 || got[0].Censored || got[0].Value < 10 || got[0].Value > 3000 {
		t.Errorf("%v %s", got, f.Problem)
	}
}

func TestWhatDoesNotSettleIsCensored(t *testing.T) {
	t.Parallel()
	s, err := newStage(fast())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.start(figure.Vipd, os.Getenv(vipdEnv)); err != nil {
		t.Fatal(err)
	}
	const patience = 3 * time.Second
	if err := s.ready(t.Context(), idle(), 0, patience); err != nil {
		t.Fatal(err)
	}
	cut := event{name: "both nodes cut", to: lb2, do: func(s *stage) error {
		return errors.Join(s.lb1.Cable.Cut(true), s.lb2.Cable.Cut(true))
	}}
	o, err := s.measure(t.Context(), cut, 0, patience)
	if err != nil || !o.lost.Censored || o.lost.Value < 1500 || !o.moved.Censored || o.moved.Value < 3000 {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := s.measure(t.Context(), stop(), 0, time.Millisecond); err == nil || !strings.Contains(err.Error(), "before stop: lb") {
		t.Errorf("an event without a beginning: %v", err)
	}
}

// What fails is told, and the rest is measured all the same.
func TestFailure(t *testing.T) {
	leavesNothing(t)
	r := wanted(t)
	r.Program, r.Times, r.Daemons = "/nonexistent/vipd", 5, []figure.Daemon{figure.Vipd}
	p := newPlay(r, scene{fast(), []event{stop(), returns("stop")}})
	p.perform(t.Context())
	for name, f := range told(p) {
		if !strings.Contains(f.Problem, "vipd: ") || !strings.Contains(f.Problem, "no such file") {
			t.Errorf("%s: problem %q", name, f.Problem)
		}
	}
	if p.failed[figure.Vipd] != attempts {
		t.Errorf("%d attempts", p.failed[figure.Vipd])
	}
}

func TestInterrupt(t *testing.T) {
	leavesNothing(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := wanted(t)
	r.Only = regexp.MustCompile("outage: stop: 100ms")
	r.Progress = func(format string, args ...any) { // the first line says what was measured
		t.Logf(format, args...)
		cancel()
	}
	var added int
	if err := Run(ctx, r, func(figure.Figure) { added++ }); !errors.Is(err, context.Canceled) || added == 0 {
		t.Errorf("%v, %d figures", err, added)
	}
}

// Linux tells of processes in the first network namespace only: track_process can't be
// measured here, and that is said.
func TestProcessesOfANamespace(t *testing.T) {
	if err := askForProcesses(); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("%v, want a refusal", err)
	}
	p := newPlay(wanted(t), scene{but(func(s *setting) { s.tracker = process }), []event{proxyKilled()}})
	p.perform(t.Context())
	if f := told(p)["outage HAProxy killed"]; !strings.Contains(f.Problem, "keepalived: the kernel tells") {
		t.Errorf("problem %q", f.Problem)
	}
}

func TestUnanswered(t *testing.T) {
	begin := time.Unix(1000, 0)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	var samples []lab.Sample
	for _, s := range []struct {
		at int
		ok bool
	}{{0, false}, {1, true}, {2, false}, {3, false}, {4, true}, {5, false}, {25, true}, {26, false}, {27, false}} {
		samples = append(samples, lab.Sample{Start: at(s.at), OK: s.ok})
	}
	for name, tt := range map[string]struct{ from, to, want int }{
		"nothing lost":             {1, 1, 0},
		"two":                      {1, 4, 2},
		"before and after it":      {3, 4, 1},
		"the client was held up":   {4, 26, 20},
		"the last is not answered": {25, 30, 4},
	} {
		if got := unanswered(samples, at(tt.from), at(tt.to)); got != time.Duration(tt.want)*time.Millisecond {
			t.Errorf("%s: %v, want %d ms", name, got, tt.want)
		}
	}
}

func TestSetting(t *testing.T) {
	for _, tt := range []struct {
		setting                setting
		name                   string
		skew, silence, listens time.Duration
	}{
		{base(), "1s, IPv4, 254/253", 11718750, 3011718750, 3007812500},
		{fast(), "100ms, IPv4, 254/253", 1171875, 301171875, 300781250},
		{but(func(s *setting) { s.better, s.other, s.ipv6 = 100, 90, true }), "1s, IPv6, 100/90", 648437500, 3648437500, 3609375000},
		{but(func(s *setting) { s.virtualMAC, s.hostProbe = true, "probe: 50ms" }), "1s, IPv4, 254/253, virtual MAC, vipd with `probe: 50ms`", 11718750, 3011718750, 3007812500},
	} {
		s := tt.setting
		if s.String() != tt.name || s.skew() != tt.skew || s.silence() != tt.silence || s.listening() != tt.listens {
			t.Errorf("%v: %v, %v, %v", s, s.skew(), s.silence(), s.listening())
		}
	}
}

func TestGoals(t *testing.T) {
	for name, tt := range map[string]struct {
		goal    func(setting) *time.Duration
		setting setting
		want    string
	}{
		"on doubt":             {asked, base(), "1.3s"},
		"all the time":         {asked, but(func(s *setting) { s.hostProbe = "probe: 100ms" }), "400ms"},
		"of other adverts":     {asked, fast(), ""},
		"of other priorities":  {asked, but(func(s *setting) { s.other = 90 }), ""},
		"nothing is lost":      {all, base(), "0s"},
		"a virtual MAC moves":  {all, but(func(s *setting) { s.virtualMAC = true }), "10ms"},
		"HTTP asks too seldom": {all, but(func(s *setting) { s.tracker = script }), ""},
	} {
		got := ""
		if goal := tt.goal(tt.setting); goal != nil {
			got = goal.String()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// Every figure has a name of its own, and every setting is a valid configuration.
func TestScenes(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scenes(false) {
		p := newPlay(figure.Run{}, s)
		for _, f := range slices.Concat(p.lost, p.moved) {
			if f.Name != "" && seen[f.String()] {
				t.Errorf("%v is there twice", f)
			}
			seen[f.String()] = true
		}
		valid(t, s.setting)
	}
	for _, name := range []string{"outage: silent cut healed: 1s, IPv4, 254/253", "takeover: stop: 10ms, IPv4, 254/253",
		"outage: cable pulled: 1s, IPv6, 254/253", "outage: HAProxy killed: 1s, IPv4, 254/253, keepalived with `track_process`"} {
		if !seen[name] {
			t.Errorf("%s is not measured", name)
		}
	}
	for _, s := range scenes(true) {
		if p := newPlay(figure.Run{}, s); !seen[p.lost[0].String()] {
			t.Errorf("%v is measured when quick only", p.lost[0])
		}
	}
}

func valid(t *testing.T, s setting) {
	t.Helper()
	host := &lab.Host{Namespace: &lab.Namespace{}, Dir: "/tmp/vipd-site-1234567890/lb1"}
	v := &vipd{node: &node{Host: host, priority: s.better, haproxy: &lab.HAProxy{}}, setting: s}
	text := strings.Replace(v.config(s.moreVIPs()), "node: \n", "node: lb1\n", 1)
	text = strings.Replace(text, `socket: ""`, `socket: "/run/haproxy.sock"`, 1)
	if _, problems := config.Parse("bench.yaml", []byte(text)); problems.Failed() {
		t.Errorf("%v: %v in\n%s", s, problems, text)
	}
}

func TestHAProxyName(t *testing.T) {
	for site, want := range map[string]string{"vipd-site-1234567890": "haproxylb-567890", "s": "haproxy-s"} {
		n := &node{Host: &lab.Host{Namespace: &lab.Namespace{}, Dir: fmt.Sprintf("/tmp/%s/lb1", site)}}
		if got := n.haproxyName(); len(got) > 15 || got != strings.Replace(want, "lb", "", 1) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
