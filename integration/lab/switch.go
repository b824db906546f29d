// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	bridgeName = "switch"
	// firstPort is far from the indexes that a host's own interfaces get. The
	// kernel tells a veth from a real interface by its peer's index being another
	// one; when they are equal by chance, it reports a lost carrier up to a second late.
	firstPort = 1001
)

// Switch is a LAN: a learning bridge without spanning tree in a namespace of its
// own. It floods all multicast (a snooping bridge may hold adverts back) and passes
// on what it is given, malformed or not.
type Switch struct {
	namespace *Namespace
	bridge    netlink.Link

	mu    sync.Mutex // guards what follows
	ports []netlink.Link
}

// Cable connects an interface of a host to a port of a switch.
type Cable struct {
	lan  *Namespace // the switch's
	port netlink.Link
}

// NewSwitch makes a switch with no cable in it.
func NewSwitch() (*Switch, error) {
	namespace, err := NewNamespace("switch")
	if err != nil {
		return nil, err
	}
	s := &Switch{namespace: namespace}
	if err := errors.Join(namespace.Do(withoutBridgeNetfilter), s.addBridge()); err != nil {
		return nil, errors.Join(fmt.Errorf("make switch: %w", err), namespace.Close())
	}
	return s, nil
}

// withoutBridgeNetfilter keeps the module br_netfilter, where it is loaded, from
// handing what passes the bridge to iptables, and dropping what IP would not accept.
func withoutBridgeNetfilter() error {
	for _, table := range []string{"iptables", "ip6tables", "arptables"} {
		// What is under /proc/sys/net depends on the thread that opens it.
		err := os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-"+table, []byte("0"), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s *Switch) addBridge() (err error) {
	snooping := false
	bridge := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs(), MulticastSnooping: &snooping}
	bridge.Name = bridgeName
	handle := s.namespace.handle
	if err := handle.LinkAdd(bridge); err != nil {
		return fmt.Errorf("add bridge: %w", err)
	}
	if s.bridge, err = handle.LinkByName(bridgeName); err != nil {
		return fmt.Errorf("find bridge: %w", err)
	}
	return handle.LinkSetUp(s.bridge)
}

// Plug connects n to the switch by a veth pair. The end inside n is called ifname,
// gets the addresses ("192.0.2.11/24", "2001:db8::11/64") and is up. Of these IPv6
// addresses no duplicate is looked for; its link-local address has to be waited for,
// unless the namespace was told to [Namespace.SkipDAD]. With
// n == nil it is the namespace that this process is in.
func (s *Switch) Plug(n *Namespace, ifname string, addresses ...string) (*Cable, error) {
	cable, err := s.plug(n, ifname, addresses)
	if err != nil {
		return nil, fmt.Errorf("plug %s into the switch: %w", ifname, err)
	}
	return cable, nil
}

func (s *Switch) plug(n *Namespace, ifname string, addresses []string) (*Cable, error) {
	host, closeHost, err := openHost(n)
	if err != nil {
		return nil, err
	}
	defer closeHost()
	port, err := s.addPort(host.file, ifname)
	if err != nil {
		return nil, err
	}
	if err := configure(host.handle, ifname, addresses); err != nil {
		return nil, errors.Join(err, s.namespace.handle.LinkDel(port))
	}
	cable := &Cable{lan: s.namespace, port: port}
	return cable, cable.Restore()
}

// host is where the far end of a cable goes.
type host struct {
	handle *netlink.Handle
	file   *os.File
}

// openHost opens the namespace n, or for nil the process's own, until the returned
// function is called.
func openHost(n *Namespace) (host, func(), error) {
	if n != nil {
		return host{n.handle, n.file}, func() {}, nil
	}
	file, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return host{}, nil, err
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return host{}, nil, errors.Join(fmt.Errorf("open netlink: %w", err), file.Close())
	}
	return host{handle, file}, func() { handle.Close(); file.Close() }, nil
}

// addPort makes a veth pair with one end in the bridge, still down, the other in
// the namespace that the file refers to.
func (s *Switch) addPort(namespace *os.File, ifname string) (netlink.Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	veth := &netlink.Veth{
		LinkAttrs:     netlink.NewLinkAttrs(),
		PeerName:      ifname,
		PeerNamespace: netlink.NsFd(namespace.Fd()),
	}
	veth.Name = fmt.Sprintf("port%d", len(s.ports)+1)
	veth.Index = firstPort + len(s.ports)
	veth.MasterIndex = s.bridge.Attrs().Index
	if err := s.namespace.handle.LinkAdd(veth); err != nil {
		return nil, fmt.Errorf("add veth pair: %w", err)
	}
	s.ports = append(s.ports, veth)
	return veth, nil
}

func configure(handle *netlink.Handle, ifname string, addresses []string) error {
	link, err := handle.LinkByName(ifname)
	if err != nil {
		return fmt.Errorf("find %s: %w", ifname, err)
	}
	if err := addAddresses(handle, link, addresses); err != nil {
		return err
	}
	return handle.LinkSetUp(link)
}

func addAddresses(handle *netlink.Handle, link netlink.Link, addresses []string) error {
	for _, text := range addresses {
		address, err := netlink.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("address %q: %w", text, err)
		}
		if address.IP.To4() == nil {
			address.Flags = unix.IFA_F_NODAD
		}
		if err := handle.AddrAdd(link, address); err != nil {
			return fmt.Errorf("add address %s: %w", text, err)
		}
	}
	return nil
}

// Pull pulls the cable at the switch's end: the host's interface loses its carrier
// and the switch forgets what it learned on the port.
func (c *Cable) Pull() error {
	if err := c.lan.handle.LinkSetDown(c.port); err != nil {
		return fmt.Errorf("pull the cable from %s: %w", c.port.Attrs().Name, err)
	}
	return nil
}

// Restore plugs the cable in again.
func (c *Cable) Restore() error {
	if err := c.lan.handle.LinkSetUp(c.port); err != nil {
		return fmt.Errorf("plug the cable into %s: %w", c.port.Attrs().Name, err)
	}
	return nil
}

// Isolate keeps hosts whose cables are isolated from reaching one another, though
// not the others, or lets them again. Nobody loses a carrier.
func (c *Cable) Isolate(isolated bool) error {
	if err := c.lan.handle.LinkSetIsolated(c.port, isolated); err != nil {
		return fmt.Errorf("isolate %s: %w", c.port.Attrs().Name, err)
	}
	return nil
}

// Close removes the cables, with their ends in the hosts, and the switch. On return
// the names of the hosts' interfaces are free.
func (s *Switch) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, port := range s.ports {
		err := s.namespace.handle.LinkDel(port)
		if err != nil && !errors.Is(err, unix.ENODEV) { // gone with a closed host
			errs = append(errs, fmt.Errorf("remove %s: %w", port.Attrs().Name, err))
		}
	}
	s.ports = nil
	return errors.Join(append(errs, s.namespace.Close())...)
}
