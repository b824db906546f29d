// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"vipd/integration/lab"
)

// Pair is two nodes on as many LANs as their routers need, and a host beside them that
// hears all that is said.
type Pair struct {
	*Watch
	Nodes [2]*Node // Better and Worse

	cleanup []func() error // to be called from the last to the first
}

// New lays out a pair for a setting. No daemon runs yet. It must be closed.
func New(s Setting, vipd string) (*Pair, error) {
	p := &Pair{}
	if err := p.build(s, vipd); err != nil {
		return nil, errors.Join(fmt.Errorf("lay out a pair: %w", err), p.Close())
	}
	return p, nil
}

func (p *Pair) build(s Setting, vipd string) error {
	// The path is short: the name of a UNIX socket must fit into 107 bytes.
	dir, err := os.MkdirTemp("", "vipd-pair-")
	if err != nil {
		return err
	}
	p.onClose(func() error { return os.RemoveAll(dir) })
	observer, err := p.host("observer")
	if err != nil {
		return err
	}
	for i, name := range []string{"lb1", "lb2"} {
		namespace, err := p.host(name)
		if err != nil {
			return err
		}
		n := &Node{Namespace: namespace, setting: s, dir: filepath.Join(dir, name), vipd: vipd, priority: priority(i)}
		if err := os.Mkdir(n.dir, 0o700); err != nil {
			return err
		}
		p.Nodes[i] = n
	}
	lans, nodes := map[int]int{}, map[[6]byte]int{}
	for lan := range s.lans() {
		if err := p.addLAN(lan, observer, lans, nodes); err != nil {
			return err
		}
	}
	ring, err := newRing(observer)
	if err != nil {
		return err
	}
	p.Watch = newWatch(s, ring, lans, nodes)
	p.onClose(p.Watch.close)
	return nil
}

func (p *Pair) host(name string) (*lab.Namespace, error) {
	n, err := lab.NewNamespace(name)
	if err != nil {
		return nil, err
	}
	p.onClose(n.Close)
	return n, n.SkipDAD()
}

// addLAN adds a LAN, notes the observer's interface there, and who has which MAC.
func (p *Pair) addLAN(lan int, observer *lab.Namespace, lans map[int]int, nodes map[[6]byte]int) error {
	lanSwitch, err := lab.NewSwitch()
	if err != nil {
		return err
	}
	p.onClose(lanSwitch.Close)
	if _, err := lanSwitch.Plug(observer, ifname(lan)); err != nil {
		return err
	}
	link, err := observer.Handle().LinkByName(ifname(lan))
	if err != nil {
		return err
	}
	lans[link.Attrs().Index] = lan
	for i, n := range p.Nodes {
		if _, err := lanSwitch.Plug(n.Namespace, ifname(lan), own(lan, byte(11+i))...); err != nil {
			return err
		}
		link, err := n.Handle().LinkByName(ifname(lan))
		if err != nil {
			return err
		}
		nodes[[6]byte(link.Attrs().HardwareAddr)] = i
	}
	return nil
}

func (p *Pair) onClose(f func() error) { p.cleanup = append(p.cleanup, f) }

// Close ends everything and removes it.
func (p *Pair) Close() error {
	var errs []error
	for _, f := range slices.Backward(p.cleanup) {
		errs = append(errs, f())
	}
	p.cleanup = nil
	return errors.Join(errs...)
}
