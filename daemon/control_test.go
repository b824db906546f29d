// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// memory is a StateFile.
type memory struct {
	data []byte
	fail error // of everything
}

func (m *memory) Load() ([]byte, error) { return m.data, m.fail }

func (m *memory) Save(data []byte) error {
	if m.fail == nil {
		m.data = data
	}
	return m.fail
}

func (m *memory) Remove() error {
	if m.fail == nil {
		m.data = nil
	}
	return m.fail
}

// says is what a command has answered; nothing yet: "".
type says struct {
	text string
	err  error
}

// order gives a command to the loop, which takes it in its next turn.
func (s *stage) order(t *testing.T, command func(context.Context) (string, error)) *says {
	t.Helper()
	answer := &says{}
	go func() { answer.text, answer.err = command(t.Context()) }()
	synctest.Wait()
	s.d.turn(nil)
	synctest.Wait()
	return answer
}

func (s *stage) maintain(t *testing.T, on bool, reason string) *says {
	t.Helper()
	return s.order(t, func(ctx context.Context) (string, error) {
		return s.d.Maintain(ctx, MaintenanceRequest{On: on, Reason: reason})
	})
}

func (s *stage) resign(t *testing.T, router string, undo bool) *says {
	t.Helper()
	return s.order(t, func(ctx context.Context) (string, error) {
		return s.d.Resign(ctx, Resignation{Router: router, Undo: undo})
	})
}

// is waits for the answer's goroutine, and compares.
func (a *says) is(t *testing.T, text string, err error) {
	t.Helper()
	synctest.Wait()
	if a.text != text || !errors.Is(a.err, err) {
		t.Fatalf("%q, %v; want %q, %v", a.text, a.err, text, err)
	}
}

// bubble runs a test whose goroutines are waited for.
func bubble(t *testing.T, yaml string, test func(*testing.T, *stage)) {
	synctest.Test(t, func(t *testing.T) { test(t, activeStage(t, yaml)) })
}

func TestMaintenance(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, s *stage) {
		file := &memory{}
		if err := s.d.RememberMaintenance(file); err != nil {
			t.Fatal(err)
		}
		began := s.now
		answer := s.maintain(t, true, "disk")
		s.want("send 0 vrid 51 on 2 from 192.0.2.11", "leave web/ipv4 192.0.2.100/24 on 2 lease 2s")
		s.pass(5 * time.Millisecond)
		answer.is(t, "", nil) // it still answers on the address
		s.hear(advert(51, 253))
		s.pass(100 * time.Millisecond)
		answer.is(t, "in maintenance; 192.0.2.12 took over web", nil)
		status := s.d.snapshot()
		if m := status.Maintenance; m == nil || m.Reason != "disk" || !m.Since.Equal(began) {
			t.Errorf("status: %+v", m)
		}
		if got := status.Routers[0].Blocked; len(got) != 1 || got[0] != "maintenance" {
			t.Errorf("blocked by %v", got)
		}
		s.pass(time.Minute)
		s.maintain(t, true, "").is(t, "in maintenance; nothing was active here", nil)
		var saved Maintenance
		if err := json.Unmarshal(file.data, &saved); err != nil || saved.Reason != "disk" || !saved.Since.Equal(began) {
			t.Errorf("saved: %s, %v", file.data, err)
		}

		s.maintain(t, false, "").is(t, "the maintenance has ended", nil)
		if file.data != nil || s.d.snapshot().Maintenance != nil {
			t.Errorf("saved: %s", file.data)
		}
		s.state("web", "backup")
		s.maintain(t, false, "").is(t, "not in maintenance", nil)
	})
}

// Nobody takes over: the addresses go all the same, and it is said.
func TestMaintenanceAlone(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, s *stage) {
		answer := s.maintain(t, true, "")
		s.pass(time.Second)
		answer.is(t, "", nil)
		s.pass(time.Second)
		answer.is(t, "", ErrNobodyTookOver)
		if s.router("web").Owns {
			t.Error("it still owns the addresses")
		}
	})
}

