// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

const (
	// VIP4 and VIP6 are the addresses that the nodes of a site are to share.
	VIP4 = "192.0.2.100/24"
	VIP6 = "2001:db8::100/64"
	// Interface is what each host of a site has on the LAN.
	Interface = "eth0"
)

// Site is two load balancers and a client on a LAN, each with an IPv4 and an IPv6
// address on eth0. No program runs yet. It must be closed.
type Site struct {
	LAN      *Switch
	Client   *Host // 192.0.2.1, 2001:db8::1
	LB1, LB2 *Host // 192.0.2.11 and .12, 2001:db8::11 and ::12

	dir     string
	cleanup []func() error // to be called from the last to the first
}

// Host is a host of a site.
type Host struct {
	*Namespace
	Cable *Cable
	Dir   string // for its files, gone with the site

	lan       *Switch
	addresses []string
}

// NewSite lays out a site.
func NewSite() (*Site, error) {
	s := &Site{}
	if err := s.build(); err != nil {
		return nil, errors.Join(fmt.Errorf("lay out a site: %w", err), s.Close())
	}
	return s, nil
}

func (s *Site) build() (err error) {
	// The path is short: the name of a UNIX socket must fit into 107 bytes.
	if s.dir, err = os.MkdirTemp("", "vipd-site-"); err != nil {
		return err
	}
	s.OnClose(func() error { return os.RemoveAll(s.dir) })
	if err = os.Chmod(s.dir, 0o711); err != nil { // FRR runs as a user of its own
		return err
	}
	if s.LAN, err = NewSwitch(); err != nil {
		return err
	}
	s.OnClose(s.LAN.Close)
	if s.Client, err = s.AddHost("client", 1); err != nil {
		return err
	}
	if s.LB1, err = s.AddHost("lb1", 11); err != nil {
		return err
	}
	s.LB2, err = s.AddHost("lb2", 12)
	return err
}

// AddHost adds a host with the addresses 192.0.2.N and 2001:db8::N.
func (s *Site) AddHost(name string, number uint8) (*Host, error) {
	namespace, err := NewNamespace(name)
	if err != nil {
		return nil, err
	}
	s.OnClose(namespace.Close)
	h := &Host{Namespace: namespace, Dir: filepath.Join(s.dir, name), lan: s.LAN,
		addresses: []string{fmt.Sprintf("192.0.2.%d/24", number), fmt.Sprintf("2001:db8::%d/64", number)}}
	return h, errors.Join(namespace.SkipDAD(), os.Mkdir(h.Dir, 0o711), h.Return())
}

// Vanish removes the host's interface. To the others it is as if the whole host had
// gone: nobody answers, and nothing says why.
func (h *Host) Vanish() error {
	link, err := h.Handle().LinkByName(Interface)
	if err != nil {
		return fmt.Errorf("find %s of %s: %w", Interface, h.name, err)
	}
	if err := h.Handle().LinkDel(link); err != nil {
		return fmt.Errorf("remove %s of %s: %w", Interface, h.name, err)
	}
	return nil
}

// Return gives a host whose interface is gone another one, with the same addresses.
func (h *Host) Return() (err error) {
	h.Cable, err = h.lan.Plug(h.Namespace, Interface, h.addresses...)
	return err
}

// OnClose has something done when the site is closed, before what was added earlier.
func (s *Site) OnClose(f func() error) { s.cleanup = append(s.cleanup, f) }

// Close ends everything and removes it.
func (s *Site) Close() error {
	var errs []error
	for _, f := range slices.Backward(s.cleanup) {
		errs = append(errs, f())
	}
	s.cleanup = nil
	return errors.Join(errs...)
}
