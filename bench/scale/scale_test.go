// SPDX-License-Identifier: Apache-2.0

package scale

import (
	"context"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"vipd/bench/figure"
	"vipd/bench/pair"
	"vipd/integration/lab"
)

// vipdEnv holds the path of the program that is measured.
const vipdEnv = "VIPD_BENCH_PROGRAM"

func TestMain(m *testing.M) { lab.MainWithProgram(m, vipdEnv, "vipd/cmd/vipd") }

func small() trial {
	return trial{Setting: pair.Setting{Routers: 2, VIPs: 3, Interval: 100 * time.Millisecond}, repetitions: 1, span: 500 * time.Millisecond}
}

// A repetition with both daemons, side by side.
func TestMeasure(t *testing.T) {
	for _, d := range []figure.Daemon{figure.Vipd, figure.Keepalived} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			r := newRows(small())
			r.measure(t.Context(), figure.Run{Program: os.Getenv(vipdEnv), Daemons: []figure.Daemon{d}, Progress: t.Logf})
			for _, f := range []*figure.Figure{&r.start, &r.stop, &r.kill, &r.back} {
				if s := *f.Of(d); f.Problem != "" || len(s) != 1 || s[0].Censored || s[0].Value < *f.Limit/2 {
					t.Errorf("%v: %v, %s", f, s, f.Problem)
				}
			}
			if s := *r.announced.Of(d); len(s) != 1 || s[0].Value < 6 {
				t.Errorf("%v: %v", r.announced, s)
			}
			if s := *r.flaps.Of(d); len(s) != 1 || s[0].Value > 0 {
				t.Errorf("%v: %v", r.flaps, s)
			}
		})
	}
}

// What is looked at while nothing happens.
func TestLook(t *testing.T) {
	t.Parallel()
	c, d := newCycle(t), figure.Vipd
	if _, err := c.Begin(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := c.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, f := range slices.Concat(c.rows.cpu[:], c.rows.memory[:], c.rows.jitter[:]) {
		if s := *f.Of(d); len(s) != 1 || s[0].Value <= 0 {
			t.Errorf("%v: %v", f, s)
		}
	}
}

// A daemon that has not settled in time again and again is no more asked to.
func TestHopeless(t *testing.T) {
	t.Parallel()
	c := newCycle(t)
	for range hopeless {
		c.rows.back.Add(c.daemon, figure.Beyond(time.Second))
	}
	if settled, err := c.comeBack(t.Context(), false); settled || err != nil {
		t.Errorf("%v, %v", settled, err)
	}
	if n := len(c.rows.back.Vipd); n != hopeless {
		t.Errorf("%d samples", n)
	}
}

// What was not there in time has no value, and what was interrupted is no sample.
func TestMoved(t *testing.T) {
	t.Parallel()
	c, f, began := newCycle(t), figure.Figure{}, time.Now().Add(-time.Minute)
	if c.moved(t.Context(), &f, pair.Worse, began, 0, time.Second) || c.moved(ended(t), &f, pair.Worse, began, 0, time.Second) {
		t.Error("moved")
	}
	if want := (figure.Samples{{Value: 21000, Censored: true}}); !slices.Equal(f.Vipd, want) {
		t.Errorf("%v, want %v", f.Vipd, want)
	}
}

// An interrupted run adds what it has, and says that it was interrupted.
func TestInterrupted(t *testing.T) {
	run := figure.Run{Program: os.Getenv(vipdEnv), Daemons: []figure.Daemon{figure.Vipd}, Progress: t.Logf, Only: regexp.MustCompile("1 router, 1s")}
	added := 0
	if err := Run(ended(t), run, func(figure.Figure) { added++ }); err == nil {
		t.Error("no error")
	}
	if added != len(newRows(small()).all()) {
		t.Errorf("%d figures", added)
	}
}

func TestTrials(t *testing.T) {
	everything := regexp.MustCompile("")
	for name, tt := range map[string]struct {
		run  figure.Run
		want int
	}{
		"all":           {figure.Run{Only: everything}, len(all())},
		"twice":         {figure.Run{Only: everything, Times: 2}, len(all())},
		"quick":         {figure.Run{Quick: true, Only: everything}, 4},
		"quick, chosen": {figure.Run{Quick: true, Only: regexp.MustCompile("1000 routers")}, len(all())},
	} {
		got := trials(tt.run)
		if len(got) != tt.want {
			t.Errorf("%s: %d trials, want %d", name, len(got), tt.want)
		}
		if n := got[0].repetitions; tt.run.Times > 0 && n != tt.run.Times {
			t.Errorf("%s: %d repetitions", name, n)
		}
	}
}

// newCycle is a repetition with vipd that has not begun.
func newCycle(t *testing.T) *cycle {
	t.Helper()
	p, err := pair.New(small().Setting, os.Getenv(vipdEnv))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return &cycle{Pair: p, trial: small(), daemon: figure.Vipd, rows: newRows(small())}
}

func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
