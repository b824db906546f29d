// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	// testSeed begins with a resignation, a hand-off, HAProxy killed, a silent cut and a
	// kill -9 for long of the active node, and something else wrong at the same time.
	testSeed     = 28
	testDuration = 40 * time.Second
	testEpisodes = 5 // at least, in that time
)

// quick has frequent adverts, yet none too frequent to resume, and a margin for a busy
// machine.
var quick = timers{500 * time.Millisecond, defaults.priorities, time.Second}

// newStage is a stage whose temporary files are in a directory of the test, which is
// returned.
func newStage(t *testing.T) (*stage, string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // else each process takes a second to end, under -race
	return &stage{vipd: os.Getenv(vipdEnv), timers: quick}, dir
}

// wantNothingLeft looks for files; processes end with their namespaces.
func wantNothingLeft(t *testing.T, dir string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A short run, with the limits of the long one and a margin for noise.
func TestChaos(t *testing.T) {
	s, dir := newStage(t)
	var out strings.Builder
	r, err := show(t.Context(), s, testSeed, testDuration, &out)
	if err != nil {
		t.Errorf("%v", err)
	}
	t.Logf("\n%s", &out)
	wantNothingLeft(t, dir)
	if r.total.episodes < testEpisodes || r.total.requests.all == 0 || r.total.probes.all == 0 {
		t.Errorf("%d episodes, %d requests, %d probes", r.total.episodes, r.total.requests.all, r.total.probes.all)
	}
	if election := quick.silence() + reaction + quick.noise; r.total.none.longest.Length() > election {
		t.Errorf("nobody had the addresses for %v, though two nodes could: limit %v", r.total.none.longest.Length(), election)
	}
	for _, text := range []string{"seed 28, ", "two owners  ", "nobody  ", "requests  ", "UDP probes  "} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in the report", text)
		}
	}
}

// interrupter cancels the run when it prints a certain text.
type interrupter struct {
	strings.Builder
	at     string
	cancel context.CancelFunc
}

func (i *interrupter) Write(b []byte) (int, error) {
	if strings.Contains(string(b), i.at) {
		i.cancel()
	}
	return i.Builder.Write(b)
}

// Ctrl-C ends a run, with the report so far.
func TestInterrupt(t *testing.T) {
	s, dir := newStage(t)
	ctx, cancel := context.WithCancel(t.Context())
	out := &interrupter{at: " s  ", cancel: cancel}
	start := time.Now()
	if _, err := show(ctx, s, testSeed, time.Hour, out); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > patience {
		t.Errorf("ended after %v", took)
	}
	if !strings.Contains(out.String(), "0 episodes") {
		t.Errorf("no report:\n%s", out)
	}
	wantNothingLeft(t, dir)
}

// A vipd that does not come back ends the run, and the logs say why.
func TestFault(t *testing.T) {
	s, dir := newStage(t)
	var out strings.Builder
	r := newReport(&out, quick, testSeed)
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
		wantNothingLeft(t, dir)
	})
	if err := errors.Join(s.build(), s.settled(t.Context()), s.watch()); err != nil {
		t.Fatal(err)
	}
	r.begin(time.Now())
	x := &run{stage: s, report: r, events: map[kind]event{killed: {
		do:   kill,
		undo: func(context.Context, *node, *node) error { return fmt.Errorf("the supervisor is on leave") },
	}}, patience: 2 * time.Second}
	_, err := x.episode(t.Context(), episode{{kind: killed}}, time.Now())
	if !errors.Is(err, errUnsettled) || r.faults != 1 {
		t.Errorf("%d faults, error %v", r.faults, err)
	}
	for _, text := range []string{"FAULT at ", "the supervisor is on leave", "all was not well after 2s", "the log of lb2:", "msg=transition"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in:\n%s", text, &out)
		}
	}
}

// Who is hit already is not hit again.
func TestChoose(t *testing.T) {
	for name, test := range map[string]struct {
		hit    []bool
		target int
		pair   bool
		want   []int
	}{
		"the target":         {[]bool{false, false, false}, 1, false, []int{1}},
		"the next":           {[]bool{false, true, false}, 1, false, []int{2}},
		"the first again":    {[]bool{false, true, true}, 2, false, []int{0}},
		"a pair":             {[]bool{false, true, false}, 1, true, []int{2, 0}},
		"too few for a pair": {[]bool{true, true, false}, 0, true, nil},
		"nobody left":        {[]bool{true, true, true}, 0, false, nil},
	} {
		x := &run{stage: &stage{}}
		for _, hit := range test.hit {
			x.nodes = append(x.nodes, &node{hit: hit})
		}
		chosen := x.choose(test.target, test.pair)
		if len(chosen) != len(test.want) {
			t.Errorf("%s: %d nodes, want %v", name, len(chosen), test.want)
			continue
		}
		for i, n := range chosen {
			if n != x.nodes[test.want[i]] || !n.hit {
				t.Errorf("%s: not node %d", name, test.want[i])
			}
		}
	}
}
