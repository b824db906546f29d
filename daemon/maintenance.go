// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"vipd/vrrp"
)

// maxReason is how long the reason for a maintenance may be, in bytes.
const maxReason = 200

// Maintenance is that this node rests: no router of it runs. It outlives the daemon.
type Maintenance struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"` // as it was given
}

// MaintenanceRequest begins or ends the maintenance of this node.
type MaintenanceRequest struct {
	On     bool   `json:"on"`
	Reason string `json:"reason,omitempty"` // at most 200 bytes, printable
	Drain  bool   `json:"drain,omitempty"`  // wait until no connection is left, too
}

// maintenance is what is saved of it. Commands change it in turn, and post to the loop
// in the same order.
type maintenance struct {
	mu   sync.Mutex
	file StateFile // nil: it does not outlive the daemon
	is   *Maintenance
}

// RememberMaintenance makes the daemon keep its maintenance in a file, and go on with
// the one that is there. It is called before Run. What can't be understood is a
// maintenance, too: somebody wanted one.
func (d *Daemon) RememberMaintenance(file StateFile) error {
	d.saved.file = file
	data, err := file.Load()
	if err != nil || data == nil {
		return err
	}
	m := &Maintenance{}
	if err := json.Unmarshal(data, m); err != nil {
		d.log.Error("the maintenance that was saved can't be understood", "error", err)
		*m = Maintenance{Since: d.wall(d.now), Reason: "unknown: the state file is damaged"}
	}
	d.saved.is = m
	d.setMaintenance(m)
	return nil
}

// Maintain begins or ends the maintenance of this node. It returns when the node serves
// nothing any more but connections that drain, or nothing at all if the request says so,
// with a sentence that says who took over. When nobody did, the node
// is in maintenance all the same, and the error wraps ErrNobodyTookOver.
func (d *Daemon) Maintain(ctx context.Context, request MaintenanceRequest) (string, error) {
	if err := checkReason(request.Reason); err != nil {
		return "", err
	}
	c, err := d.orderMaintenance(ctx, request)
	if err != nil {
		return "", err
	}
	return d.wait(c)
}

func checkReason(reason string) error {
	if len(reason) > maxReason {
		return fmt.Errorf("%w: a reason of %d bytes, not 0–%d", ErrInvalid, len(reason), maxReason)
	}
	if !utf8.ValidString(reason) || strings.ContainsFunc(reason, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("%w: the reason %q has unprintable characters", ErrInvalid, reason)
	}
	return nil
}

// orderMaintenance saves first: what was answered is kept, whatever happens then.
func (d *Daemon) orderMaintenance(ctx context.Context, request MaintenanceRequest) (*command, error) {
	d.saved.mu.Lock()
	defer d.saved.mu.Unlock()
	was, is := d.saved.is, d.nextMaintenance(request)
	if err := d.saved.save(is); err != nil {
		return nil, fmt.Errorf("the maintenance can't be remembered: %w", err)
	}
	c, err := d.order(ctx, request.Drain, func() (progress, error) {
		if is == nil {
			return d.endMaintenance(), nil
		}
		return d.beginMaintenance(is, request.Drain), nil
	})
	if err != nil {
		return nil, errors.Join(err, d.saved.save(was))
	}
	return c, nil
}

// nextMaintenance is the one that is asked for; nil: none. One that goes on keeps its
// begin, and its reason if no other is given.
func (d *Daemon) nextMaintenance(request MaintenanceRequest) *Maintenance {
	if !request.On {
		return nil
	}
	next := &Maintenance{Since: d.timer.Wall(d.timer.Now()).Round(time.Millisecond), Reason: request.Reason}
	if was := d.saved.is; was != nil {
		next.Since = was.Since
		if next.Reason == "" {
			next.Reason = was.Reason
		}
	}
	return next
}

// save is called with mu held.
func (m *maintenance) save(is *Maintenance) error {
	if m.file != nil {
		if err := write(m.file, is); err != nil {
			return err
		}
	}
	m.is = is
	return nil
}

func write(file StateFile, is *Maintenance) error {
	if is == nil {
		return file.Remove()
	}
	data, err := json.Marshal(is)
	if err != nil {
		return err
	}
	return file.Save(append(data, '\n'))
}

// beginMaintenance waits until nothing is owned any more. It runs in the loop.
func (d *Daemon) beginMaintenance(m *Maintenance, drain bool) progress {
	var leaving []*router
	for _, r := range d.routers {
		if r.isActive() {
			leaving = append(leaving, r)
		}
	}
	d.setMaintenance(m)
	return func() (bool, outcome) {
		if d.maintenance == nil {
			return true, outcome{err: fmt.Errorf("%w: the maintenance has ended meanwhile", ErrNotNow)}
		}
		for _, r := range d.routers {
			if r.serves() || drain && r.owns() {
				return false, outcome{}
			}
		}
		return true, handedOver(leaving)
	}
}

// handedOver says who took over from routers that have left.
func handedOver(left []*router) outcome {
	switch gone, alone := tookOver(left); {
	case alone != "":
		return outcome{err: fmt.Errorf("in maintenance, but %w: %s", ErrNobodyTookOver, alone)}
	case gone == "":
		return outcome{text: "in maintenance; nothing was active here"}
	default:
		return outcome{text: "in maintenance; " + gone}
	}
}

// endMaintenance runs in the loop.
func (d *Daemon) endMaintenance() progress {
	if d.maintenance == nil {
		return done("not in maintenance")
	}
	d.setMaintenance(nil)
	return done("the maintenance has ended")
}

// setMaintenance tells all routers. It runs in the loop, or before it.
func (d *Daemon) setMaintenance(m *Maintenance) {
	if m != nil {
		d.log.Info("in maintenance", "since", m.Since, "why", m.Reason)
	} else {
		d.log.Info("the maintenance has ended")
	}
	d.maintenance = m
	for _, r := range d.routers {
		d.block(r, vrrp.Maintenance, m != nil)
	}
}
