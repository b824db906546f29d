// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"vipd/vrrp"
)

// Resignation asks an Active router to give up, with all of its group, or takes that back.
type Resignation struct {
	Router string `json:"router"`
	Undo   bool   `json:"undo,omitempty"`
	Drain  bool   `json:"drain,omitempty"` // wait until no connection is left, too
}

// Resign makes a router hand over, with all of its group. It returns when they serve nothing
// any more but connections that drain, or nothing at all if the request says so, with a sentence that says who took over. When nobody did, they are Active
// again, and the error wraps ErrNobodyTookOver. It wraps ErrUnknownRouter or ErrNotNow when
// there is nothing to give up, or to take back.
func (d *Daemon) Resign(ctx context.Context, request Resignation) (string, error) {
	c, err := d.order(ctx, request.Drain, func() (progress, error) {
		r, err := d.routerNamed(request.Router)
		switch {
		case err != nil:
			return nil, err
		case request.Undo:
			return d.reclaim(r)
		}
		return d.resign(r, request.Drain)
	})
	if err != nil {
		return "", err
	}
	return d.wait(c)
}

// routerNamed finds a router. The error names those that there are.
func (d *Daemon) routerNamed(name string) (*router, error) {
	names := make([]string, len(d.routers))
	for i, r := range d.routers {
		if r.config.Name == name {
			return r, nil
		}
		names[i] = r.config.Name
	}
	slices.Sort(names)
	return nil, fmt.Errorf("%w %q, not one of %s", ErrUnknownRouter, name, strings.Join(names, ", "))
}

// resign makes the router's whole group resign.
func (d *Daemon) resign(r *router, drain bool) (progress, error) {
	if drain && r.config.Drain == 0 {
		return nil, fmt.Errorf("%w: drain is off for %s", ErrNotNow, r.config.Name)
	}
	if !r.isActive() {
		return nil, fmt.Errorf("%w: %s %s", ErrNotNow, r.config.Name, r.whyNotActive())
	}
	g := r.group
	d.log.Info("resigning", "router", r.config.Name, "group", r.config.Group)
	d.step(g.families[0], vrrp.Resign{})
	return func() (bool, outcome) {
		switch {
		case r.isActive():
			return true, outcome{err: fmt.Errorf("%w: %v is active here again", ErrNobodyTookOver, g)}
		case g.serves() || drain && g.owns():
			return false, outcome{}
		}
		gone, alone := tookOver(g.routers)
		if alone != "" { // they were blocked meanwhile
			return true, outcome{err: fmt.Errorf("%w: %s", ErrNobodyTookOver, alone)}
		}
		return true, outcome{text: gone}
	}, nil
}

func (d *Daemon) reclaim(r *router) (progress, error) {
	if !r.families[0].core.Status().Resigned {
		return nil, fmt.Errorf("%w: %s has not resigned", ErrNotNow, r.config.Name)
	}
	d.log.Info("the resignation is taken back", "router", r.config.Name, "group", r.config.Group)
	d.step(r.families[0], vrrp.Reclaim{})
	return done(r.group.String() + " is as configured again"), nil
}

// tookOver says who took over from routers that have left, and from which of them nobody
// did.
func tookOver(left []*router) (gone, alone string) {
	var known, unknown []string
	for _, r := range left {
		if successor := r.successor(); successor.IsValid() {
			known = append(known, fmt.Sprintf("%v took over %s", successor, r.config.Name))
		} else {
			unknown = append(unknown, r.config.Name)
		}
	}
	return strings.Join(known, ", "), strings.Join(unknown, ", ")
}

// isActive: the group moves together.
func (r *router) isActive() bool { return r.group.state() == vrrp.Active }

// owns reports whether any of the router's addresses are still wanted here.
func (r *router) owns() bool {
	return slices.ContainsFunc(r.families, func(f *family) bool { return f.core.Status().Owns })
}

// serves reports whether the router answers for its addresses, or has just done so: it
// is more than draining.
func (r *router) serves() bool {
	return slices.ContainsFunc(r.families, func(f *family) bool {
		s := f.core.Status()
		return s.Owns && s.Phase != vrrp.Draining
	})
}

// successor is who took over when the router left last; not valid: nobody did.
func (r *router) successor() (successor netip.Addr) {
	for _, f := range r.families {
		if s := f.core.Status().Successor; s.IsValid() && !successor.IsValid() {
			successor = s
		}
	}
	return successor
}

// whyNotActive says in a few words what a router is instead.
func (r *router) whyNotActive() string {
	s := r.families[0].core.Status()
	switch {
	case len(s.Blocked) > 0:
		return fmt.Sprintf("is not active here, because of %v", s.Blocked)
	case s.Active.Source.IsValid():
		return fmt.Sprintf("is in %v here; %v is active", s.State, s.Active.Source)
	}
	return fmt.Sprintf("is in %v here", s.State)
}
