// SPDX-License-Identifier: Apache-2.0

package steady

import (
	"os"
	"regexp"
	"testing"
	"time"

	"vipd/bench/figure"
	"vipd/bench/pair"
	"vipd/integration/lab"
)

// vipdEnv holds the path of the program that is measured.
const vipdEnv = "VIPD_BENCH_PROGRAM"

func TestMain(m *testing.M) { lab.MainWithProgram(m, vipdEnv, "vipd/cmd/vipd") }

// A repetition with both daemons, real-time on a busy machine, and one without. That
// keeps no time: that there are figures is all that can be told.
func TestMeasure(t *testing.T) {
	for name, realTime := range map[string]bool{"real-time": true, "as all programs": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRows(trial{Setting: pair.Setting{Routers: 2, VIPs: 1, Interval: 50 * time.Millisecond, RealTime: realTime},
				busy: realTime, repetitions: 1, span: 500 * time.Millisecond})
			daemons := []figure.Daemon{figure.Vipd}
			if realTime {
				daemons = append(daemons, figure.Keepalived)
			}
			r.all().Measure(t.Context(), figure.Run{Program: os.Getenv(vipdEnv), Daemons: daemons, Progress: t.Logf}, r.trial.Setting, 1,
				func(p *pair.Pair, d figure.Daemon, _ int) error { return r.once(t.Context(), p, d) })
			for _, d := range daemons {
				if s := *r.longest.Of(d); len(s) != 1 || s[0].Value < 50 {
					t.Errorf("%v: %v, %s", r.longest, s, r.longest.Problem)
				}
				if s := *r.failures.Of(d); len(s) != 1 {
					t.Errorf("%v: %v", r.failures, s)
				}
			}
		})
	}
}

func TestTrials(t *testing.T) {
	everything := regexp.MustCompile("")
	for name, tt := range map[string]struct {
		run         figure.Run
		trials      int
		repetitions int // of the second one
	}{
		"all":           {figure.Run{Only: everything}, len(all()), 7},
		"twice":         {figure.Run{Only: everything, Times: 2}, len(all()), 2},
		"quick":         {figure.Run{Quick: true, Only: everything}, 2, 1},
		"quick, chosen": {figure.Run{Quick: true, Only: regexp.MustCompile("1 router")}, len(all()), 1},
	} {
		got := trials(tt.run)
		if len(got) != tt.trials || got[1].repetitions != tt.repetitions {
			t.Errorf("%s: %d trials, %d repetitions", name, len(got), got[1].repetitions)
		}
	}
}

// What each setting is measured without, it is measured with.
func TestRealTime(t *testing.T) {
	all := all()
	for i := 0; i < len(all); i += 2 {
		plain, realTime := all[i].Setting, all[i+1].Setting
		plain.RealTime = true
		if all[i].RealTime || plain != realTime || all[i].busy != all[i+1].busy || all[i].span != all[i+1].span {
			t.Errorf("%v, %v", all[i], all[i+1])
		}
	}
	if got := newRows(all[1]); got.failures.Goal == nil || *got.failures.Goal != 0 {
		t.Errorf("%v has no goal", got.failures)
	}
}
