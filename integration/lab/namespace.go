// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Namespace is an anonymous network namespace: a host of the lab. One goroutine,
// locked to a thread inside it, does all its work. The namespace lives as long as
// that thread and what was started or opened in it.
type Namespace struct {
	name   string
	handle *netlink.Handle
	file   *os.File // refers to the namespace, to move links into it
	jobs   chan func()
	quit   chan struct{}
	ended  chan struct{}
	close  sync.Once
}

// NewNamespace makes a network namespace in which lo is up. The name is for
// people: messages, and answers of the programs.
func NewNamespace(name string) (*Namespace, error) {
	n := &Namespace{
		name:  name,
		jobs:  make(chan func()),
		quit:  make(chan struct{}),
		ended: make(chan struct{}),
	}
	made := make(chan error)
	go n.work(made)
	if err := <-made; err != nil {
		return nil, fmt.Errorf("make network namespace %s: %w", name, err)
	}
	return n, nil
}

// work is the namespace's goroutine. It never unlocks its thread, so that the
// runtime ends the thread with it instead of using it for others.
func (n *Namespace) work(made chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// The main thread must stay where it is: /proc/self/net is the main
		// thread's. While it waits here, no other goroutine can get it.
		moved := make(chan struct{})
		go func() { defer close(moved); n.work(made) }()
		<-moved
		runtime.UnlockOSThread()
		return
	}
	defer close(n.ended)
	err := n.enter()
	made <- err
	if err != nil {
		return
	}
	defer n.file.Close()
	defer n.handle.Close()
	for {
		select {
		case job := <-n.jobs:
			job()
		case <-n.quit:
			return
		}
	}
}

// enter moves the calling thread into a new network namespace.
func (n *Namespace) enter() (err error) {
	if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if n.file, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	if n.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	return linkUp(n.handle, "lo")
}

// Name is what the namespace was named.
func (n *Namespace) Name() string { return n.name }

// Handle is a netlink handle of the namespace. It may be used from anywhere, until
// Close.
func (n *Namespace) Handle() *netlink.Handle { return n.handle }

// Addresses are the interfaces' addresses that are an address, with any prefix length.
func (n *Namespace) Addresses(address netip.Addr) ([]netlink.Addr, error) {
	all, err := n.handle.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list the addresses of %s: %w", n.name, err)
	}
	return slices.DeleteFunc(all, func(a netlink.Addr) bool {
		other, _ := netip.AddrFromSlice(a.IP)
		return other.Unmap() != address
	}), nil
}

// Do runs fn inside the namespace and returns its error. Sockets made in it stay
// in the namespace. Calls are serial: keep fn short, and don't call Do within it.
func (n *Namespace) Do(fn func() error) error {
	err := errors.New("the function did not return")
	done := make(chan struct{})
	job := func() {
		defer close(done) // also when fn ends the goroutine, as t.Fatal does
		err = fn()
	}
	select {
	case n.jobs <- job:
		<-done
		return err
	case <-n.ended:
		return fmt.Errorf("network namespace %s is closed", n.name)
	}
}

// Start starts cmd inside the namespace, in a process group of its own: a Ctrl-C
// at the terminal reaches only us. The kernel kills it when the namespace is closed
// or this process ends.
func (n *Namespace) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr.Setpgid = true
	if err := n.Do(cmd.Start); err != nil {
		return fmt.Errorf("start %s in %s: %w", cmd.Path, n.name, err)
	}
	return nil
}

// Close ends the namespace and what was started in it. Sockets made in it stay
// usable until they are closed themselves. A second Close does nothing.
func (n *Namespace) Close() error {
	n.close.Do(func() { close(n.quit) })
	<-n.ended
	return nil
}

func linkUp(handle *netlink.Handle, name string) error {
	link, err := handle.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	if err := handle.LinkSetUp(link); err != nil {
		return fmt.Errorf("set link %s up: %w", name, err)
	}
	return nil
}
