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

// Resignation asks an Active router to give up, or takes that back.
type Resignation struct {
	Router string `json:"router"`
	Undo   bool   `json:"undo,omitempty"`
}

// Resign makes a router hand over. It returns when the router owns nothing any more,
// with a sentence that says who took over. When nobody did, the router is Active again,
// and the error wraps ErrNobodyTookOver. It wraps ErrUnknownRouter or ErrNotNow when
// there is nothing to give up, or to take back.
func (d *Daemon) Resign(ctx context.Context, request Resignation) (string, error) {
	c, err := d.order(ctx, func() (progress, error) {
		r, err := d.routerNamed(request.Router)
		switch {
		case err != nil:
			return nil, err
		case request.Undo:
			return d.reclaim(r)
		}
		return d.resign(r)
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

func (d *Daemon) resign(r *router) (progress, error) {
	name := r.config.Name
	if !r.isActive() {
		return nil, fmt.Errorf("%w: %s %s", ErrNotNow, name, r.whyNotActive())
	}
	d.log.Info("resigning", "router", name)
	d.step(r.families[0], vrrp.Resign{})
	return func() (bool, outcome) {
		switch {
		case r.isActive():
			return true, outcome{err: fmt.Errorf("%w: %s is active here again", ErrNobodyTookOver, name)}
		case r.owns():
			return false, outcome{}
		case !r.successor().IsValid(): // it was blocked meanwhile
			return true, outcome{err: fmt.Errorf("%w: %s", ErrNobodyTookOver, name)}
		}
		return true, outcome{text: fmt.Sprintf("%v took over %s", r.successor(), name)}
	}, nil
}

func (d *Daemon) reclaim(r *router) (progress, error) {
	if !r.families[0].core.Status().Resigned {
		return nil, fmt.Errorf("%w: %s has not resigned", ErrNotNow, r.config.Name)
	}
	d.log.Info("the resignation is taken back", "router", r.config.Name)
	d.step(r.families[0], vrrp.Reclaim{})
	return done(r.config.Name + " is as configured again"), nil
}

// isActive: the families move together.
func (r *router) isActive() bool { return r.families[0].core.Status().State == vrrp.Active }

// owns reports whether any of the router's addresses are still wanted here.
func (r *router) owns() bool {
	return slices.ContainsFunc(r.families, func(f *family) bool { return f.core.Status().Owns })
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