// A daemon that was killed in maintenance, and is back.
func TestMaintenanceIsRemembered(t *testing.T) {
	for name, saved := range map[string]string{
		"as it was saved": `{"since":"2026-11-22T12:00:00Z","reason":"disk"}`,
		"damaged":         "\x00\x00",
		"empty":           "",
	} {
		s := newStage(t, oneRouter)
		if err := s.d.RememberMaintenance(&memory{data: []byte(saved)}); err != nil {
			t.Fatal(err)
		}
		s.link(eth0)
		s.pass(time.Minute)
		s.state("web", "initialize")
		if m := s.d.snapshot().Maintenance; m == nil || m.Reason == "" || m.Since.IsZero() {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// A disk that fails: what can't be remembered is not begun, nor ended.
func TestMaintenanceThatCannotBeSaved(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, s *stage) {
		file := &memory{}
		if err := s.d.RememberMaintenance(file); err != nil {
			t.Fatal(err)
		}
		file.fail = errors.New("read-only file system")
		s.maintain(t, true, "").is(t, "", file.fail)
		s.state("web", "active")
		if s.d.saved.is != nil {
			t.Error("it counts as saved")
		}
		if err := newStage(t, oneRouter).d.RememberMaintenance(file); !errors.Is(err, file.fail) {
			t.Errorf("load: %v", err)
		}
	})
}

func TestReasonThatIsNone(t *testing.T) {
	s := newStage(t, oneRouter)
	for _, reason := range []string{strings.Repeat("x", maxReason+1), "a\nb", "\x1b[2J", "\xff"} {
		if _, err := s.d.Maintain(t.Context(), MaintenanceRequest{On: true, Reason: reason}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", reason, err)
		}
	}
}

func TestResign(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, s *stage) {
		answer := s.resign(t, "web", false)
		s.want("send 0 vrid 51 on 2 from 192.0.2.11", "leave web/ipv4 192.0.2.100/24 on 2 lease 2s")
		s.hear(advert(51, 253))
		answer.is(t, "", nil)
		s.pass(100 * time.Millisecond)
		answer.is(t, "192.0.2.12 took over web", nil)
		for range 20 {
			s.hear(advert(51, 253))
			s.pass(time.Second)
		}
		r := s.router("web")
		if r.State != "backup" || r.Reason != "resigned" || !r.Resigned || r.Successor.String() != "192.0.2.12" {
			t.Errorf("%+v", r)
		}
		s.resign(t, "web", false).is(t, "", ErrNotNow) // twice
		s.resign(t, "web", true).is(t, "web is as configured again", nil)
		s.resign(t, "web", true).is(t, "", ErrNotNow) // twice
		for range 5 {
			s.hear(advert(51, 253))
			s.pass(time.Second)
		}
		s.state("web", "active")
	})
}

func TestResignInVain(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, s *stage) {
		answer := s.resign(t, "web", false)
		s.pass(time.Second)
		answer.is(t, "", nil)
		s.pass(time.Second)
		answer.is(t, "", ErrNobodyTookOver)
		s.state("web", "active")
	})
}

// The cable is pulled before anybody took over.
func TestResignAndFail(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, s *stage) {
		answer := s.resign(t, "web", false)
		s.link(Link{Name: "eth0", Index: 2})
		answer.is(t, "", ErrNobodyTookOver)
	})
}

func TestResignOfNothing(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, s *stage) {
		answer := s.resign(t, "wbe", false)
		answer.is(t, "", ErrUnknownRouter)
		if want := `unknown router "wbe", not one of web`; answer.err.Error() != want {
			t.Errorf("%v, want %s", answer.err, want)
		}
		s.hear(advert(51, 255))
		for _, what := range []string{"web is in backup here; 192.0.2.12 is active", "web is not active here, because of [link-down"} {
			answer = s.resign(t, "web", false)
			answer.is(t, "", ErrNotNow)
			if !strings.Contains(answer.err.Error(), what) {
				t.Errorf("%v, want %s", answer.err, what)
			}
			s.link(Link{Name: "eth0", Index: 2})
		}
	})
}

// Who asked has gone, or the daemon has: nobody waits for ever.
func TestCommandThatNobodyWaitsFor(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		answer := s.order(t, func(context.Context) (string, error) {
			return s.d.Resign(ctx, Resignation{Router: "web"})
		})
		cancel()
		answer.is(t, "", context.Canceled)
		s.d.turn(nil)
		if len(s.d.commands) != 0 {
			t.Error("the loop still waits")
		}

		s.pass(2 * time.Second) // nobody took over
		s.state("web", "active")
		answer = s.resign(t, "web", false)
		s.d.stop()
		late := s.maintain(t, true, "")
		late.is(t, "", ErrNotRunning)
		close(s.d.done)
		answer.is(t, "", ErrNotRunning)
		s.resign(t, "web", false).is(t, "", ErrNotRunning)
	})
}

// A command has its time, whatever happens.
func TestCommandThatDoesNotEnd(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, s *stage) {
		never := func() (bool, outcome) { return false, outcome{} }
		answer := s.order(t, func(ctx context.Context) (string, error) {
			c, err := s.d.order(ctx, false, func() (progress, error) { return never, nil })
			if err != nil {
				return "", err
			}
			return s.d.wait(c)
		})
		s.pass(2*time.Second - 1)
		answer.is(t, "", nil)
		s.pass(time.Second)
		answer.is(t, "", errUnfinished)
	})
}
