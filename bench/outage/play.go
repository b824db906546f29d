// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"context"
	"slices"
	"time"

	"vipd/bench/figure"
	"vipd/integration/lab"
)

// attempts is how often a daemon may fail in a play before it is left out there.
const attempts = 2

// play is a scene that is measured: again and again, each time with each daemon, and at
// another phase of the advert interval.
type play struct {
	figure.Run
	scene       scene
	lost, moved []figure.Figure // of the events; of those that are not measured Name is empty
	pauses      figure.Figure
	failed      map[figure.Daemon]int
	stage       *stage // nil: there is none
}

func newPlay(r figure.Run, s scene) *play {
	p := &play{Run: r, scene: s, failed: make(map[figure.Daemon]int)}
	for _, e := range s.events {
		p.lost = append(p.lost, p.figure(Lost, e, e.lost, e.goal))
		p.moved = append(p.moved, p.figure(Moved, e, e.moved, nil))
	}
	return p
}

func (p *play) figure(part string, e event, limit func(setting) time.Duration, goal func(setting) *time.Duration) figure.Figure {
	s := p.scene.setting
	f := figure.Figure{Part: part, Name: e.name, Setting: s.String(), Unit: "ms"}
	if limit == nil || !p.Wants(f) {
		return figure.Figure{}
	}
	f.Limit = new(figure.Millis(limit(s)).Value)
	if goal == nil {
		return f
	}
	if most := goal(s); most != nil {
		f.Goal = new(figure.Millis(*most).Value)
	}
	return f
}

// wanted tells whether any of it is. All its events must happen then.
func (p *play) wanted() bool {
	return slices.ContainsFunc(slices.Concat(p.lost, p.moved), func(f figure.Figure) bool { return f.Name != "" })
}

// perform plays the scene as often as is wanted, until ctx ends.
func (p *play) perform(ctx context.Context) {
	defer p.strike()
	if err := p.possible(); err != nil {
		p.fail(figure.Keepalived, 0, err)
		return
	}
	times := p.Repetitions()
	for i := range times {
		for _, d := range p.Daemons {
			if ctx.Err() == nil && p.failed[d] < attempts {
				p.once(ctx, d, (float64(i)+0.5)/float64(times))
			}
		}
	}
}

// possible tells what can't be measured here.
func (p *play) possible() error {
	if p.scene.setting.tracker != process {
		return nil
	}
	n, err := lab.NewNamespace("nobody")
	if err != nil {
		return err
	}
	defer n.Close()
	return n.Do(askForProcesses)
}

// once plays the scene with a daemon.
func (p *play) once(ctx context.Context, d figure.Daemon, phase float64) {
	failed, err := p.events(ctx, d, phase)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		err = p.stage.end()
	}
	if err != nil {
		p.failed[d]++
		p.fail(d, failed, err)
		p.strike()
	}
}

// events has all events happen. The error is of the one with the returned number.
func (p *play) events(ctx context.Context, d figure.Daemon, phase float64) (i int, err error) {
	if p.stage == nil {
		if p.stage, err = newStage(p.scene.setting); err != nil {
			return 0, err
		}
	}
	if err := p.stage.start(d, p.Program); err != nil {
		return 0, err
	}
	for i, e := range p.scene.events {
		o, err := p.stage.measure(ctx, e, phase, p.patience())
		if err != nil {
			return i, err
		}
		p.add(d, i, o)
	}
	return len(p.scene.events), nil
}

func (p *play) patience() time.Duration {
	if p.Quick {
		return hurried
	}
	return patience
}

func (p *play) add(d figure.Daemon, i int, o outcome) {
	p.lost[i].Add(d, o.lost)
	p.moved[i].Add(d, o.moved)
	if p.scene.setting.tracker == nothing { // by HTTP it asks more seldom
		p.pauses.Add(d, figure.Millis(o.pause))
	}
	p.Progress("outage: %v: %s: %s: lost %v ms, served by %s after %v ms",
		p.scene.setting, p.scene.events[i].name, d, o.lost, p.scene.events[i].to, o.moved)
}

// fail notes why the events from a number on were not measured.
func (p *play) fail(d figure.Daemon, from int, err error) {
	p.Progress("%v: %s: %v%s", p.scene.setting, d, err, p.stage.logs())
	for i := from; i < len(p.scene.events); i++ {
		p.lost[i].Fail(d, err)
		p.moved[i].Fail(d, err)
	}
}

// strike removes the stage, so that the next one has nothing of what went wrong.
func (p *play) strike() {
	if p.stage == nil {
		return
	}
	if err := p.stage.close(); err != nil {
		p.Progress("%v: remove the site: %v", p.scene.setting, err)
	}
	p.stage = nil
}

// tell adds the figures that are wanted.
func (p *play) tell(add func(figure.Figure)) {
	for i := range p.scene.events {
		for _, f := range []figure.Figure{p.lost[i], p.moved[i]} {
			if f.Name != "" {
				add(f)
			}
		}
	}
}
