// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab"
)

func TestMain(m *testing.M) {
	lab.Helper()
	if manner := os.Getenv(standInEnv); manner != "" {
		standIn(manner)
	}
	lab.Main(m)
}

// newStage is a short play with a stand-in for vipd. Its temporary files are in a
// directory of the test, which is returned.
func newStage(t *testing.T, manner string) (*stage, string) {
	t.Helper()
	t.Setenv(standInEnv, manner)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // else each process takes a second to end, under -race
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	service, err := serviceNamed("haproxy")
	if err != nil {
		t.Fatal(err)
	}
	generous := defaults // the stand-in is not what is measured
	generous.noise, generous.reaction = time.Second, time.Second
	return &stage{vipd: own, service: service, election: generous,
		steady: 200 * time.Millisecond, patience: 3 * time.Second}, dir
}

// wantNothingLeft looks for files; processes end with their namespaces.
func wantNothingLeft(t *testing.T, dir string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPlay(t *testing.T) {
	for name, test := range map[string]struct {
		manner string
		hurry  bool     // with the limits of the real vipd
		want   error    // errors.Is
		says   []string // in this order
	}{
		"all well": {good, false, nil, []string{
			"lb1 answers",
			"HAProxy on lb1 is killed", "lb2 answers", "the client waited",
			"HAProxy on lb1 is back", "lb1 answers",
			"vipd on lb1 is stopped", "lb2 answers",
			"vipd on lb1 is back", "lb1 answers",
			"the cable of lb1 is pulled", "lb2 answers",
			"the cable of lb1 is back", "lb1 answers",
			"verdict", "killed", "ok", "cable of lb1 is back", "ok",
		}},
		"too late": {slow, true, errVerdict, []string{
			"HAProxy on lb1 is killed", "lb2 answers", "the client waited 2",
			"HAProxy on lb1 is killed", "60 ms", "Skew_Time", "over the limit",
		}},
		"two owners": {greedy, false, errVerdict, []string{
			"HAProxy on lb1 is back", "lb2 still has the address",
			"The log of vipd on lb1", "HAProxy on lb1 is back", "did not settle",
		}},
		"no move": {indifferent, false, errVerdict, []string{
			"HAProxy on lb1 is killed", "lb2 does not serve", "killed", "did not settle",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := newStage(t, test.manner)
			if test.hurry {
				s.election = defaults
			}
			var out strings.Builder
			err := show(t.Context(), s, &out, false)
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			wantInOrder(t, out.String(), test.says)
			wantNothingLeft(t, dir)
		})
	}
}

func wantInOrder(t *testing.T, text string, parts []string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Fatalf("%q does not come, or not in its turn, in:\n%s", part, text)
		}
		rest = after
	}
}

func TestVipdThatDoesNotStart(t *testing.T) {
	s, dir := newStage(t, broken)
	err := show(t.Context(), s, &strings.Builder{}, false)
	if err == nil || !strings.Contains(err.Error(), "this one does not start") {
		t.Errorf("error %v, want the reason from the log", err)
	}
	wantNothingLeft(t, dir)
}

// interrupter cancels the play when it prints a certain text.
type interrupter struct {
	at     string
	cancel context.CancelFunc
}

func (i interrupter) Write(b []byte) (int, error) {
	if strings.Contains(string(b), i.at) {
		i.cancel()
	}
	return len(b), nil
}

func TestInterrupt(t *testing.T) {
	for _, at := range []string{"Two load balancers", "lb1 answers", "is killed", "vipd on lb1 is stopped"} {
		t.Run(at, func(t *testing.T) {
			s, dir := newStage(t, good)
			ctx, cancel := context.WithCancel(t.Context())
			if err := show(ctx, s, interrupter{at, cancel}, false); err == nil || err.Error() != "interrupted" {
				t.Errorf("error %v, want interrupted", err)
			}
			wantNothingLeft(t, dir)
		})
	}
}

func TestSteadily(t *testing.T) {
	epoch := time.Now()
	samples := func(text string) (all []lab.Sample) { // one each 5 ms: 1 or 2, who answered; x, lb1 too late
		for i, c := range text {
			start := epoch.Add(time.Duration(i) * 5 * time.Millisecond)
			all = append(all, lab.Sample{Start: start, OK: c != 'x', Server: strings.Replace("lb"+string(c), "x", "1", 1)})
		}
		return all
	}
	for name, test := range map[string]struct {
		samples string
		over    time.Duration
		want    bool
	}{
		"nobody asked":          {"", 0, false},
		"the last by it":        {"22x1", 0, true},
		"the last by the other": {"1112", 0, false},
		"the last too late":     {"111x", 0, false},
		"long enough":           {"x2111", 10 * time.Millisecond, true},
		"too short":             {"x2211", 10 * time.Millisecond, false},
		"only just asked":       {"111", 15 * time.Millisecond, false},
		"one lost in between":   {"11x11", 10 * time.Millisecond, false},
	} {
		if got := steadily("lb1", test.over)(samples(test.samples)); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLook(t *testing.T) {
	var one status
	one.Routers = append(one.Routers, struct {
		State string `json:"state"`
		Phase string `json:"phase"`
	}{"active", ""})
	one.Checks = append(one.Checks, struct {
		Verdict string `json:"verdict"`
	}{"pass"})
	if err := one.look(true, true); err != nil {
		t.Errorf("active and pass: %v", err)
	}
	if one.look(false, true) == nil {
		t.Error("active on a node that should not serve: no error")
	}
	if one.look(true, false) == nil {
		t.Error("pass though the service is dead: no error")
	}
	one.Routers[0].Phase = "releasing"
	if one.look(true, true) == nil {
		t.Error("releasing: no error")
	}
}
